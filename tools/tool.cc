#include "tools/tool.h"

#include "base/text.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

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

ToolResult ErrorResult(ErrorKind kind, const Error& error, std::string_view aside) {
  const std::string remedy =
      error.remedy.empty() ? std::string(NextStep(kind)) : Shown(error.remedy);
  json body = {{"kind", ToString(kind)}, {"message", Shown(error.message)}, {"remedy", remedy}};
  std::string text = std::string(ToString(kind)) + ": ";
  if (!error.field.empty()) {
    body["field"] = Shown(error.field);
    text += Shown(error.field) + ": ";
  }
  text += Shown(error.message);
  if (!aside.empty()) {
    text += "\n" + Shown(aside);
  }
  text += "\nWhat to do: " + remedy;
  ToolResult result;
  result.is_error = true;
  result.text = std::move(text);
  result.structured = {{"status", "not_run"}, {"error", std::move(body)}};
  // Without the message: it may quote an argument.
  result.audit = {{"status", "not_run"}, {"kind", ToString(kind)}};
  if (!error.field.empty()) {
    result.audit["field"] = Shown(error.field);
  }
  return result;
}

}  // namespace casemate::tools
