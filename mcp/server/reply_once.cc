#include "mcp/server/reply_once.h"

#include <exception>

#include "base/log.h"
#include "mcp/server/errors.h"

namespace casemate::mcp {

ReplyOnce::~ReplyOnce() {
  if (sink_ == nullptr) {
    return;
  }
  try {
    Log(LogLevel::kError, "defect: a request was left unanswered");
    Fail(InternalError("the server lost this request; its log says more"));
  } catch (const std::exception& error) {
    Log(LogLevel::kError, error.what());
  }
}

void ReplyOnce::Succeed(const nlohmann::json& result) {
  Send(jsonrpc::SerializeResult(id_, result), {});
}

void ReplyOnce::SucceedWith(std::string_view serialised_result) {
  Send(jsonrpc::WrapResult(id_, serialised_result), {});
}

void ReplyOnce::Fail(const jsonrpc::RpcError& error) {
  Send(jsonrpc::SerializeError(id_, error), {.error_code = error.code, .is_refusal = false});
}

void ReplyOnce::Refuse(const jsonrpc::RpcError& error) {
  Send(jsonrpc::SerializeError(id_, error), {.error_code = error.code, .is_refusal = true});
}

void ReplyOnce::Forget() {
  if (const MessageSinkPtr sink = std::exchange(sink_, nullptr)) {
    sink->NoAnswer();
  }
}

void ReplyOnce::Send(std::string message, AnswerFacts facts) {
  const MessageSinkPtr sink = std::exchange(sink_, nullptr);
  if (sink == nullptr) {
    Log(LogLevel::kError, "defect: a request was to be answered twice; the second answer is lost");
    return;
  }
  facts.is_modern = is_modern_;
  sink->Answer(std::move(message), facts);
}

}  // namespace casemate::mcp
