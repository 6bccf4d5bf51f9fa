// One client's connection: which edition it negotiated, which calls it has in flight, and how each
// method is answered. The public face is Dispatcher.
#pragma once

#include <optional>
#include <string_view>

#include "mcp/jsonrpc/message.h"
#include "mcp/protocol/edition.h"
#include "mcp/server/call_pool.h"
#include "mcp/server/calls.h"
#include "mcp/server/dispatcher.h"
#include "mcp/server/reply_once.h"

namespace casemate::mcp {

class Dispatcher::Connection {
 public:
  Connection(tools::ToolExecutor& executor, Transport& transport, policies::Principal principal,
             ServerOptions options);
  void Handle(std::string_view text);
  void HandleOversized(std::size_t limit_bytes);
  void Shutdown();

 private:
  void OnRequest(jsonrpc::Request request);
  void OnNotification(const jsonrpc::Notification& notification);
  // The edition that rules this request, or null after it was answered with an error.
  const EditionTraits* EditionOf(const jsonrpc::Request& request, ReplyOnce& reply);
  const EditionTraits* ModernEdition(const nlohmann::json& meta, ReplyOnce& reply);

  void Initialize(const jsonrpc::Request& request, ReplyOnce reply);
  void ListTools(const EditionTraits& edition, const jsonrpc::Request& request, ReplyOnce reply);
  void CallTool(const EditionTraits& edition, jsonrpc::Request request, ReplyOnce reply);
  void RunCall(const EditionTraits& edition, const jsonrpc::Request& request,
               const std::stop_source& stop, ReplyOnce& reply);

  tools::ToolExecutor& executor_;
  Transport& transport_;
  policies::Principal principal_;
  ServerOptions options_;
  std::optional<Edition> legacy_edition_;  // set by initialize; used by the reader thread only
  CallsInFlight calls_;
  CallPool pool_;
};

}  // namespace casemate::mcp
