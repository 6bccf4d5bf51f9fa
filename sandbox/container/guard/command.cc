#include "sandbox/container/guard/command.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "sandbox/container/guard/transfer.h"

namespace casemate::container::guard {
namespace {

bool Confine(const Filter& filter) {
  sock_fprog program{filter.length, const_cast<sock_filter*>(filter.code)};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

// The command's own: no way back. Says by the pipe why it could not start.
[[noreturn]] void Become(char** argv, const Filter& filter, int failure_pipe) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);  // NOLINT(concurrency-mt-unsafe): one thread
  setsid();
  End end;
  end.kind = EndKind::kSetupFailed;
  if (Confine(filter)) {
    execvp(argv[0], argv);
    end.kind = EndKind::kExecFailed;
  }
  end.value = errno;
  (void)WriteAll(failure_pipe, &end, sizeof end);
  _exit(kExitNotFound);
}

}  // namespace

bool ReadFilter(Filter& filter) {
  const int fd = open(kFilter, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    return false;
  }
  struct stat facts{};
  const bool fits = fstat(fd, &facts) == 0 && facts.st_size > 0 &&
                    facts.st_size <= static_cast<off_t>(sizeof filter.code) &&
                    facts.st_size % static_cast<off_t>(sizeof(sock_filter)) == 0;
  const bool read_all = fits && ReadAll(fd, filter.code, static_cast<std::size_t>(facts.st_size));
  filter.length =
      static_cast<unsigned short>(static_cast<std::size_t>(facts.st_size) / sizeof(sock_filter));
  const int err = fits ? errno : EINVAL;
  close(fd);
  errno = err;
  return read_all;
}

bool Block(const sigset_t& taken) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  return sigprocmask(SIG_BLOCK, &taken, nullptr) == 0;
}

Started StartCommand(char** argv, const Filter& filter) {
  Started started;
  started.failure.kind = EndKind::kSetupFailed;
  int failure[2] = {-1, -1};
  if (pipe2(failure, O_CLOEXEC) != 0) {
    started.failure.value = errno;
    return started;
  }
  started.pid = fork();
  if (started.pid < 0) {
    started.failure.value = errno;
    return started;
  }
  if (started.pid == 0) {
    Become(argv, filter, failure[1]);
  }
  close(failure[1]);
  End told;
  started.has_failed = ReadAll(failure[0], &told, sizeof told);
  close(failure[0]);
  if (started.has_failed) {
    started.failure = told;
  }
  return started;
}

End EndOf(int wait_status) {
  End end;
  end.kind = WIFSIGNALED(wait_status) ? EndKind::kSignaled : EndKind::kExited;
  end.value = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
  return end;
}

int ExitCodeOf(const End& end) {
  switch (end.kind) {
    case EndKind::kExited:
      return end.value;
    case EndKind::kSignaled:
      return kExitSignal + end.value;
    case EndKind::kExecFailed:
      return end.value == ENOENT ? kExitNotFound : kExitNotExecutable;
    case EndKind::kSetupFailed:
      break;
  }
  return kExitSetup;
}

}  // namespace casemate::container::guard
