// OpaProcess: the server `opa run`, kept alive. One thread starts it, looks after its health and
// starts it again when it died or hangs; a second one waits for the sandbox that it runs in. While
// there is no healthy one, client() is null and nobody decides. Thread-safe after Start.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/result.h"
#include "policies/opa/bundle.h"
#include "policies/opa/http_client.h"
#include "policies/opa/opa_sandbox.h"

namespace casemate::policies {

struct OpaProcessStatus {
  bool healthy = false;
  bool gave_up = false;  // it died too often in a row: nothing decides until the next start
  pid_t pid = 0;         // of the healthy one
  int restarts = 0;
  std::string last_error;  // why the last one ended, or could not be started
};

class OpaProcess {
 public:
  // Asks a server that answers whether it decides as it should.
  using Canary = std::function<Result<void>(HttpClient& client)>;

  // Returns when the first one is healthy and has passed `canary`, or why it did not before
  // `deadline_ns`. Borrows sandbox and bundle; `key` as for BundleFiles.
  static Result<std::unique_ptr<OpaProcess>> Start(OpaSandbox& sandbox, const Bundle& bundle,
                                                   std::string key, Canary canary,
                                                   std::int64_t deadline_ns);
  OpaProcess(const OpaProcess&) = delete;
  OpaProcess& operator=(const OpaProcess&) = delete;
  ~OpaProcess();  // ends it: half a second at most, unless the launcher is stuck

  [[nodiscard]] std::shared_ptr<HttpClient> client() const;
  // Somebody got no answer: its health is looked at now.
  void ReportTrouble();
  [[nodiscard]] OpaProcessStatus status() const;

 private:
  struct Server;
  OpaProcess(OpaSandbox& sandbox, const Bundle& bundle, std::string key, Canary canary)
      : sandbox_(sandbox), bundle_(bundle), key_(std::move(key)), canary_(std::move(canary)) {}
  Result<std::unique_ptr<Server>> Launch(const std::stop_token& stop, std::int64_t deadline_ns);
  void Supervise(const std::stop_token& stop, std::unique_ptr<Server> server);
  // Until it ended, hangs, or `stop`; returns why.
  std::string Watch(Server& server, const std::stop_token& stop);
  bool IsHealthy(HttpClient& client) const;
  void Publish(std::shared_ptr<HttpClient> client, pid_t pid);
  void NoteEnd(const std::string& why);
  // False: stopped meanwhile.
  bool Sleep(std::int64_t ms, const std::stop_token& stop);

  OpaSandbox& sandbox_;
  const Bundle& bundle_;
  const std::string key_;
  const Canary canary_;
  int launches_ = 0;  // of the supervising thread

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::shared_ptr<HttpClient> client_;
  OpaProcessStatus status_;
  bool is_troubled_ = false;
  std::jthread supervisor_;
};

}  // namespace casemate::policies
