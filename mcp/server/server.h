// Server: what all sessions of one process share: what is offered, the threads that calls run on,
// the key of request states, and the news of changes. Thread-safe. Borrows its backends, which must
// outlive Shutdown.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/fair_pool.h"
#include "base/json.h"
#include "mcp/protocol/wire.h"
#include "mcp/server/rendered.h"
#include "mcp/server/request_state.h"
#include "mcp/transport/transport.h"
#include "policies/identity/principal.h"
#include "tools/changes.h"
#include "tools/executor.h"

namespace casemate::tools {
class JobRunner;
class MetricsReader;
class PromptReader;
class ResourceReader;
}  // namespace casemate::tools

namespace casemate::mcp {

class Session;

// What the server serves. Null: not offered; its methods do not exist.
struct Backends {
  tools::ToolExecutor& executor;
  tools::Gate& gate;
  tools::ResourceReader* resources = nullptr;
  tools::PromptReader* prompts = nullptr;
  tools::JobRunner* jobs = nullptr;
  tools::Changes* changes = nullptr;
  const tools::MetricsReader* metrics = nullptr;  // over HTTP, beside MCP
};

struct ServerOptions {
  JsonLimits json;
  // Owners are principals. Beyond these limits: a clear error.
  FairPoolLimits calls{.working = 16,
                       .working_each = 12,
                       .queued = 256,
                       .queued_each = 128,
                       .aside = 256,
                       .aside_each = 64};
  FairPoolLimits reserved{.working = 4,  // for all but calls of tools
                          .working_each = 3,
                          .queued = 256,
                          .queued_each = 128,
                          .aside = 128,
                          .aside_each = 32};
  std::size_t max_calls_per_session = 64;
  std::size_t max_subscriptions = 256;          // of one session or listen request
  std::size_t page_size = 100;                  // entries of a list result
  std::chrono::milliseconds ask_time{600'000};  // a client may take to answer a question
  std::chrono::milliseconds task_after{
      2'000};  // a slow call becomes a task, if the client knows them
  ServerIdentity identity;
};

class Server {
 public:
  Server(Backends backends, ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // A new session. `general` takes what belongs to no request: changes, and on stdio everything.
  // It may be null: then such messages are not sent. `channel` goes into the audit trail.
  std::shared_ptr<Session> Open(policies::Principal principal, std::string channel,
                                MessageSinkPtr general);
  // Cancels what runs and waits for it; afterwards nothing is sent.
  void Shutdown();

  [[nodiscard]] const Backends& backends() const { return backends_; }
  [[nodiscard]] const ServerOptions& options() const { return options_; }
  [[nodiscard]] Offer offer() const;
  [[nodiscard]] FairPool& calls() { return calls_; }
  // For what is short, so that it is done however many calls run.
  [[nodiscard]] FairPool& reserved() { return reserved_; }
  [[nodiscard]] RequestStates& states() { return states_; }
  [[nodiscard]] RenderedResults& rendered() { return rendered_; }

 private:
  void OnChange(const tools::Change& change);
  std::vector<std::shared_ptr<Session>> LiveSessions();

  Backends backends_;
  ServerOptions options_;
  RequestStates states_;
  RenderedResults rendered_;
  std::mutex mutex_;
  std::vector<std::weak_ptr<Session>> sessions_;  // guarded by mutex_
  bool closed_ = false;                           // guarded by mutex_
  FairPool calls_;
  FairPool reserved_;
  tools::Changes::Subscription changes_;  // last: its observer uses all of the above
};

}  // namespace casemate::mcp
