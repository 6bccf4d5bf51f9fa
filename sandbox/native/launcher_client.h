// LauncherClient: starts the launcher process and hands it launch requests. The launcher is the
// embedded, statically linked program of sandbox/native/launcher, executed from a sealed memfd
// before this process starts any thread. Thread-safe after Start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "policies/workspace_root.h"
#include "sandbox/native/mode.h"

namespace casemate::sandbox {

// A directory of the host, as the launcher found it.
struct HostDirectory {
  UniqueFd directory;  // O_PATH; not valid when it is not there or lies outside of every root
  std::string path;    // canonical, if it is valid
  int reason = 0;      // errno of why nothing is there, for a path below a root
};

class LauncherClient {
 public:
  // Call before threads that fork or change signals; others may run: between fork and exec there
  // are async-signal-safe calls only. `incarnation` ([a-z0-9-]+) names this server's cgroups
  // ("casemate-<incarnation>").
  // The launcher keeps up to `most_warm` sandboxes made ahead while calls come (at most 64), and
  // mounts no host directory but those below `roots` (at most 256). Where this process has given up
  // the rights of root for the time being, the launcher takes them up again.
  static Result<std::unique_ptr<LauncherClient>> Start(
      const std::string& incarnation, Mode mode, std::size_t most_warm = 0,
      std::span<const policies::WorkspaceRoot> roots = {});
  ~LauncherClient();  // Stop()

  // Closes the control socket; the launcher kills all that it runs, removes its cgroups and ends;
  // waits for that. False when it died otherwise: its cgroups may be left, for Reap to remove.
  bool Stop();

  // Sends one launch request. `fds`, in order: spec memfd, stdin, stdout, stderr, the launcher's
  // end of the run socket, and the workspace directory for the host kinds. See launcher/wire.h.
  Result<void> Launch(const std::vector<int>& fds);
  // Opens the directory `path` with the launcher's rights, if it lies below a root; `tidy` is the
  // same path without empty, "." and ".." components. Both absolute.
  Result<HostDirectory> OpenDirectory(const std::string& path, const std::string& tidy);
  // Kills and removes whatever the dead server `incarnation` left in cgroups. Success: it is gone.
  // An error: something may be left, and must be reaped again. Takes a second at most unless the
  // launcher is stuck.
  Result<void> Reap(const std::string& incarnation);

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] Mode mode() const { return mode_; }

 private:
  LauncherClient(pid_t pid, UniqueFd control, Mode mode)
      : pid_(pid), control_(std::move(control)), mode_(mode) {}
  Result<void> SendRoots(std::span<const policies::WorkspaceRoot> roots);
  pid_t pid_;
  UniqueFd control_;
  Mode mode_;
  bool ended_in_order_ = false;
  std::mutex mutex_;
};

}  // namespace casemate::sandbox
