// The processes of a container, found from outside: no shell, `ps` or exec in it is needed. All of
// /proc is read once for any number of containers. What may be seen without rights is enough: which
// processes belong together tell the control group's path, or the PID namespace where its link may
// be read, and who started whom. A table is a plain value; reading from several threads is fine.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/container/engine/types.h"

namespace casemate::container {

struct Process {
  int pid = 0;                         // as the host counts
  int parent = 0;                      // likewise
  int inner_pid = 0;                   // as its container counts; 0: not known
  std::string name;                    // at most 15 bytes, as it calls itself; made visible
  std::vector<std::string> arguments;  // cut to kMaxArguments and made visible; may be rewritten
  int uid = -1;                        // effective, as the host counts; -1: not known
  char state = '?';                    // R S D T Z …, as `ps` says
  std::int64_t rss_bytes = 0;
  std::int64_t started_ms = 0;  // Unix time; 0: not known
  std::int64_t cpu_ms = 0;      // user and system, since its start

  [[nodiscard]] bool zombie() const { return state == 'Z' || state == 'X'; }
};

inline constexpr std::size_t kMaxArguments = 4096;  // bytes of all arguments of one process
inline constexpr std::size_t kMaxProcesses = 1000;  // told of one container

class ProcessTable {
 public:
  // Reads what lies in `proc`. kUnavailable: there is no procfs, or nothing of it may be read.
  static Result<ProcessTable> Scan(std::string proc);

  [[nodiscard]] const std::string& proc() const { return proc_; }

  // Those of a container that runs, the first process first, then by pid; zombies too. Its first
  // process must be what the engine says it is: an engine in another PID namespace or on another
  // machine counts otherwise, and its number may be that of a stranger here. kUnavailable then; ask
  // the engine's `top`.
  [[nodiscard]] Result<std::vector<Process>> Of(const ContainerDetails& details) const;

  // The process `first` of the engine's answer is the one here, by its control group or the time of
  // its start.
  [[nodiscard]] bool Sees(const ContainerDetails& details) const;

 private:
  struct Row {
    int pid = 0;
    int parent = 0;
    std::uint64_t start_ticks = 0;
    std::string cgroups;        // as the file has it
    std::string pid_namespace;  // empty: may not be read
  };

  explicit ProcessTable(std::string proc) : proc_(std::move(proc)) {}
  [[nodiscard]] const Row* Find(int pid) const;
  [[nodiscard]] bool IsFirst(const Row& row, const ContainerDetails& details) const;
  [[nodiscard]] std::vector<bool> Members(const Row& first, std::string_view id) const;
  [[nodiscard]] std::optional<Process> Read(const Row& row, std::size_t depth) const;
  [[nodiscard]] std::int64_t StartedMs(std::uint64_t start_ticks) const;

  std::string proc_;
  std::vector<Row> rows_;  // by pid
  std::string own_pid_namespace_;
  std::int64_t boot_ms_ = 0;  // Unix time
};

// What listens there is not only the container's: it uses the host's network or another
// container's.
bool SharesNetwork(const ContainerDetails& details);

// What the engine's `top` says, where /proc shows nothing: `titles` names the columns (PID, PPID,
// CMD or COMMAND, STAT, RSS), as `ps` does. Rows without a pid are passed over.
std::vector<Process> ProcessesFromTop(std::span<const std::string> titles,
                                      std::span<const std::vector<std::string>> rows);

}  // namespace casemate::container
