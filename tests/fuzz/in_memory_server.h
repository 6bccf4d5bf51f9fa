// The server as far as it goes without processes: sessions, dispatcher, policy, trail, jobs, small
// tools, prompts and resources; no descriptor and no sandbox. For fuzz targets and property tests.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/store/store.h"
#include "mcp/server/server.h"
#include "mcp/server/session.h"
#include "mcp/transport/transport.h"
#include "policies/audit/audit_log.h"
#include "tests/conformance/allow_all.h"
#include "tests/fuzz/rules.h"
#include "tests/unit/temp_dir.h"
#include "tools/executor.h"
#include "tools/gate.h"
#include "tools/job_runner.h"
#include "tools/job_store.h"
#include "tools/prompt_reader.h"
#include "tools/resource_reader.h"

namespace casemate::fuzz {

// Where calls of the tool `wait` wait. Thread-safe.
class Door {
 public:
  void Await(const std::stop_token& stop);
  void Open();
  void Shut();

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool open_ = false;  // guarded by mutex_
};

// What many conversations share, for it takes longest to make. Throws when it cannot be made.
class Backend {
 public:
  Backend();
  mcp::Backends With(tools::JobRunner& jobs);
  static mcp::ServerOptions Options();

  Door door;
  tools::Changes changes;
  tools::Catalog catalog;
  std::unique_ptr<tools::ToolExecutor> executor;
  std::unique_ptr<tools::JobStore> job_store;

 private:
  testing::TempDir directory_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<policies::AuditLog> audit_;
  conformance::AllowAll policy_;
  std::unique_ptr<tools::Gate> gate_;
  std::unique_ptr<tools::ResourceReader> resources_;
  std::unique_ptr<tools::PromptReader> prompts_;
};

// One client of a server of its own. Handles lines on the caller's thread; answers what the server
// asks it, in one way or another. One at a time for a backend.
class Conversation {
 public:
  explicit Conversation(Backend& backend);
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  void Send(std::string_view line);
  // A line that the transport refused, for it is longer than `limit`.
  void SendTooMuch(std::size_t limit);
  // Lets all that was asked come to its end, then ends the server. Afterwards nothing is sent.
  void End();
  // What is wrong with what the server sent; empty: nothing. After End.
  [[nodiscard]] std::string Problem();
  // What the server sent, line by line.
  [[nodiscard]] std::vector<std::string> Sent() const;
  [[nodiscard]] Ledger& ledger() { return ledger_; }

 private:
  class Sink;
  Backend& backend_;
  Ledger ledger_;
  std::shared_ptr<Sink> sink_;
  std::unique_ptr<tools::JobRunner> jobs_;
  std::unique_ptr<mcp::Server> server_;
  std::shared_ptr<mcp::Session> session_;
  bool ended_ = false;
};

}  // namespace casemate::fuzz
