// SandboxOutcome: how a confined command ended, from wait statuses and counters of the kernel only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace casemate::sandbox {

enum class OutcomeStatus {
  kExited,         // exit_code holds
  kSignaled,       // `signal` holds
  kTimedOut,       // stopped at wall_ms
  kOomKilled,      // the kernel killed it at memory_mb
  kSeccompKilled,  // SIGSYS: a foreign architecture's system call
  kCancelled,      // the caller took it back, or the server is stopping
  kSetupFailed,    // the sandbox could not be made: `stage` and `sys_errno` hold; nothing ran
  kLost,           // nobody saw the end: it may have run, wholly or in part; `remedy` holds
  kExecFailed,     // the sandbox was made but argv[0] could not be executed: `sys_errno` holds
};
std::string_view ToString(OutcomeStatus status);  // "exited", "signaled", "timed_out", …

// One layer of confinement as it was in force for this command.
// Why the server itself ended the run.
enum class StopReason { kNone, kTimedOut, kCancelled };

struct Layer {
  std::string name;  // "namespaces", "seccomp", "landlock", "cgroup", …
  bool in_force = false;
  std::string detail;  // "ABI 7", "v1: memory, pids, cpu", or why it is missing
};

struct CapturedStream {
  std::string head;  // the first bytes
  std::string tail;  // the last bytes, when something between was cut
  std::uint64_t total_bytes = 0;
  [[nodiscard]] bool truncated() const { return total_bytes > head.size() + tail.size(); }
};

struct SandboxOutcome {
  OutcomeStatus status = OutcomeStatus::kSetupFailed;
  int exit_code = 0;
  int signal = 0;
  std::string stage;  // the setup step that failed, e.g. "mount /proc"
  int sys_errno = 0;
  std::string remedy;  // what to do about a failed set-up, or empty
  std::string field;   // the argument that could not be met, or empty
  CapturedStream out;
  CapturedStream err;
  std::int64_t duration_ms = 0;
  std::int64_t cpu_ms = 0;
  std::int64_t cpu_throttled_ms = 0;  // held back at the CPU limit, all processors together
  std::int64_t max_memory_kb = 0;
  std::int64_t oom_kills = 0;  // processes that the kernel killed at the memory limit
  bool pids_limit_hit = false;
  bool made_ahead =
      false;               // the sandbox stood half-way when the call came; it served this one only
  int cgroup_version = 0;  // of the groups that held it; 0: none
  bool can_limit_io = false;  // these groups could hold a rate of disk I/O
  std::vector<Layer> layers;
};

}  // namespace casemate::sandbox
