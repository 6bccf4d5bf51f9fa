// ReplyOnce: the right to answer one request, exactly once. Move-only; a right that is dropped
// unused answers with an internal error, so that no request stays open, and a second answer never
// reaches the client. Used by one thread at a time. Borrows the transport.
#pragma once

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
  ~ReplyOnce();

  void Succeed(const nlohmann::json& result);
  void Fail(const jsonrpc::RpcError& error);
  // A cancelled request gets no answer (MCP, basic/utilities/cancellation).
  void Forget() { transport_ = nullptr; }

 private:
  void Send(std::string message);

  Transport* transport_;  // null: answered, moved away or forgotten
  jsonrpc::RequestId id_;
};

}  // namespace casemate::mcp
