// Supervisor: the launcher's one loop. Starts sandboxes on request, watches their inits and their
// servers, reports how each ended. Single-threaded; owns every run.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/unique_fd.h"
#include "sandbox/native/launcher/cgroup.h"
#include "sandbox/native/launcher/host.h"
#include "sandbox/native/launcher/request.h"
#include "sandbox/native/launcher/shared_report.h"

namespace casemate::launcher {

struct Arguments {
  const char* incarnation = nullptr;
  char* title = nullptr;  // the process's argv memory
  std::size_t title_bytes = 0;
};

class Supervisor {
 public:
  Supervisor(int control_socket, const Arguments& arguments);

  // Runs until the control socket closes, then ends everything and removes its cgroups. Returns the
  // process's exit code.
  int Run();

 private:
  static constexpr std::size_t kMaxRuns = 256;  // also the ids that one launcher uses

  struct RunSlot {
    UniqueFd socket;
    UniqueFd pidfd;  // of init; valid: the slot is in use
    RunGroup group;
    SharedReportPage report;
    wire::Stage failed_stage = wire::Stage::kNone;  // a step on the launcher's side failed
    int failed_errno = 0;
  };

  void WaitAndHandle();
  void HandleControl();
  void HandleLaunch(UniqueFd* fds, std::size_t count);
  void HandleRunSocket(RunSlot& run);
  void Kill(const RunSlot& run);
  void Finish(RunSlot& run);

  [[nodiscard]] RunSlot* FindFreeSlot();
  [[nodiscard]] std::uint32_t KernelId(const RunSlot& run) const;
  // 0 or an errno, with *stage set.
  int Start(Request& request, RunSlot& run, wire::Stage* stage);
  int Clone(const RunSlot& run, UniqueFd* pidfd, pid_t* pid) const;
  [[nodiscard]] bool IsIdle() const;
  void EndAll();

  Arguments arguments_;
  int control_;
  bool closing_ = false;
  Host host_;
  Cgroups cgroups_;
  UniqueFd lifeline_read_;   // inherited by children
  UniqueFd lifeline_write_;  // only here: its end tells children that the launcher is gone
  RunSlot runs_[kMaxRuns];
  std::size_t next_slot_ = 0;
};

}  // namespace casemate::launcher
