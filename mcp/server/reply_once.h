// ReplyOnce: the right to answer one request, exactly once. Move-only; a right that is dropped
// unused answers with an internal error, so that no request stays open, and a second answer never
// reaches the client. Used by one thread at a time. Shares the sink.
#pragma once

#include <string_view>
#include <utility>

#include "mcp/jsonrpc/message.h"
#include "mcp/transport/transport.h"

namespace casemate::mcp {

class ReplyOnce {
 public:
  ReplyOnce(MessageSinkPtr sink, jsonrpc::RequestId id)
      : sink_(std::move(sink)), id_(std::move(id)) {}
  ReplyOnce(ReplyOnce&& other) noexcept
      : sink_(std::exchange(other.sink_, nullptr)),
        id_(std::move(other.id_)),
        is_modern_(other.is_modern_) {}
  ReplyOnce& operator=(ReplyOnce&&) = delete;
  ~ReplyOnce();

  void SetModern(bool is_modern) { is_modern_ = is_modern; }
  void Succeed(const nlohmann::json& result);
  void SucceedWith(std::string_view serialised_result);
  void Fail(const jsonrpc::RpcError& error);
  // Fail, of an error found before the method began.
  void Refuse(const jsonrpc::RpcError& error);
  // A cancelled request gets no answer (MCP, basic/utilities/cancellation).
  void Forget();

 private:
  void Send(std::string message, AnswerFacts facts);

  MessageSinkPtr sink_;  // null: answered, moved away or forgotten
  jsonrpc::RequestId id_;
  bool is_modern_ = false;
};

}  // namespace casemate::mcp
