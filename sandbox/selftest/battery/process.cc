#include "sandbox/selftest/battery/process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "base/result.h"
#include "sandbox/selftest/battery/stop.h"

namespace casemate::escape {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kKeep = std::size_t{1} << 20;
pid_t lasting_child = -1;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

std::array<UniqueFd, 2> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    FailErrno("pipe2");
  }
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

int PidFd(pid_t process) {
  return static_cast<int>(syscall(SYS_pidfd_open, process, 0));
}

// In the child: no return.
[[noreturn]] void Become(const Launch& launch, int out, int err, char** argv, char** env) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) {
    _exit(119);
  }
  dup2(null, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
  if (launch.leak_descriptor) {
    dup2(STDIN_FILENO, 9);
  }
  if (launch.run_as.has_value()) {
    const uid_t id = *launch.run_as;
    if (setgroups(0, nullptr) != 0 || setresgid(id, id, id) != 0 || setresuid(id, id, id) != 0) {
      _exit(120);
    }
  }
  if (chdir(launch.directory.c_str()) != 0) {
    _exit(121);
  }
  RestoreSignals();
  execve(argv[0], argv, env);
  _exit(122);
}

// False at end of stream.
bool Drain(int fd, std::string& kept) {
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EAGAIN) {
      return true;
    }
    if (got <= 0) {
      return false;
    }
    kept.append(buffer.data(), static_cast<std::size_t>(got));
    if (kept.size() > 2 * kKeep) {
      kept.erase(0, kept.size() - kKeep);
    }
  }
}

}  // namespace

void FailErrno(const std::string& what) {
  throw std::runtime_error(Describe(ErrnoError(what, errno)));
}

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (const std::string& word : words) {
    pointers.push_back(const_cast<char*>(word.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

Process::Process(const Launch& launch) {
  auto out = MakePipe();
  auto err = MakePipe();
  const std::vector<char*> argv = Pointers(launch.argv);
  const std::vector<char*> env = Pointers(launch.env);
  pid_ = fork();
  if (pid_ < 0) {
    FailErrno("fork");
  }
  if (pid_ == 0) {
    Become(launch, out[1].get(), err[1].get(), const_cast<char**>(argv.data()),
           const_cast<char**>(env.data()));
  }
  pidfd_ = UniqueFd(PidFd(pid_));
  out_ = std::move(out[0]);
  err_ = std::move(err[0]);
  for (const int fd : {out_.get(), err_.get()}) {
    fcntl(fd, F_SETFL, O_NONBLOCK);
  }
}

Process::~Process() {
  if (pid_ < 0) {
    return;
  }
  const StopLater later;
  Signal(SIGTERM);
  Wait(std::chrono::seconds(20));
}

void Process::Signal(int number) const {
  kill(pid_, number);
}

Finished Process::Wait(std::chrono::seconds limit) {
  Finished finished;
  const auto deadline = Clock::now() + limit;
  std::array<pollfd, 4> waits = {pollfd{pidfd_.get(), POLLIN, 0}, pollfd{out_.get(), POLLIN, 0},
                                 pollfd{err_.get(), POLLIN, 0}, pollfd{StopFd(), POLLIN, 0}};
  bool ended = false;
  while (!ended) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) {
      finished.hung = true;
      Signal(SIGKILL);
    }
    poll(waits.data(), waits.size(), finished.hung ? -1 : static_cast<int>(left) + 1);
    if (waits[3].revents != 0) {
      ThrowInterrupted();
    }
    ended = waits[0].revents != 0;
    if (waits[1].revents != 0 && !Drain(waits[1].fd, finished.out)) {
      waits[1].fd = -1;
    }
    if (waits[2].revents != 0 && !Drain(waits[2].fd, finished.err)) {
      waits[2].fd = -1;
    }
  }
  Drain(out_.get(), finished.out);
  Drain(err_.get(), finished.err);
  rusage usage{};
  wait4(pid_, &finished.wait_status, 0, &usage);
  pid_ = -1;
  finished.max_rss_kb = usage.ru_maxrss;
  return finished;
}

Finished RunProcess(const Launch& launch) {
  Process process(launch);
  return process.Wait();
}

void BecomeSubreaper() {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
    FailErrno("PR_SET_CHILD_SUBREAPER");
  }
}

std::vector<pid_t> ChildrenOf(pid_t process) {
  std::vector<pid_t> children;
  std::error_code ignored;
  const std::string tasks = "/proc/" + std::to_string(process) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, ignored)) {
    std::ifstream file(task.path() / "children");
    pid_t pid = 0;
    while (file >> pid) {
      children.push_back(pid);
    }
  }
  return children;
}

void KeepChild(pid_t child) {
  lasting_child = child;
}

std::vector<pid_t> LiveChildren() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  std::vector<pid_t> children = ChildrenOf(getpid());
  std::erase(children, lasting_child);
  if (children.empty() && lasting_child < 0 && waitpid(-1, nullptr, WNOHANG) == 0) {
    children.push_back(-1);  // there is one, and /proc does not name it
  }
  return children;
}

std::vector<pid_t> LiveChildrenAfter(std::chrono::seconds limit) {
  const Deadline deadline = Clock::now() + limit;
  std::vector<pid_t> children = LiveChildren();
  while (!children.empty() && children.front() > 0) {
    const UniqueFd pidfd(PidFd(children.front()));
    if (!AwaitReadable(pidfd.get(), deadline)) {
      break;
    }
    children = LiveChildren();
  }
  return children;
}

void KillChildren(const std::vector<pid_t>& children) {
  for (const pid_t pid : children) {
    if (pid > 0) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }
}

void KillAllChildren() {
  for (std::vector<pid_t> left = LiveChildren(); !left.empty() && left.front() > 0;
       left = LiveChildren()) {
    KillChildren(left);
  }
}

void EndChild(pid_t child, std::chrono::seconds limit) {
  const StopLater later;
  const UniqueFd pidfd(PidFd(child));
  if (!AwaitReadable(pidfd.get(), Clock::now() + limit)) {
    kill(child, SIGKILL);
  }
  waitpid(child, nullptr, 0);
}

}  // namespace casemate::escape
