// Backend: where a command can run: Casemate's own sandbox, a container, later a machine. All take
// the same Command, hold it to the same Grant, and end in the same SandboxOutcome; one suite of
// contract tests runs over each (tests/unit/sandbox/backend_contract.h). Thread-safe; a Run belongs
// to one call and one thread.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "policies/grant.h"
#include "sandbox/native/outcome.h"
#include "sandbox/native/runner.h"
#include "sandbox/native/spec.h"

namespace casemate::sandbox {

// What is to run, before anything confines it.
struct Command {
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> env;  // added to the backend's own
  std::string stdin_data;
  std::vector<InjectedFile> files;
  WorkspaceKind workspace = WorkspaceKind::kPrivate;
  UniqueFd workspace_fd;        // O_PATH directory, for the host kinds
  std::string workspace_path;   // its canonical host path, by which policy judged it
  policies::Limits limits;      // requested: what is held is their intersection with the grant's
  bool must_hold_cpus = false;  // the caller stated the limit on CPU time
};

class Run {
 public:
  virtual ~Run() = default;  // ends it, if it has not been waited for
  // Of one that is held: the command may start. Without it, it never does.
  virtual void Release() = 0;
  // Returns when nothing of the command is left; call once. Errors: only when the backend itself is
  // gone and nothing was run; all else is in the outcome.
  virtual Result<SandboxOutcome> Wait() = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  // With `hold`, everything is made ready and nothing of the command happens before Release; a
  // backend that cannot, starts all of it there. `sink` may be null. Errors: what the grant or the
  // backend does not cover (kPermissionDenied, kInvalidArgument), and as of Wait.
  virtual Result<std::unique_ptr<Run>> Start(const policies::Grant& grant, Command command,
                                             const std::stop_token& stop, OutputSink* sink,
                                             bool hold) = 0;
};

}  // namespace casemate::sandbox
