#include "policies/opa/opa_process.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "policies/opa/bundle_check.h"

namespace casemate::policies {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kStartMs = 5000;   // of one that is started again
constexpr std::int64_t kAskAgainMs = 5;   // while it starts
constexpr std::int64_t kHealthMs = 1000;  // until an answer about its health is late
constexpr std::int64_t kCheckMs = 5000;   // between two looks at its health
constexpr std::int64_t kEndMs = 300;      // from the first late one to the second
constexpr int kLateAnswers = 2;           // in a row: it hangs
constexpr std::int64_t kFirstPauseMs = 100;
constexpr std::int64_t kLongestPauseMs = 30'000;
constexpr int kMostInARow = 10;
constexpr std::int64_t kStableMs = 60'000;  // one that lived so long did not die at once
constexpr std::size_t kMostSaid = 500;

std::string ServeScript(const Bundle& bundle, bool is_signed) {
  return std::string("exec \"$opa\" run --server --addr unix:///workspace/") +
         OpaSandbox::kSocketName +
         " --unix-socket-perm 600 --log-level error --disable-telemetry"
         " --shutdown-grace-period 1" +
         (is_signed ? kVerification : "") + " --bundle " + bundle.argument();
}

std::string WhyEnded(const Result<sandbox::SandboxOutcome>& outcome) {
  if (!outcome) {
    return Describe(outcome.error());
  }
  std::string why = "opa ended (" + std::string(ToString(outcome->status));
  if (outcome->status == sandbox::OutcomeStatus::kExited) {
    why += " with " + std::to_string(outcome->exit_code);
  } else if (outcome->signal != 0) {
    why += " by signal " + std::to_string(outcome->signal);
  }
  if (!outcome->stage.empty()) {
    why += " at " + outcome->stage;
  }
  why += ")";
  std::string said = ToValidUtf8(outcome->err.head + outcome->err.tail + outcome->out.head);
  if (said.size() > kMostSaid) {
    said = ToValidUtf8(said.substr(said.size() - kMostSaid));
  }
  return said.empty() ? why : why + ": " + EscapeControls(said, false);
}

}  // namespace

// One server and the thread that waits for its sandbox.
struct OpaProcess::Server {
  explicit Server(OpaSandbox::Place made) : place(std::move(made)) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    End();
    OpaSandbox::Remove(place);
  }
  void End() {
    stop.request_stop();
    if (waiter.joinable()) {
      waiter.join();
    }
  }

  OpaSandbox::Place place;
  std::shared_ptr<HttpClient> client;
  pid_t pid = 0;
  std::stop_source stop;
  bool ended = false;  // guarded by the process's mutex, as `why`
  std::string why;
  std::thread waiter;
};

Result<std::unique_ptr<OpaProcess>> OpaProcess::Start(OpaSandbox& sandbox, const Bundle& bundle,
                                                      std::string key, Canary canary,
                                                      std::int64_t deadline_ns) {
  std::unique_ptr<OpaProcess> process(
      new OpaProcess(sandbox, bundle, std::move(key), std::move(canary)));
  auto server = process->Launch(std::stop_token(), deadline_ns);
  if (!server) {
    return std::move(server).error();
  }
  process->Publish((*server)->client, (*server)->pid);
  OpaProcess& started = *process;
  auto supervise = [&started, first = *std::move(server)](const std::stop_token& stop) mutable {
    started.Supervise(stop, std::move(first));
  };
  try {
    process->supervisor_ = std::jthread(std::move(supervise));
  } catch (const std::system_error& error) {
    return ErrnoError("cannot start a thread", error.code().value());
  }
  return process;
}

OpaProcess::~OpaProcess() {
  supervisor_.request_stop();
  if (supervisor_.joinable()) {
    supervisor_.join();
  }
}

std::shared_ptr<HttpClient> OpaProcess::client() const {
  const std::lock_guard lock(mutex_);
  return client_;
}

void OpaProcess::ReportTrouble() {
  const std::lock_guard lock(mutex_);
  is_troubled_ = true;
  changed_.notify_all();
}

OpaProcessStatus OpaProcess::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

Result<std::unique_ptr<OpaProcess::Server>> OpaProcess::Launch(const std::stop_token& stop,
                                                               std::int64_t deadline_ns) {
  auto place = sandbox_.MakePlace("server-" + std::to_string(++launches_));
  if (!place) {
    return std::move(place).error();
  }
  auto server = std::make_unique<Server>(*std::move(place));
  server->client = std::make_shared<HttpClient>(
      UniqueFd(fcntl(server->place.directory.get(), F_DUPFD_CLOEXEC, 0)), OpaSandbox::kSocketName);
  const auto serve = [this, &one = *server] {
    const auto outcome =
        sandbox_.Serve(one.place, ServeScript(bundle_, !key_.empty()), bundle_.directory(),
                       BundleFiles(bundle_, key_), one.stop.get_token());
    const std::lock_guard lock(mutex_);
    one.why = WhyEnded(outcome);
    one.ended = true;
    changed_.notify_all();
  };
  try {
    server->waiter = std::thread(serve);
  } catch (const std::system_error& error) {
    return ErrnoError("cannot start a thread", error.code().value());
  }
  while (!IsHealthy(*server->client)) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, milliseconds(kAskAgainMs), [&] { return server->ended; });
    if (server->ended) {
      return Error{ErrorCode::kUnavailable, server->why, "rego.opa",
                   "what opa says names the file; `opa run` by hand shows the rest", 0};
    }
    if (stop.stop_requested() || MonotonicNs() > deadline_ns) {
      lock.unlock();
      server->End();
      return Error{ErrorCode::kUnavailable, "opa did not get ready in time; then " + server->why,
                   "rego.opa", "a smaller bundle loads faster; see `casemate doctor`", 0};
    }
  }
  if (auto passed = canary_(*server->client); !passed) {
    return passed.error();
  }
  server->pid = server->client->PeerPid(deadline_ns);
  return server;
}

void OpaProcess::Supervise(const std::stop_token& stop, std::unique_ptr<Server> server) {
  int in_a_row = 0;
  while (!stop.stop_requested()) {
    if (server != nullptr) {
      const std::int64_t since = MonotonicNs();
      std::string why = Watch(*server, stop);
      Publish(nullptr, 0);
      server.reset();
      if (stop.stop_requested()) {
        return;
      }
      NoteEnd(why);
      if (MonotonicNs() - since > kStableMs * kNsPerMs) {
        in_a_row = 0;
      }
    }
    if (++in_a_row > kMostInARow) {
      Log(LogLevel::kError,
          "opa died too often in a row: every call is refused until the server "
          "is started again");
      const std::lock_guard lock(mutex_);
      status_.gave_up = true;
      return;
    }
    if (!Sleep(std::min(kLongestPauseMs, kFirstPauseMs << (in_a_row - 1)), stop)) {
      return;
    }
    auto launched = Launch(stop, MonotonicNs() + kStartMs * kNsPerMs);
    if (!launched) {
      if (!stop.stop_requested()) {
        NoteEnd(Describe(launched.error()));
      }
      continue;
    }
    server = *std::move(launched);
    Publish(server->client, server->pid);
    {
      const std::lock_guard lock(mutex_);
      ++status_.restarts;
    }
    Log(LogLevel::kInfo, "opa was started again");
  }
}

std::string OpaProcess::Watch(Server& server, const std::stop_token& stop) {
  int late = 0;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      // One that died is not answering either: its end is seen a moment later.
      changed_.wait_for(lock, stop, milliseconds(late > 0 ? kEndMs : kCheckMs),
                        [&] { return server.ended || (late == 0 && is_troubled_); });
      if (server.ended) {
        return server.why;
      }
      is_troubled_ = false;
    }
    if (stop.stop_requested()) {
      return {};
    }
    late = IsHealthy(*server.client) ? 0 : late + 1;
    if (late == kLateAnswers) {
      return "opa did not answer about its health";
    }
  }
}

bool OpaProcess::IsHealthy(HttpClient& client) const {
  const auto reply = client.Get("/health", MonotonicNs() + kHealthMs * kNsPerMs);
  return reply && reply->status == 200;
}

void OpaProcess::Publish(std::shared_ptr<HttpClient> client, pid_t pid) {
  const std::lock_guard lock(mutex_);
  client_ = std::move(client);
  status_.healthy = client_ != nullptr;
  status_.pid = pid;
}

void OpaProcess::NoteEnd(const std::string& why) {
  Log(LogLevel::kError, "calls are refused until opa runs again: " + why);
  const std::lock_guard lock(mutex_);
  status_.last_error = why;
}

bool OpaProcess::Sleep(std::int64_t ms, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, milliseconds(ms), [] { return false; });
  return !stop.stop_requested();
}

}  // namespace casemate::policies
