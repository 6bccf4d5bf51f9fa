// The first process of each container that Casemate makes: reaps, forwards signals, installs our
// system-call filter, and runs the command; and of each command that joins one later. A program of
// its own: static, without exceptions, executed inside the container as its unprivileged user; it
// needs nothing of the image, and nothing in its environment leads it astray.
//
//   guard run DIRECTORY -- PROGRAM ARG…                     speaks the protocol of protocol.h
//   guard service DIRECTORY [DEVICE:INODE] -- PROGRAM ARG…  runs it as it is; nothing if the
//                                                           directory is another than that one
//   guard exec TOKEN SECRET -- PROGRAM ARG…                 joined.h
//   guard end TOKEN (TERM|KILL)
//   guard health HEX
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sandbox/container/guard/command.h"
#include "sandbox/container/guard/files.h"
#include "sandbox/container/guard/joined.h"
#include "sandbox/container/guard/protocol.h"
#include "sandbox/container/guard/transfer.h"

namespace casemate::container::guard {
namespace {

constexpr int kForwarded[] = {SIGTERM, SIGINT,  SIGHUP,   SIGQUIT,
                              SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};

// Until the command has ended: takes the signals of the engine to its group, and reaps whoever was
// left to us.
End WaitFor(pid_t command, const sigset_t& taken) {
  while (true) {
    int status = 0;
    for (pid_t ended = waitpid(-1, &status, WNOHANG); ended > 0;
         ended = waitpid(-1, &status, WNOHANG)) {
      if (ended == command) {
        return EndOf(status);
      }
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

// `ends_the_rest`: not where our own end does that.
End Run(char** argv, const Filter& filter, bool ends_the_rest) {
  End end;
  end.kind = EndKind::kSetupFailed;
  sigset_t taken;
  sigemptyset(&taken);
  sigaddset(&taken, SIGCHLD);
  for (const int number : kForwarded) {
    sigaddset(&taken, number);
  }
  if (!Block(taken)) {
    end.value = errno;
    return end;
  }
  const Started started = StartCommand(argv, filter);
  if (started.pid < 0) {
    return started.failure;
  }
  end = WaitFor(started.pid, taken);
  if (ends_the_rest) {
    EndTheRest();
  }
  if (started.has_failed) {
    end.kind = started.failure.kind;
    end.value = started.failure.value;
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
  // Processes of another user may be left, whom we may not signal: they go with us.
  return ExitCodeOf(Run(argv + 1, filter, false));
}

int RunMode(char** argv, const Filter& filter) {
  Order order;
  End end;
  end.kind = EndKind::kSetupFailed;
  if (!SayHello()) {
    return kExitSetup;
  }
  if (TakeOrder(order)) {
    end = Run(argv, filter, true);
  } else {
    end.value = errno;
  }
  end.nonce = order.nonce;
  (void)WriteAll(STDOUT_FILENO, &end, sizeof end);
  return ExitCodeOf(end);
}

int Main(int argc, char** argv) {
  // What the command may not see: the nonce.
  if (argc < 3 || signal(SIGPIPE, SIG_IGN) == SIG_ERR || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return kExitSetup;
  }
  if (std::strcmp(argv[1], "end") == 0) {
    return EndMode(argv + 2);
  }
  static Filter filter;
  if (!ReadFilter(filter)) {
    return kExitSetup;
  }
  if (std::strcmp(argv[1], "health") == 0) {
    return HealthMode(argv[2], filter);
  }
  if (argc < 5) {
    return kExitSetup;
  }
  if (std::strcmp(argv[1], "exec") == 0) {
    return JoinedMode(argv + 2, filter);
  }
  if (chdir(argv[2]) != 0) {
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
