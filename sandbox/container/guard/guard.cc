// The first process of each container that Casemate makes: reaps, forwards signals, installs our
// system-call filter, and runs the command. A program of its own: static, without exceptions,
// executed inside the container as its unprivileged user; it needs nothing of the image.
//
//   guard run DIRECTORY -- PROGRAM ARG…                     speaks the protocol of protocol.h
//   guard service DIRECTORY [DEVICE:INODE] -- PROGRAM ARG…  runs it as it is; nothing if the
//                                                           directory is another than that one
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sandbox/container/guard/files.h"
#include "sandbox/container/guard/protocol.h"
#include "sandbox/container/guard/transfer.h"

namespace casemate::container::guard {
namespace {

constexpr std::size_t kMaxInstructions = 4096;  // BPF_MAXINSNS
constexpr int kForwarded[] = {SIGTERM, SIGINT,  SIGHUP,   SIGQUIT,
                              SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};

struct Filter {
  sock_filter code[kMaxInstructions];
  unsigned short length = 0;
};

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

// Until the command has ended: takes the signals of the engine to its group, and reaps whoever was
// left to us.
End WaitFor(pid_t command, const sigset_t& taken) {
  End end;
  while (true) {
    int status = 0;
    for (pid_t ended = waitpid(-1, &status, WNOHANG); ended > 0;
         ended = waitpid(-1, &status, WNOHANG)) {
      if (ended != command) {
        continue;
      }
      end.kind = WIFSIGNALED(status) ? EndKind::kSignaled : EndKind::kExited;
      end.value = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
      return end;
    }
    siginfo_t received{};
    if (sigwaitinfo(&taken, &received) > 0 && received.si_signo != SIGCHLD) {
      kill(-command, received.si_signo);
    }
  }
}

// Nothing that could still write is left when this returns.
void EndTheRest() {
  kill(-1, SIGKILL);
  while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
}

End Run(char** argv, const Filter& filter) {
  End end;
  end.kind = EndKind::kSetupFailed;
  sigset_t taken;
  sigemptyset(&taken);
  sigaddset(&taken, SIGCHLD);
  for (const int number : kForwarded) {
    sigaddset(&taken, number);
  }
  int failure[2] = {-1, -1};
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  if (sigprocmask(SIG_BLOCK, &taken, nullptr) != 0 || pipe2(failure, O_CLOEXEC) != 0) {
    end.value = errno;
    return end;
  }
  const pid_t command = fork();
  if (command < 0) {
    end.value = errno;
    return end;
  }
  if (command == 0) {
    Become(argv, filter, failure[1]);
  }
  close(failure[1]);
  End told;
  const bool has_failed = ReadAll(failure[0], &told, sizeof told);
  close(failure[0]);
  end = WaitFor(command, taken);
  EndTheRest();
  if (has_failed) {
    end.kind = told.kind;
    end.value = told.value;
  }
  rusage usage{};
  if (getrusage(RUSAGE_CHILDREN, &usage) == 0) {
    constexpr std::int64_t kUsPerS = 1'000'000;
    end.cpu_us = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * kUsPerS +
                 usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    end.max_memory_kb = usage.ru_maxrss;
  }
  return end;
}

bool SayHello() {
  struct stat facts{};
  if (stat(".", &facts) != 0) {
    return false;
  }
  Hello hello;
  hello.device = facts.st_dev;
  hello.inode = facts.st_ino;
  return WriteAll(STDOUT_FILENO, &hello, sizeof hello);
}

// `order` is filled as far as it was read, so that a failure can be told.
bool TakeOrder(Order& order) {
  if (!ReadAll(STDIN_FILENO, &order, sizeof order)) {
    return false;
  }
  if (order.magic != kOrderMagic) {
    errno = EPROTO;
    return false;
  }
  for (std::uint32_t i = 0; i < order.files; ++i) {
    if (!TakeFile(STDIN_FILENO)) {
      return false;
    }
  }
  return true;
}

// Takes a number in decimal digits off the front of `text`.
bool TakeNumber(const char*& text, std::uint64_t& number) {
  if (*text < '0' || *text > '9') {
    return false;
  }
  for (number = 0; *text >= '0' && *text <= '9'; ++text) {
    number = number * 10 + static_cast<std::uint64_t>(*text - '0');
  }
  return true;
}

// Each start mounts the workspace by its path, which may lead elsewhere by now (attack: symlink
// swap).
bool IsWorkingDirectory(const char* place) {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  struct stat facts{};
  if (!TakeNumber(place, device) || *place != ':') {
    return false;
  }
  ++place;
  return TakeNumber(place, inode) && *place == '\0' && stat(".", &facts) == 0 &&
         facts.st_dev == device && facts.st_ino == inode;
}

int ServiceMode(char** argv, const Filter& filter) {
  if (std::strcmp(*argv, "--") != 0) {
    if (!IsWorkingDirectory(*argv++)) {
      constexpr char kWords[] =
          "casemate: the workspace is not the directory that was judged; nothing runs\n";
      (void)WriteAll(STDERR_FILENO, kWords, sizeof kWords - 1);
      return kExitSetup;
    }
  }
  if (*argv == nullptr || std::strcmp(*argv, "--") != 0 || argv[1] == nullptr) {
    return kExitSetup;
  }
  return ExitCodeOf(Run(argv + 1, filter));
}

int RunMode(char** argv, const Filter& filter) {
  Order order;
  End end;
  end.kind = EndKind::kSetupFailed;
  if (!SayHello()) {
    return kExitSetup;
  }
  if (TakeOrder(order)) {
    end = Run(argv, filter);
  } else {
    end.value = errno;
  }
  end.nonce = order.nonce;
  (void)WriteAll(STDOUT_FILENO, &end, sizeof end);
  return ExitCodeOf(end);
}

int Main(int argc, char** argv) {
  // What the command may not see: the nonce.
  if (argc < 5 || signal(SIGPIPE, SIG_IGN) == SIG_ERR || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
      chdir(argv[2]) != 0) {
    return kExitSetup;
  }
  static Filter filter;
  if (!ReadFilter(filter)) {
    return kExitSetup;
  }
  if (std::strcmp(argv[1], "run") == 0 && std::strcmp(argv[3], "--") == 0) {
    return RunMode(argv + 4, filter);
  }
  if (std::strcmp(argv[1], "service") == 0) {
    return ServiceMode(argv + 3, filter);
  }
  return kExitSetup;
}

}  // namespace
}  // namespace casemate::container::guard

int main(int argc, char** argv) {
  return casemate::container::guard::Main(argc, argv);
}
