// One client's connection: which edition it negotiated, which calls it has in flight, and how each
// method is answered. The public face is Dispatcher. Borrows executor and transport. All but
// RunCall belongs to the reader's thread; RunCall runs on the pool.
#pragma once

#include <memory>
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
  struct Call;  // one tools/call on its way through the pool

  void OnRequest(jsonrpc::Request request);
  void OnNotification(const jsonrpc::Notification& notification);
  // The edition that rules this request, or null after it was answered with an error.
  const EditionTraits* EditionOf(const jsonrpc::Request& request, ReplyOnce& reply);

  void Initialize(const jsonrpc::Request& request, ReplyOnce reply);
  void ListTools(const EditionTraits& edition, const jsonrpc::Request& request, ReplyOnce reply);
  void CallTool(const EditionTraits& edition, jsonrpc::Request request, ReplyOnce reply);
  void RunCall(Call& call);
  Result<tools::ToolResult> Execute(Call& call);

  tools::ToolExecutor& executor_;
  Transport& transport_;
  policies::Principal principal_;
  ServerOptions options_;
  std::optional<Edition> legacy_edition_;  // set by initialize
  CallsInFlight calls_;
  CallPool pool_;  // last: its threads use all of the above
};

}  // namespace casemate::mcp
