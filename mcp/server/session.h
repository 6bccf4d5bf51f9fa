// Session: one client's side of the server: which edition it negotiated, what it can do, which of
// its calls are in flight, what it watches, what it was asked. On stdio one lives as long as the
// process; over HTTP one for each Mcp-Session-Id, and one for each request of the modern edition.
// Thread-safe. Held by shared_ptr: calls on the pool keep it alive. Borrows the Server.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>

#include "mcp/jsonrpc/message.h"
#include "mcp/protocol/edition.h"
#include "mcp/server/calls.h"
#include "mcp/server/client_questions.h"
#include "mcp/server/envelope.h"
#include "mcp/server/listens.h"
#include "mcp/transport/transport.h"
#include "policies/identity/principal.h"
#include "tools/changes.h"
#include "tools/tool.h"

namespace casemate::mcp {

class Server;
struct Exchange;

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Server& server, policies::Principal principal, std::string channel,
          MessageSinkPtr general);

  // One message (or batch) as received. Answers, and what belongs to a request, go to `sink`.
  // `headers`: of the HTTP request that carried it; null on stdio.
  void Handle(std::string_view text, const MessageSinkPtr& sink,
              const RequestHeaders* headers = nullptr);
  // The same, parsed already.
  void Handle(jsonrpc::Incoming incoming, const MessageSinkPtr& sink,
              const RequestHeaders* headers);
  // For input that the transport itself refused (a message beyond the limit): answers -32700.
  static void HandleOversized(std::size_t limit_bytes, const MessageSinkPtr& sink);
  // Cancels all calls, ends all listen requests and questions; nothing new is begun.
  void Close();
  // The client went away from one request's stream: that request is cancelled.
  void Cancel(const jsonrpc::RequestId& id) { calls_.Cancel(id); }
  void OnChange(const tools::Change& change);

  [[nodiscard]] Server& server() const { return server_; }
  [[nodiscard]] const policies::Principal& principal() const { return principal_; }
  [[nodiscard]] const std::string& channel() const { return channel_; }
  // Of this session alone in this process.
  [[nodiscard]] const std::string& serial() const { return serial_; }
  [[nodiscard]] CallsInFlight& calls() { return calls_; }
  [[nodiscard]] ClientQuestions& questions() { return questions_; }
  [[nodiscard]] Listens& listens() { return listens_; }

  // What initialize settled; the edition is nullopt before.
  [[nodiscard]] std::optional<Edition> edition() const;
  void Settle(Edition edition, nlohmann::json capabilities);
  // The least severity that the client wants to be told of (initialize-based editions).
  [[nodiscard]] tools::Severity log_level() const;
  void SetLogLevel(tools::Severity level);
  // False: too many.
  bool Watch(const std::string& uri);
  void Unwatch(const std::string& uri);

 private:
  void HandleOne(jsonrpc::Parsed parsed, const MessageSinkPtr& sink, const RequestHeaders* headers);
  void OnRequest(jsonrpc::Request request, const MessageSinkPtr& sink,
                 const RequestHeaders* headers);
  void OnNotification(const jsonrpc::Notification& notification);
  void NotifyTask(const tools::Change& change);
  void OnPool(const std::shared_ptr<Exchange>& exchange);

  Server& server_;
  const policies::Principal principal_;
  const std::string channel_;
  const std::string serial_;
  const MessageSinkPtr general_;  // may be null
  CallsInFlight calls_;
  ClientQuestions questions_;
  Listens listens_;

  mutable std::mutex mutex_;
  std::optional<Edition> edition_;  // guarded by mutex_, as are all below
  Capabilities capabilities_;       // of the client
  tools::Severity log_level_ = tools::Severity::kInfo;
  std::set<std::string> watched_;  // URIs
  bool closed_ = false;
};

}  // namespace casemate::mcp
