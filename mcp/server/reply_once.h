// ReplyOnce: the right to answer one request, exactly once. Move-only; a right that is dropped
// unused answers with an internal error, so that no request stays open. Used by one thread at a
// time; sending is thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "mcp/jsonrpc/message.h"
#include "mcp/transport/transport.h"

namespace casemate::mcp {

class ReplyOnce {
 public:
  ReplyOnce(Transport& transport, jsonrpc::RequestId id)
      : transport_(&transport), id_(std::move(id)) {}
  ReplyOnce(ReplyOnce&& other) noexcept
      : transport_(std::exchange(other.transport_, nullptr)), id_(std::move(other.id_)) {}
  ReplyOnce& operator=(ReplyOnce&&) = delete;
  ~ReplyOnce() {
    if (transport_ != nullptr) {
      Fail({jsonrpc::kInternalError, "Internal error: the request was not answered", nullptr});
    }
  }

  void Succeed(const nlohmann::json& result) {
    Send(jsonrpc::SerializeResult(id_, result));
  }
  void Fail(const jsonrpc::RpcError& error) { Send(jsonrpc::SerializeError(id_, error)); }
  // A cancelled request gets no answer (MCP, basic/utilities/cancellation).
  void Forget() { transport_ = nullptr; }

 private:
  void Send(std::string message) {
    if (Transport* transport = std::exchange(transport_, nullptr)) {
      transport->Send(std::move(message), SendClass::kReply);
    }
  }

  Transport* transport_;  // null: answered, moved away or forgotten
  jsonrpc::RequestId id_;
};

}  // namespace casemate::mcp
