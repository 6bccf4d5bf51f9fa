// SandboxRunner: runs one SandboxSpec through the launcher and returns its outcome. Thread-safe:
// each call waits in its own poll(2) over pipes, the launcher's reports, cancellation and deadline.
#pragma once

#include <future>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sandbox/native/outcome.h"
#include "sandbox/native/spec.h"

namespace casemate::sandbox {

class LauncherClient;
struct HostDirectory;

enum class Stream { kStdout, kStderr };

// Receives output as it comes, on the calling thread of Run. Must not block for long.
class OutputSink {
 public:
  virtual ~OutputSink() = default;
  virtual void OnOutput(Stream stream, std::string_view bytes) = 0;
};

// A command in its sandbox, from the launch to its end. Belongs to one thread; borrows the sink.
// Destroyed before Wait has returned, it ends the sandbox.
class SandboxRun {
 public:
  ~SandboxRun();
  // Of one that is held: the command may start. Without it, it never does.
  void Release();
  // As SandboxRunner::Run. Call once, after Release if it is held.
  Result<SandboxOutcome> Wait();

 private:
  friend class SandboxRunner;
  struct State;
  explicit SandboxRun(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class SandboxRunner {
 public:
  // Borrows `launcher`. Compiles the seccomp filter once, meanwhile: it takes a millisecond that
  // nobody who starts a server should wait for.
  explicit SandboxRunner(LauncherClient& launcher);
  ~SandboxRunner();

  // LauncherClient::OpenDirectory: a workspace, with the launcher's rights.
  Result<HostDirectory> OpenDirectory(const std::string& path, const std::string& tidy);
  // Returns when nothing of the command is left. `sink` may be null. Error only when the launcher
  // itself is gone, resources of this process are exhausted, or there is no seccomp filter
  // (kUnavailable with a remedy): then nothing was run. All else is in the outcome.
  Result<SandboxOutcome> Run(SandboxSpec spec, const std::stop_token& stop, OutputSink* sink);
  // The first half: the sandbox gets ready meanwhile. With `hold`, which needs a private workspace,
  // nothing of the command happens before Release. Errors as of Run.
  Result<std::unique_ptr<SandboxRun>> Start(SandboxSpec spec, const std::stop_token& stop,
                                            OutputSink* sink, bool hold);

 private:
  LauncherClient& launcher_;
  std::shared_future<Result<std::string>> seccomp_filter_;  // array of struct sock_filter
};

}  // namespace casemate::sandbox
