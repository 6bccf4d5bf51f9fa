#include "sandbox/selftest/probe/attack.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstring>
#include <utility>

namespace casemate::escape {

Outcome Blocked(std::string detail) {
  return {Verdict::kBlocked, std::move(detail)};
}
Outcome Succeeded(std::string detail) {
  return {Verdict::kSucceeded, std::move(detail)};
}
Outcome CannotTry(std::string detail) {
  return {Verdict::kError, std::move(detail)};
}

std::string ErrnoName(int number) {
  const char* name = strerrorname_np(number);
  return name != nullptr ? name : std::to_string(number);
}

Outcome OfCall(long returned) {
  const int error = errno;
  return returned >= 0 ? Succeeded() : Blocked(ErrnoName(error));
}

std::string TextArg(Args args, std::size_t index, std::string_view fallback) {
  return index < args.size() ? args[index] : std::string(fallback);
}

std::int64_t NumberArg(Args args, std::size_t index, std::int64_t fallback) {
  if (index >= args.size()) {
    return fallback;
  }
  std::int64_t number = fallback;
  const std::string& text = args[index];
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string ReadSome(const std::string& path, std::size_t max_bytes) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return {};
  }
  std::string text;
  std::array<char, 4096> buffer{};
  while (text.size() < max_bytes) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got <= 0) {
      break;
    }
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  const int error = errno;
  close(fd);
  errno = error;
  return text;
}

int SpawnVictim() {
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (true) {
      pause();
    }
  }
  return pid;
}

void KillVictim(int pid) {
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

Target::Target(Args args) {
  if (TextArg(args, 0, "1") == "child") {
    pid_ = SpawnVictim();
    own_ = pid_ > 0;
  } else {
    pid_ = static_cast<int>(NumberArg(args, 0, 1));
  }
}

Target::~Target() {
  if (own_) {
    KillVictim(pid_);
  }
}

bool IsConfined() {
  return prctl(PR_GET_SECCOMP) == 2 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

namespace {

bool WriteText(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    return false;
  }
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return written;
}

}  // namespace

bool EnterOwnNamespaces() {
  const std::string uid = std::to_string(geteuid());
  const std::string gid = std::to_string(getegid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
              CLONE_NEWPID | CLONE_NEWCGROUP) != 0) {
    return false;
  }
  if (!WriteText("/proc/self/setgroups", "deny") ||
      !WriteText("/proc/self/uid_map", "0 " + uid + " 1") ||
      !WriteText("/proc/self/gid_map", "0 " + gid + " 1")) {
    return false;
  }
  const pid_t pid = fork();  // only children enter the new PID namespace
  if (pid > 0) {
    int status = 0;
    waitpid(pid, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
  }
  return pid == 0;
}

}  // namespace casemate::escape
