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

namespace casemate::container {
namespace {

constexpr std::size_t kMaxProcFile = 65536;
constexpr std::size_t kMaxProcesses = 4096;
constexpr std::int64_t kKillNs = 2'000'000'000;

struct Process {
  int pid = 0;
  int parent = 0;
  int session = 0;
};

std::optional<Process> ReadProcess(const std::string& pid) {
  const auto text = ReadFile("/proc/" + pid + "/stat", kMaxProcFile);
  // The name may hold anything, parentheses too.
  const auto after = text ? text->rfind(')') : std::string::npos;
  if (after == std::string::npos) {
    return std::nullopt;
  }
  std::istringstream fields(text->substr(after + 1));
  std::string state;
  Process process;
  int group = 0;
  std::from_chars(pid.data(), pid.data() + pid.size(), process.pid);
  if (!(fields >> state >> process.parent >> group >> process.session)) {
    return std::nullopt;
  }
  return process;
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

// `root`, what descends from it, and what shares its session.
std::set<int> TreeOf(int root) {
  const std::vector<Process> all = AllProcesses();
  std::set<int> tree;
  int session = 0;
  for (const Process& process : all) {
    if (process.pid == root) {
      tree.insert(root);
      session = process.session;
    }
  }
  if (tree.empty()) {
    return tree;
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
  return tree;
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

// Whether a `kill` that the container has could be run to its end.
bool KillInside(const Engine& engine, const std::string& container, std::vector<std::string> argv,
                const char* user) {
  ExecRequest request;
  request.argv = std::move(argv);
  request.user = user;
  const auto exec = engine.CreateExec(container, request);
  if (!exec) {
    return false;
  }
  if (const auto stream = engine.StartExec(*exec, false); !stream) {
    return false;
  }
  const std::int64_t deadline = MonotonicNs() + kKillNs;
  while (MonotonicNs() < deadline) {
    const auto state = engine.InspectExec(*exec);
    if (!state) {
      return false;
    }
    if (!state->running) {
      return state->exit_code == 0;
    }
    usleep(5000);
  }
  return false;
}

}  // namespace

Result<bool> SignalExec(const Engine& engine, const std::string& container, const std::string& exec,
                        const std::string& signal) {
  const auto state = engine.InspectExec(exec);
  if (!state) {
    return state.error();
  }
  if (!state->running || state->pid <= 0) {
    return true;
  }
  const std::set<int> tree = TreeOf(state->pid);
  if (tree.size() > kMaxProcesses) {
    return false;
  }
  const int number = signal == "TERM" ? SIGTERM : SIGKILL;
  std::vector<std::string> inner;
  for (const int pid : tree) {
    if (SignalDirectly(pid, number)) {
      continue;
    }
    if (std::string found = InnerPid(pid); !found.empty()) {
      inner.push_back(std::move(found));
    }
  }
  if (inner.empty()) {
    return !tree.empty();
  }
  std::vector<std::string> plain = {"kill", "-" + signal};
  plain.insert(plain.end(), inner.begin(), inner.end());
  std::string line = "kill -" + signal;
  for (const std::string& pid : inner) {
    line += " " + pid;
  }
  std::vector<std::string> busybox = plain;
  busybox.insert(busybox.begin(), "busybox");
  // Some of them may have ended meanwhile, which `kill` reports as its failure: look again then.
  const std::array<std::vector<std::string>, 3> ways = {
      plain, std::vector<std::string>{"/bin/sh", "-c", line}, busybox};
  for (const char* const user : {"", "0"}) {
    for (const std::vector<std::string>& argv : ways) {
      if (KillInside(engine, container, argv, user)) {
        return true;
      }
      const auto now = engine.InspectExec(exec);
      if (!now) {
        return now.error();
      }
      if (!now->running) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace casemate::container
