#include "tools/tool.h"

#include "base/text.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

const char* KindOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_arguments";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kPermissionDenied:
      return "permission_denied";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kResourceExhausted:
      return "resource_exhausted";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kInputRequired:
      return "input_required";
    case ErrorCode::kUnsupportedByClient:
      return "unsupported_by_client";
    case ErrorCode::kDataLoss:
      return "data_loss";
    case ErrorCode::kInternal:
      return "internal_error";
  }
  return "internal_error";
}

// Messages quote the caller: a quoted escape sequence must not reach a terminal.
std::string Shown(std::string_view text) {
  return EscapeControls(ToValidUtf8(text), true);
}

}  // namespace

Result<Answers> CallContext::Ask(const std::vector<Question>& questions) const {
  if (asker == nullptr) {
    return Error{ErrorCode::kUnsupportedByClient,
                 "there is nobody to ask on this channel",
                 {},
                 "call this tool from a client that supports elicitation",
                 0};
  }
  return asker->Ask(questions);
}

ToolResult ErrorResult(const Error& error) {
  return ErrorResult(KindOf(error.code), error);
}

ToolResult ErrorResult(std::string_view kind, const Error& error) {
  json body = {{"kind", kind}, {"message", Shown(error.message)}};
  std::string text = std::string(kind) + ": ";
  if (!error.field.empty()) {
    body["field"] = Shown(error.field);
    text += Shown(error.field) + ": ";
  }
  text += Shown(error.message);
  if (!error.remedy.empty()) {
    body["remedy"] = Shown(error.remedy);
    text += "\nWhat to do: " + Shown(error.remedy);
  }
  ToolResult result;
  result.is_error = true;
  result.text = std::move(text);
  result.structured = {{"status", "not_run"}, {"error", std::move(body)}};
  // Without the message: it may quote an argument.
  result.audit = {{"status", "not_run"}, {"kind", kind}};
  if (!error.field.empty()) {
    result.audit["field"] = Shown(error.field);
  }
  return result;
}

}  // namespace casemate::tools
