#include "tests/bench/limited_bwrap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "policies/profiles/profile.h"
#include "sandbox/native/launcher/syscalls.h"
#include "sandbox/native/seccomp.h"
#include "tests/bench/child.h"

namespace casemate::bench {
namespace {

constexpr std::uint64_t kMiB = 1024ULL * 1024;
constexpr int kTidyTries = 1000;  // of 1 ms each
// Exit codes of the child before bubblewrap.
constexpr int kNotInGroup = 126;
constexpr int kNotStarted = 127;

double ThreadCpuMs() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

// The program that Casemate's server puts in force, as a file for `bwrap --seccomp`.
UniqueFd FilterFile() {
  const auto filter = sandbox::BuildSeccompFilter();
  if (!filter) {
    Die("no system-call filter: " + filter.error().message);
  }
  UniqueFd file(memfd_create("filter", MFD_CLOEXEC));
  if (write(file.get(), filter->data(), filter->size()) != static_cast<ssize_t>(filter->size())) {
    Die("cannot write the system-call filter");
  }
  return file;
}

// A line of /proc/PID/cgroup; empty where there is no v2. A launcher takes its parent for its
// server and moves it along: here that would be a foreign process.
std::string V2GroupOf(pid_t pid) {
  std::ifstream groups("/proc/" + std::to_string(pid) + "/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.starts_with("0::")) {
      return line;
    }
  }
  return {};
}

std::string WhatIsMissing(const launcher::Cgroups& groups) {
  for (const auto& [controller, name] : {std::pair{launcher::kMemory, "memory"},
                                         {launcher::kPids, "pids"},
                                         {launcher::kCpu, "cpu"}}) {
    if (!groups.Has(controller)) {
      return std::string("no control group for ") + name + ": " + std::strerror(groups.error());
    }
  }
  return {};
}

void Add(std::vector<std::string>& command, std::initializer_list<std::string> arguments) {
  command.insert(command.end(), arguments);
}

// The host's programs and what the loader reads of /etc, all read-only.
void AddSystem(std::vector<std::string>& command) {
  Add(command, {"--ro-bind", "/usr", "/usr"});
  for (const std::string directory : {"/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32"}) {
    if (std::filesystem::is_symlink(directory)) {
      Add(command, {"--symlink", std::filesystem::read_symlink(directory).string(), directory});
    } else if (std::filesystem::is_directory(directory)) {
      Add(command, {"--ro-bind", directory, directory});
    }
  }
  for (const std::string entry : {"/etc/ld.so.cache", "/etc/alternatives"}) {
    Add(command, {"--ro-bind-try", entry, entry});
  }
}

std::vector<std::string> Command(const policies::Limits& limits, int filter) {
  std::vector<std::string> command = {"bwrap",          "--unshare-all",
                                      "--unshare-user", "--die-with-parent",
                                      "--new-session",  "--clearenv"};
  Add(command, {"--uid", "1000", "--gid", "1000", "--hostname", "casemate", "--cap-drop", "ALL"});
  Add(command,
      {"--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin", "--seccomp", std::to_string(filter)});
  AddSystem(command);
  Add(command, {"--proc", "/proc", "--dev", "/dev"});
  Add(command, {"--size", std::to_string(64 * kMiB), "--tmpfs", "/tmp"});
  const std::uint64_t disk = static_cast<std::uint64_t>(limits.disk_mb) * kMiB;
  Add(command, {"--size", std::to_string(disk), "--tmpfs", "/workspace", "--chdir", "/workspace"});
  Add(command, {"--remount-ro", "/", "/bin/true"});
  return command;
}

}  // namespace

LimitedBwrap::LimitedBwrap() : filter_(FilterFile()) {
  if (V2GroupOf(getpid()) == V2GroupOf(getppid())) {
    groups_.emplace(("bench-" + std::to_string(getpid())).c_str());
    absent_ = WhatIsMissing(*groups_);
  } else {
    absent_ = "no control group: this process and its parent are in different ones";
  }
  const policies::Limits& limits = policies::ShippedProfiles().front().limits;
  limits_.memory_bytes = static_cast<std::uint64_t>(limits.memory_mb) * kMiB;
  limits_.pids = static_cast<std::uint64_t>(limits.pids);
  limits_.cpu_millis = static_cast<std::uint64_t>(limits.cpu_millis);
  command_ = Command(limits, filter_.get());
  for (std::string& argument : command_) {
    argv_.push_back(argument.data());
  }
  argv_.push_back(nullptr);
}

LimitedBwrap::~LimitedBwrap() {
  if (groups_) {
    groups_->RemoveAll();
  }
}

void LimitedBwrap::Run() {
  const double cpu_before = ThreadCpuMs();
  int error = groups_->Take(&group_);
  error = error == 0 ? groups_->Limit(limits_, &group_) : error;
  own_cpu_ms_ += ThreadCpuMs() - cpu_before;
  if (error != 0) {
    Die(std::string("cannot make a control group: ") + std::strerror(error));
  }
  lseek(filter_.get(), 0, SEEK_SET);  // bubblewrap reads from where its copy stands: ours
  const pid_t pid = Start();
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
    Die(WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                          : "signal " + std::to_string(WTERMSIG(status)));
  }
}

pid_t LimitedBwrap::Start() {
  // v1: vfork, as cheap as posix_spawn, and the child goes into its groups itself: the cheapest way
  // there is. v2 has that only in clone3, which with the parent's memory would need a stack.
  clone_args args = {};
  args.flags = CLONE_INTO_CGROUP;
  args.exit_signal = SIGCHLD;
  args.cgroup = static_cast<std::uint64_t>(group_.entry[0].get());
  const bool is_v2 = groups_->version() == 2;
  const pid_t pid = is_v2 ? launcher::sys::Clone3(&args) : vfork();
  if (pid != 0) {
    return pid;
  }
  for (const UniqueFd& tasks : group_.entry) {
    if (!is_v2 && tasks.valid() && write(tasks.get(), "0", 1) != 1) {
      _exit(kNotInGroup);
    }
  }
  fcntl(filter_.get(), F_SETFD, 0);
  execvp(argv_[0], argv_.data());
  _exit(kNotStarted);
}

void LimitedBwrap::TidyUp() {
  const double cpu_before = ThreadCpuMs();
  groups_->Remove(&group_);
  // bubblewrap does not wait for the init in its PID namespace.
  for (int i = 0; i < kTidyTries && groups_->has_leftovers(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    groups_->RetryLeftovers();
  }
  own_cpu_ms_ += ThreadCpuMs() - cpu_before;
  if (groups_->has_leftovers()) {
    Die("cannot remove the control group");
  }
}

}  // namespace casemate::bench
