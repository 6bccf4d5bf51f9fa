#include "sandbox/container/run/exec_killer.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "sandbox/container/guard/protocol.h"

namespace casemate::container {
namespace {

constexpr std::size_t kMaxProcFile = 65536;
constexpr std::size_t kMaxProcesses = 4096;
constexpr std::int64_t kKillNs = 2'000'000'000;
constexpr int kFieldAfterSession = 7;  // of proc_pid_stat(5)
constexpr int kFieldOfStart = 22;

struct Process {
  int pid = 0;
  int parent = 0;
  int session = 0;
  std::uint64_t start = 0;  // ticks since the machine's start
};

// Of one that lives.
std::optional<Process> ReadProcess(const std::string& pid) {
  const auto text = ReadFile("/proc/" + pid + "/stat", kMaxProcFile);
  // The name may hold anything, parentheses too.
  const auto after = text ? text->rfind(')') : std::string::npos;
  if (after == std::string::npos) {
    return std::nullopt;
  }
  std::istringstream fields(text->substr(after + 1));
  std::string state;
  std::string skipped;
  Process process;
  int group = 0;
  std::from_chars(pid.data(), pid.data() + pid.size(), process.pid);
  if (!(fields >> state >> process.parent >> group >> process.session) || state == "Z" ||
      state == "X") {
    return std::nullopt;
  }
  for (int field = kFieldAfterSession; field < kFieldOfStart; ++field) {
    fields >> skipped;
  }
  return fields >> process.start ? std::optional(process) : std::nullopt;
}

std::vector<Process> AllProcesses() {
  std::vector<Process> all;
  for (const std::string& name : ListNames("/proc")) {
    if (name.find_first_not_of("0123456789") != std::string::npos) {
      continue;
    }
    if (const auto process = ReadProcess(name)) {
      all.push_back(*process);
    }
  }
  return all;
}

// The engine counts processes as its own namespace does, which may not be ours: then its number is
// that of a stranger here.
bool IsIn(const std::string& container, int pid) {
  const auto groups = ReadFile("/proc/" + std::to_string(pid) + "/cgroup", kMaxProcFile);
  return groups && groups->find(container) != std::string::npos;
}

// `root`, what descends from it, and what shares its session, as far as it is in `container`.
std::vector<Process> TreeOf(int root, const std::string& container) {
  const std::vector<Process> all = AllProcesses();
  std::set<int> tree;
  int session = 0;
  for (const Process& process : all) {
    if (process.pid == root && IsIn(container, root)) {
      tree.insert(root);
      session = process.session;
    }
  }
  for (std::size_t before = 0; before != tree.size();) {
    before = tree.size();
    for (const Process& process : all) {
      // A session of 0 is one outside of our PID namespace.
      if (tree.contains(process.parent) || (session != 0 && process.session == session)) {
        tree.insert(process.pid);
      }
    }
  }
  std::vector<Process> found;
  for (const Process& process : all) {
    if (tree.contains(process.pid) && (process.pid == root || IsIn(container, process.pid))) {
      found.push_back(process);
    }
  }
  return found;
}

bool SignalDirectly(int pid, int number) {
  const UniqueFd handle(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!handle.valid()) {
    return errno == ESRCH;
  }
  return syscall(SYS_pidfd_send_signal, handle.get(), number, nullptr, 0) == 0 || errno == ESRCH;
}

// In the innermost PID namespace; empty: it is gone.
std::string InnerPid(int pid) {
  const auto text = ReadFile("/proc/" + std::to_string(pid) + "/status", kMaxProcFile);
  constexpr std::string_view kKey = "NSpid:";
  const auto at = text ? text->find(kKey) : std::string::npos;
  if (at == std::string::npos) {
    return {};
  }
  const std::string line = text->substr(at, text->find('\n', at) - at);
  const std::string inner = line.substr(line.find_last_of(" \t") + 1);
  return inner.find_first_not_of("0123456789") == std::string::npos ? inner : std::string();
}

// The exit code of a program that the container has; nullopt: it could not be run to its end.
std::optional<int> RunInside(const ExecPlace& place, std::vector<std::string> argv) {
  ExecRequest request;
  request.argv = std::move(argv);
  const auto exec = place.engine.CreateExec(place.container, request);
  if (!exec) {
    return std::nullopt;
  }
  if (const auto stream = place.engine.StartExec(*exec, false); !stream) {
    return std::nullopt;
  }
  const std::int64_t deadline = MonotonicNs() + kKillNs;
  while (MonotonicNs() < deadline) {
    const auto state = place.engine.InspectExec(*exec);
    if (!state) {
      return std::nullopt;
    }
    if (!state->running) {
      return state->exit_code;
    }
    usleep(5000);
  }
  return std::nullopt;
}

}  // namespace

Result<bool> ExecKiller::Signal(Force force) {
  const auto state = place_.engine.InspectExec(exec_);
  if (!state) {
    return state.error();
  }
  if (!state->running || state->pid <= 0) {
    // What it began may have outlived it, and hold its output open.
    if (place_.has_guard || !has_looked_) {
      return true;
    }
    Look(0);
    return seen_.empty() ? Result<bool>(true) : SignalSeen(force);
  }
  if (place_.has_guard) {
    return TellGuard(state->pid, force);
  }
  Look(state->pid);
  return SignalSeen(force);
}

Result<bool> ExecKiller::TellGuard(int pid, Force force) const {
  if (IsIn(place_.container, pid) &&
      SignalDirectly(pid, force == Force::kTerm ? SIGTERM : SIGINT)) {
    return true;
  }
  // 1: there is none any more.
  const auto code =
      RunInside(place_, {guard::kProgram, "end", token_, force == Force::kTerm ? "TERM" : "KILL"});
  return code == 0 || code == 1;
}

void ExecKiller::Look(int root) {
  has_looked_ = true;
  std::map<int, std::uint64_t> alive;
  for (const auto& [pid, start] : seen_) {
    const auto process = ReadProcess(std::to_string(pid));
    if (process && process->start == start) {
      alive.emplace(pid, start);
    }
  }
  std::vector<int> roots = {root};
  for (const auto& [pid, start] : alive) {
    roots.push_back(pid);
  }
  for (const int each : roots) {
    for (const Process& process : TreeOf(each, place_.container)) {
      alive.emplace(process.pid, process.start);
    }
  }
  seen_ = std::move(alive);
}

Result<bool> ExecKiller::SignalSeen(Force force) {
  if (seen_.empty() || seen_.size() > kMaxProcesses) {
    return false;
  }
  const std::string signal = force == Force::kTerm ? "TERM" : "KILL";
  std::vector<std::string> inner;
  for (const auto& [pid, start] : seen_) {
    if (SignalDirectly(pid, force == Force::kTerm ? SIGTERM : SIGKILL)) {
      continue;
    }
    if (std::string found = InnerPid(pid); !found.empty()) {
      inner.push_back(std::move(found));
    }
  }
  if (inner.empty()) {
    return true;
  }
  std::vector<std::string> plain = {"kill", "-" + signal};
  plain.insert(plain.end(), inner.begin(), inner.end());
  std::string line = "kill -" + signal;
  for (const std::string& pid : inner) {
    line += " " + pid;
  }
  std::vector<std::string> busybox = plain;
  busybox.insert(busybox.begin(), "busybox");
  const std::array<std::vector<std::string>, 3> ways = {
      plain, std::vector<std::string>{"/bin/sh", "-c", line}, busybox};
  for (const std::vector<std::string>& argv : ways) {
    if (RunInside(place_, argv) == 0) {
      return true;
    }
    // Some of them may have ended meanwhile, which `kill` reports as its failure.
    const auto now = place_.engine.InspectExec(exec_);
    if (!now) {
      return now.error();
    }
    if (!now->running) {
      return true;
    }
  }
  return false;
}

bool ExecKiller::EndTheRest() {
  if (place_.has_guard) {
    const auto state = place_.engine.InspectExec(exec_);
    return state && !state->running;
  }
  if (!has_looked_) {
    return true;  // it ended by itself
  }
  const std::int64_t deadline = MonotonicNs() + kKillNs;
  do {
    Look(0);
    if (seen_.empty()) {
      return true;
    }
    const auto told = SignalSeen(Force::kKill);
    if (!told || !*told) {
      return false;
    }
    usleep(5000);
  } while (MonotonicNs() < deadline);
  return false;
}

}  // namespace casemate::container
