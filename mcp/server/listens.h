// The subscriptions/listen requests of one session (MCP 2026-07-28): each has a filter, and is open
// until the client cancels it or the server ends. Thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "mcp/jsonrpc/message.h"
#include "mcp/protocol/wire.h"
#include "mcp/server/reply_once.h"
#include "mcp/transport/transport.h"
#include "tools/changes.h"

namespace casemate::mcp {

struct ListenFilter {
  bool tools = false;
  bool prompts = false;
  bool resources = false;
  std::set<std::string> uris;
  std::set<std::string> tasks;
  [[nodiscard]] bool Wants(const tools::Change& change) const;
};

class Listens {
 public:
  // Sends the acknowledgement with `honoured` and keeps the request open. False: closed already.
  bool Open(const jsonrpc::RequestId& id, ListenFilter filter, const nlohmann::json& honoured,
            const MessageSinkPtr& sink, ReplyOnce reply);
  [[nodiscard]] bool Contains(const jsonrpc::RequestId& id) const;
  // The client took it back: it ends without an answer.
  void Cancel(const jsonrpc::RequestId& id);
  // Ends all with their result.
  void Close(const ServerIdentity& identity);
  [[nodiscard]] bool Wants(const tools::Change& change) const;
  // `params` of the notification `method`, for each that wants `change`.
  void Notify(const tools::Change& change, const std::string& method, const nlohmann::json& params);

 private:
  struct Listen {
    ListenFilter filter;
    MessageSinkPtr sink;
    ReplyOnce reply;
  };
  mutable std::mutex mutex_;
  std::map<jsonrpc::RequestId, Listen> open_;  // guarded by mutex_
  bool closed_ = false;                        // guarded by mutex_
};

}  // namespace casemate::mcp
