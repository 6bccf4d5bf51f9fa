#include "tests/bench/child.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "base/unique_fd.h"
#include "sandbox/native/launcher/syscalls.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace casemate::bench {
namespace {

constexpr std::size_t kReadBytes = 256 << 10;
constexpr int kPatienceMs = 30'000;  // with a program that is run quietly
constexpr std::size_t kReasonBytes = 100;

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> raw;
  for (const std::string& text : texts) {
    raw.push_back(const_cast<char*>(text.c_str()));
  }
  raw.push_back(nullptr);
  return raw;
}

pid_t Spawn(const std::vector<std::string>& argv, posix_spawn_file_actions_t* actions,
            char* const* env, const posix_spawnattr_t* attributes = nullptr) {
  pid_t pid = -1;
  if (posix_spawnp(&pid, argv[0].c_str(), actions, attributes, Pointers(argv).data(), env) != 0) {
    Die("cannot start " + argv[0]);
  }
  return pid;
}

std::array<int, 2> Pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    Die("cannot make a pipe");
  }
  return ends;
}

pid_t SpawnQuietly(const std::vector<std::string>& argv, int stderr_to) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, stderr_to, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  const pid_t pid = Spawn(argv, &actions, environ, &attributes);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

std::string FirstLine(int file) {
  std::array<char, 4096> buffer{};
  const ssize_t got = pread(file, buffer.data(), buffer.size(), 0);
  std::istringstream text(std::string(buffer.data(), static_cast<std::size_t>(std::max(got, 0L))));
  std::string line;
  while (line.empty() && std::getline(text, line)) {
  }
  return line.substr(0, kReasonBytes);
}

double Milliseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

// Processor time of a living process, with its threads and ended children; then the same of its
// living children: the server's only one is its launcher.
double LivingCpuMs(pid_t pid) {
  const std::string proc = "/proc/" + std::to_string(pid);
  std::ifstream stat(proc + "/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), std::istreambuf_iterator<char>());
  std::istringstream fields(text.substr(text.rfind(')') + 2));  // the name may hold anything
  std::string skipped;
  for (int field = 3; field < 14; ++field) {
    fields >> skipped;
  }
  double ticks = 0;
  for (int field = 14; field <= 17; ++field) {  // utime, stime, cutime, cstime
    double value = 0;
    fields >> value;
    ticks += value;
  }
  return ticks * 1e3 / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

void Die(const std::string& what) {
  throw std::runtime_error(what);
}

void RunToEnd(const std::vector<std::string>& argv) {
  const pid_t pid = Spawn(argv, nullptr, environ);
  int status = 0;
  if (waitpid(pid, &status, 0) != pid || status != 0) {
    Die(argv[0] + " failed");
  }
}

void RunQuietly(const std::vector<std::string>& argv) {
  const UniqueFd said(memfd_create("stderr", MFD_CLOEXEC));
  const pid_t pid = SpawnQuietly(argv, said.get());
  const UniqueFd process(launcher::sys::PidfdOpen(pid));
  pollfd end{process.get(), POLLIN, 0};
  const bool has_ended = poll(&end, 1, kPatienceMs) == 1;
  if (!has_ended) {
    kill(-pid, SIGKILL);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (!has_ended) {
    Die("no end within 30 s");
  }
  if (status == 0) {
    return;
  }
  const std::string why = FirstLine(said.get());
  Die((WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                         : "signal " + std::to_string(WTERMSIG(status))) +
      (why.empty() ? "" : ": " + why));
}

Child::Child(const std::vector<std::string>& argv, const std::vector<std::string>& env,
             Stderr stderr_to)
    : buffer_(kReadBytes, '\0') {
  std::vector<std::string> all(env);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    all.emplace_back(*entry);
  }
  const auto in = Pipe();
  const auto out = Pipe();
  const auto err = Pipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  if (stderr_to == Stderr::kPiped) {
    posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  } else if (stderr_to == Stderr::kQuiet) {
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  pid_ = Spawn(argv, &actions, Pointers(all).data());
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  close(err[1]);
  in_ = in[1];
  out_ = out[0];
  err_ = err[0];
}

Child::~Child() {
  Stop();
  close(out_);
  close(err_);
}

void Child::Stop() {
  if (pid_ < 0) {
    return;
  }
  close(in_);
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void Child::Write(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = write(in_, bytes.data(), bytes.size());
    if (written <= 0) {
      Die("cannot write to the server");
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::string_view Child::Read() {
  const ssize_t got = read(out_, buffer_.data(), buffer_.size());
  if (got <= 0) {
    Die("the server ended");
  }
  return {buffer_.data(), static_cast<std::size_t>(got)};
}

std::string Child::ReadLine() {
  std::string line = std::exchange(rest_, {});
  while (line.find('\n') == std::string::npos) {
    line += Read();
  }
  const std::size_t end = line.find('\n') + 1;
  rest_ = line.substr(end);
  line.resize(end);
  return line;
}

std::string Child::ReadErrorUntil(std::string_view end) const {
  std::string text;
  while (text.find(end) == std::string::npos) {
    std::array<char, 4096> buffer{};
    const ssize_t got = read(err_, buffer.data(), buffer.size());
    if (got <= 0) {
      Die("the server ended: " + text);
    }
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

long Child::StatusKb(std::string_view field) const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) {
      return std::strtol(line.c_str() + field.size() + 1, nullptr, 10);
    }
  }
  Die("no " + std::string(field) + " in /proc");
}

double EndedChildrenCpuMs() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return Milliseconds(usage.ru_utime) + Milliseconds(usage.ru_stime);
}

Adoption::Adoption() {
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

Adoption::~Adoption() {
  prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
  Reap();
}

void Adoption::Reap() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

double TreeCpuMs(pid_t root) {
  double total = LivingCpuMs(root);
  for (const auto& thread :
       std::filesystem::directory_iterator("/proc/" + std::to_string(root) + "/task")) {
    std::ifstream children(thread.path() / "children");
    for (pid_t child = 0; children >> child;) {
      total += LivingCpuMs(child);
    }
  }
  return total;
}

}  // namespace casemate::bench
