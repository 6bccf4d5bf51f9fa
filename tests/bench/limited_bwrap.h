// /bin/true in a bubblewrap sandbox that comes as near to Casemate's as bubblewrap's options go:
// the same system-call filter, control groups with the limits of the default profile, no
// capabilities, a root of its own. For one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "sandbox/native/launcher/cgroup.h"
#include "sandbox/native/launcher/wire.h"

namespace casemate::bench {

class LimitedBwrap {
 public:
  // With control groups v2 it moves this process and its parent as a launcher would (cgroup_v2.h),
  // so it must be made before the servers start.
  LimitedBwrap();
  LimitedBwrap(const LimitedBwrap&) = delete;
  LimitedBwrap& operator=(const LimitedBwrap&) = delete;
  ~LimitedBwrap();

  // Why it cannot be run here; empty: it can.
  [[nodiscard]] const std::string& absent() const { return absent_; }
  [[nodiscard]] const std::vector<std::string>& command() const { return command_; }
  // Makes the groups and starts bubblewrap in them; dies unless it exits with 0.
  void Run();
  // Removes the groups. What a caller of Casemate does not wait for either.
  void TidyUp();
  // Processor time in ms of this process for the groups.
  [[nodiscard]] double own_cpu_ms() const { return own_cpu_ms_; }

 private:
  // bubblewrap, in the groups before it is executed; -1 with errno set.
  [[nodiscard]] pid_t Start();

  std::optional<launcher::Cgroups> groups_;  // with absent_ empty
  launcher::RunGroup group_;
  launcher::wire::LaunchSpec limits_;
  UniqueFd filter_;
  std::vector<std::string> command_;
  std::vector<char*> argv_;  // into command_
  std::string absent_;
  double own_cpu_ms_ = 0;
};

}  // namespace casemate::bench
