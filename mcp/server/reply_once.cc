#include "mcp/server/reply_once.h"

#include <exception>

#include "base/log.h"
#include "mcp/server/errors.h"

namespace casemate::mcp {

ReplyOnce::~ReplyOnce() {
  if (transport_ == nullptr) {
    return;
  }
  try {
    Fail(InternalError("the request ended without an answer"));
  } catch (const std::exception& error) {  // out of memory; a destructor must not throw
    Log(LogLevel::kError, error.what());
  }
}

void ReplyOnce::Succeed(const nlohmann::json& result) {
  Send(jsonrpc::SerializeResult(id_, result));
}

void ReplyOnce::Fail(const jsonrpc::RpcError& error) {
  Send(jsonrpc::SerializeError(id_, error));
}

void ReplyOnce::Send(std::string message) {
  Transport* transport = std::exchange(transport_, nullptr);
  if (transport == nullptr) {
    Log(LogLevel::kError, "defect: a request was to be answered twice; the second answer is lost");
    return;
  }
  transport->Send(std::move(message), SendClass::kReply);
}

}  // namespace casemate::mcp
