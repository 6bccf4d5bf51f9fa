#include "clients/hosts/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace casemate::hosts {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxLine = std::size_t{16} << 20;
constexpr std::size_t kKeptComplaints = 4096;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> MakePipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return ErrnoError("cannot make a pipe", errno);
  }
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
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

// posix_spawn with the actions that a host's child gets; an errno.
int Spawn(const CommandLine& line, int input, int output, int error, pid_t* pid) {
  std::vector<std::string> words = {line.program};
  words.insert(words.end(), line.args.begin(), line.args.end());
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  int err = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  err = err != 0 ? err : posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  err = err != 0 ? err : posix_spawn_file_actions_adddup2(&actions, error, STDERR_FILENO);
  err = err != 0 ? err : posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  err = err != 0 ? err : posix_spawn_file_actions_addchdir_np(&actions, line.directory.c_str());
  err = err != 0 ? err
                 : posix_spawnattr_setflags(
                       &attributes, static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                       POSIX_SPAWN_SETSIGDEF));
  err = err != 0 ? err : posix_spawnattr_setsigmask(&attributes, &none);
  err = err != 0 ? err : posix_spawnattr_setsigdefault(&attributes, &all);
  err = err != 0 ? err
                 : posix_spawn(pid, line.program.c_str(), &actions, &attributes,
                               Pointers(words).data(), Pointers(line.environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return err;
}

int MillisecondsUntil(Deadline deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

// Appends what can be read; closes the descriptor at its end.
void Drain(UniqueFd& fd, std::string& into) {
  std::array<char, 65536> buffer{};
  const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
  if (got > 0) {
    into.append(buffer.data(), static_cast<std::size_t>(got));
  } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
    fd.Reset();
  }
}

}  // namespace

Result<Child> Child::Start(const CommandLine& line) {
  auto input = MakePipe();
  auto output = MakePipe();
  auto error = MakePipe();
  if (!input || !output || !error) {
    return !input ? input.error() : !output ? output.error() : error.error();
  }
  pid_t pid = 0;
  const int err = Spawn(line, input->read.get(), output->write.get(), error->write.get(), &pid);
  if (err != 0) {
    return ErrnoError("cannot start " + line.program, err);
  }
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  for (const int fd : {input->write.get(), output->read.get(), error->read.get()}) {
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  }
  return Child(pid, std::move(pidfd), std::move(input->write), std::move(output->read),
               std::move(error->read));
}

Child::Child(pid_t pid, UniqueFd pidfd, UniqueFd input, UniqueFd output, UniqueFd error)
    : pid_(pid),
      pidfd_(std::move(pidfd)),
      input_(std::move(input)),
      output_(std::move(output)),
      error_(std::move(error)) {}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      pidfd_(std::move(other.pidfd_)),
      input_(std::move(other.input_)),
      output_(std::move(other.output_)),
      error_(std::move(other.error_)),
      pending_(std::move(other.pending_)),
      complaints_(std::move(other.complaints_)),
      ended_(other.ended_),
      status_(other.status_) {}

Child::~Child() {
  if (pid_ != 0 && !ended_) {
    // Not reaped yet, so the number is still its own, and its session's.
    kill(-pid_, SIGKILL);
    kill(pid_, SIGKILL);
    while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
  }
}

bool Child::Wait(For what, Deadline deadline) {
  // A negative descriptor is passed over.
  std::array<pollfd, 4> watched = {{{output_.get(), POLLIN, 0},
                                    {error_.get(), POLLIN, 0},
                                    {what == For::kRoom ? input_.get() : -1, POLLOUT, 0},
                                    {what == For::kEnd ? pidfd_.get() : -1, POLLIN, 0}}};
  const int ready = poll(watched.data(), watched.size(), MillisecondsUntil(deadline));
  if (ready == 0) {
    return false;
  }
  if (output_.valid() && watched[0].revents != 0) {
    Drain(output_, pending_);
  }
  if (error_.valid() && watched[1].revents != 0) {
    Drain(error_, complaints_);
    if (complaints_.size() > kKeptComplaints) {
      complaints_.erase(0, complaints_.size() - kKeptComplaints);
    }
  }
  return true;
}

bool Child::Send(std::string_view bytes, Deadline deadline) {
  // A child that is gone is told by EPIPE; the signal would end the doctor.
  struct sigaction ignore{};
  struct sigaction old{};
  ignore.sa_handler = SIG_IGN;  // NOLINT(cppcoreguidelines-pro-type-union-access)
  sigaction(SIGPIPE, &ignore, &old);
  while (!bytes.empty()) {
    const ssize_t sent = write(input_.get(), bytes.data(), bytes.size());
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EINTR && (errno != EAGAIN || !Wait(For::kRoom, deadline))) {
      break;
    }
  }
  sigaction(SIGPIPE, &old, nullptr);
  return bytes.empty();
}

Result<std::string> Child::ReadLine(Deadline deadline) {
  while (true) {
    if (const std::size_t end = pending_.find('\n'); end != std::string::npos) {
      std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      return line;
    }
    if (pending_.size() > kMaxLine) {
      return Error{
          ErrorCode::kResourceExhausted, "a line of output is longer than 16 MiB", {}, {}, 0};
    }
    if (!output_.valid()) {
      if (!pending_.empty()) {
        return std::exchange(pending_, {});
      }
      return Error{ErrorCode::kNotFound, "the output ended", {}, {}, 0};
    }
    if (!Wait(For::kOutput, deadline)) {
      return Error{ErrorCode::kUnavailable, "no line came in time", {}, {}, 0};
    }
  }
}

bool Child::WaitForEnd(Deadline deadline) {
  while (!ended_) {
    if (waitpid(pid_, &status_, WNOHANG) == pid_) {
      ended_ = true;
    } else if (!Wait(For::kEnd, deadline)) {
      return false;
    }
  }
  // What it left in the pipe.
  while (error_.valid() && Wait(For::kOutput, Clock::now())) {
  }
  return true;
}

std::string Child::HowItEnded() const {
  return WIFSIGNALED(status_) ? "signal " + std::to_string(WTERMSIG(status_))
                              : "exit code " + std::to_string(WEXITSTATUS(status_));
}

}  // namespace casemate::hosts
