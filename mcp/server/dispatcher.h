// Dispatcher: takes each message of one connection, applies the edition's rules, answers every
// request exactly once, and runs tool calls on the pool. HandleMessage is called by one thread (the
// transport's reader); replies come from pool threads too.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "mcp/transport/transport.h"
#include "policies/identity/principal.h"
#include "tools/executor.h"

namespace casemate::mcp {

struct ServerOptions {
  JsonLimits json;
  std::size_t max_concurrent_calls = 16;  // threads of the tool pool
  std::size_t max_queued_calls = 256;     // beyond that: a clear error
  std::string channel = "mcp-stdio";      // for the audit trail
};

class Dispatcher {
 public:
  // Borrows all of them; `transport` must outlive Shutdown.
  Dispatcher(tools::ToolExecutor& executor, Transport& transport, policies::Principal principal,
             ServerOptions options);
  ~Dispatcher();

  // One message as received, without line end.
  void HandleMessage(std::string_view text);
  // For input that the transport itself refused (a line beyond the limit): answers -32700.
  void HandleOversized(std::size_t limit_bytes);
  // Cancels all running calls and waits for them; afterwards nothing is sent.
  void Shutdown();

 private:
  class Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace casemate::mcp
