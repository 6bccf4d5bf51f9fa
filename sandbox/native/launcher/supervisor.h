// Supervisor: the launcher's one loop. Starts sandboxes on request, watches their inits and their
// servers, reports how each ended. Between calls it makes sandboxes ahead: each stands half-way,
// knows nothing of any call, serves the one that comes and ends with it. Single-threaded; owns
// every run.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/unique_fd.h"
#include "sandbox/native/launcher/cgroup.h"
#include "sandbox/native/launcher/expected.h"
#include "sandbox/native/launcher/host.h"
#include "sandbox/native/launcher/openers.h"
#include "sandbox/native/launcher/request.h"
#include "sandbox/native/launcher/roots.h"
#include "sandbox/native/launcher/shared_report.h"
#include "sandbox/native/launcher/warm_target.h"

namespace casemate::launcher {

struct Arguments {
  const char* incarnation = nullptr;
  std::size_t most_warm = 0;  // sandboxes to keep made ahead, at most
  Mode mode = Mode::kStrict;
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
  static constexpr std::int64_t kCallMs = 20;   // after that a call is taken to be a long one
  static constexpr std::size_t kMaxRuns = 256;  // also the ids that one launcher uses

  struct RunSlot {
    UniqueFd socket;
    UniqueFd pidfd;    // of init; valid: the slot is in use
    UniqueFd channel;  // valid: made ahead, and waits for its request here
    bool made_ahead = false;
    bool is_locked = false;  // ahead, by what was expected
    bool is_reported = false;
    std::uint64_t number = 0;  // in the order of their beginnings
    RunGroup group;
    SharedReportPage report;
    wire::Stage failed_stage = wire::Stage::kNone;  // a step on the launcher's side failed
    int failed_errno = 0;
  };

  void WaitAndHandle();
  void HandleControl();
  void HandleLaunch(UniqueFd* fds, std::size_t count);
  // The errno of a limit that must hold and that nothing holds.
  [[nodiscard]] int WhyNotHeld() const;
  void HandleReap(const char* incarnation);
  void HandleRunSocket(RunSlot& run);
  void Kill(const RunSlot& run);
  void EndInit(const RunSlot& run);
  // Those whose command and all that it started have ended: their callers need not wait for more.
  void ReportDone();
  void Report(RunSlot& run, std::uint64_t cpu_us, std::uint64_t max_memory_kb);
  // Kills the inits of those that are reported, when their servers have had time to go on.
  void TidyUp(std::int64_t now_ms);
  void Finish(RunSlot& run);

  [[nodiscard]] RunSlot* FindFreeSlot();
  [[nodiscard]] RunSlot* FindWarmSlot();  // the oldest
  // One that can serve `request`, or null; *is_ready: whether calls come no faster than sandboxes.
  [[nodiscard]] RunSlot* ChooseWarm(const Request& request, bool* is_ready);
  void Discard(RunSlot& run);  // one that was made ahead
  // All that are locked by what is expected no more. Whether there was any.
  bool DiscardLocked();
  [[nodiscard]] std::size_t CountWarm() const;
  [[nodiscard]] std::size_t CountUnreported() const;
  // Whether one more may be made now: it must not take the processor from a call that is under way
  // or whose outcome is just being recorded, unless calls come faster than sandboxes.
  [[nodiscard]] bool MayMakeAhead(std::int64_t now_ms) const;
  [[nodiscard]] std::uint32_t KernelId(const RunSlot& run) const;
  // 0 or an errno, with *stage set.
  int Start(Request& request, RunSlot& run, wire::Stage* stage);
  int HandOver(Request& request, RunSlot& run, wire::Stage* stage);
  // The workspace as the sandbox will see it, and its streams.
  int PrepareRequest(const Request& request, const RunSlot& run, UniqueFd* workspace_tree,
                     wire::Stage* stage) const;
  // The child of `run`; with a `channel`, `request` is still to come.
  int Beget(Request& request, RunSlot& run, UniqueFd workspace_tree, UniqueFd channel,
            wire::Stage* stage);
  void MakeOneAhead();
  void KeepWarm();
  [[nodiscard]] int PollTimeoutMs() const;
  int Clone(const RunSlot& run, UniqueFd* pidfd, pid_t* pid) const;
  [[nodiscard]] bool IsIdle() const;
  void EndAll();

  Arguments arguments_;
  int control_;
  bool closing_ = false;
  Host host_;
  Cgroups cgroups_;
  Roots roots_;
  Openers openers_;
  UniqueFd lifeline_;
  UniqueFd done_read_;   // a byte of some init: one of the runs is done
  UniqueFd done_write_;  // inherited by children
  RunSlot runs_[kMaxRuns];
  std::size_t next_slot_ = 0;
  std::uint64_t next_number_ = 1;
  WarmTarget warm_target_;
  std::int64_t last_call_ms_ = 0;
  std::int64_t tidy_at_ms_ = -1;  // -1: nothing to tidy up
  bool is_pressed_ = false;       // the last call had to wait for its sandbox
  std::size_t processors_ = 1;
  Expected expected_;
};

}  // namespace casemate::launcher
