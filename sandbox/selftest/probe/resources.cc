// Exhaustion: processes, memory, kernel objects, output, time.
#include <fcntl.h>
#include <linux/mqueue.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>

#include "sandbox/selftest/probe/attack.h"

namespace casemate::escape {
namespace {

constexpr std::int64_t kMegabyte = std::int64_t{1} << 20;

Outcome ForkBomb(Args args) {
  const std::int64_t wanted = NumberArg(args, 0, 2000);
  std::vector<int> children;
  int error = 0;
  for (std::int64_t made = 0; made < wanted && error == 0; ++made) {
    const int pid = SpawnVictim();
    if (pid < 0) {
      error = errno;
    } else {
      children.push_back(pid);
    }
  }
  std::for_each(children.begin(), children.end(), KillVictim);
  return error == 0 ? Succeeded(std::to_string(wanted)) : Blocked(ErrnoName(error));
}

// Every descendant forks for ever; only the sandbox's end stops it.
Outcome ForkBombEndless(Args /*args*/) {
  while (true) {
    if (fork() < 0) {
      sched_yield();
    }
  }
}

Outcome ThreadBomb(Args args) {
  const std::int64_t wanted = NumberArg(args, 0, 2000);
  for (std::int64_t made = 0; made < wanted; ++made) {
    pthread_t thread{};
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    const int error = pthread_create(
        &thread, &attributes,
        [](void*) -> void* {
          while (true) {
            pause();
          }
        },
        nullptr);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
      return Blocked(ErrnoName(error));
    }
  }
  return Succeeded(std::to_string(wanted));
}

// Maps and touches `megabytes`, one at a time.
Outcome Eat(std::int64_t megabytes, int sharing) {
  for (std::int64_t eaten = 0; eaten < megabytes; ++eaten) {
    void* block = mmap(nullptr, kMegabyte, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) {
      return Blocked(ErrnoName(errno));
    }
    auto* bytes = static_cast<volatile char*>(block);
    for (std::int64_t offset = 0; offset < kMegabyte; offset += 4096) {
      bytes[offset] = 1;
    }
  }
  return Succeeded(std::to_string(megabytes));
}

Outcome MemoryBomb(Args args) {
  return Eat(NumberArg(args, 0, 4096), MAP_PRIVATE);
}
// Shared pages are not data pages: RLIMIT_DATA does not count them.
Outcome MemoryBombShared(Args args) {
  return Eat(NumberArg(args, 0, 4096), MAP_SHARED);
}

// Each child stays below any limit for one process; together they are above it.
Outcome MemoryBombChildren(Args args) {
  const std::int64_t count = NumberArg(args, 0, 8);
  const std::int64_t each = NumberArg(args, 1, 64);
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) {
    return CannotTry(ErrnoName(errno));
  }
  std::vector<int> children;
  for (std::int64_t i = 0; i < count; ++i) {
    const pid_t pid = fork();
    if (pid == 0) {
      const Outcome outcome = Eat(each, MAP_PRIVATE);
      const char mark = outcome.verdict == Verdict::kSucceeded ? 'y' : 'n';
      close(ready[0]);
      if (write(ready[1], &mark, 1) != 1) {
        _exit(1);
      }
      close(ready[1]);
      while (true) {
        pause();
      }
    }
    children.push_back(pid);
  }
  close(ready[1]);
  std::int64_t full = 0;
  std::int64_t answered = 0;
  char mark = 0;
  // A child that the kernel killed closes its end without a mark.
  while (answered < count && read(ready[0], &mark, 1) == 1) {
    ++answered;
    full += mark == 'y' ? 1 : 0;
  }
  std::for_each(children.begin(), children.end(), KillVictim);
  return full == count ? Succeeded(std::to_string(count * each)) : Blocked("memory");
}

Outcome FdExhaustion(Args args) {
  const std::int64_t wanted = NumberArg(args, 0, 2'000'000);
  for (std::int64_t made = 0; made < wanted; ++made) {
    if (eventfd(0, EFD_CLOEXEC) < 0) {
      return Blocked(ErrnoName(errno));
    }
  }
  return Succeeded(std::to_string(wanted));
}

// Pipes grown to a megabyte and filled: pages that no file system limits.
Outcome PipeExhaustion(Args args) {
  const std::int64_t wanted = NumberArg(args, 0, 100'000);
  const std::string block(65536, 'x');
  for (std::int64_t made = 0; made < wanted; ++made) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
      return Blocked(ErrnoName(errno));
    }
    fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(kMegabyte));
    while (write(ends[1], block.data(), block.size()) > 0) {
    }
  }
  return Succeeded(std::to_string(wanted));
}

Outcome PtyExhaustion(Args args) {
  const std::int64_t wanted = NumberArg(args, 0, 100'000);
  for (std::int64_t made = 0; made < wanted; ++made) {
    if (posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC) < 0) {
      return Blocked(ErrnoName(errno));
    }
  }
  return Succeeded(std::to_string(wanted));
}

Outcome InotifyExhaustion(Args args) {
  const std::int64_t wanted = NumberArg(args, 0, 100'000);
  for (std::int64_t made = 0; made < wanted; ++made) {
    if (inotify_init1(IN_CLOEXEC) < 0) {
      return Blocked(ErrnoName(errno));
    }
  }
  return Succeeded(std::to_string(wanted));
}

// Takes all instances that there are, says so by a file, and waits to be ended.
Outcome HoldInotify(Args args) {
  while (inotify_init1(IN_CLOEXEC) >= 0) {
  }
  if (creat(TextArg(args, 0, "ready").c_str(), 0644) < 0) {
    return CannotTry(ErrnoName(errno));
  }
  while (true) {
    pause();
  }
}

Outcome SysvShmFill(Args args) {
  const std::int64_t megabytes = NumberArg(args, 0, 1024);
  for (std::int64_t made = 0; made < megabytes; made += 16) {
    const int id = shmget(IPC_PRIVATE, 16 * kMegabyte, IPC_CREAT | 0600);
    if (id < 0) {
      return Blocked(ErrnoName(errno));
    }
    void* block = shmat(id, nullptr, 0);
    shmctl(id, IPC_RMID, nullptr);
    if (block == reinterpret_cast<void*>(-1)) {
      return Blocked(ErrnoName(errno));
    }
    auto* bytes = static_cast<volatile char*>(block);
    for (std::int64_t offset = 0; offset < 16 * kMegabyte; offset += 4096) {
      bytes[offset] = 1;
    }
  }
  return Succeeded(std::to_string(megabytes));
}

Outcome PosixMqFill(Args args) {
  const std::int64_t wanted = NumberArg(args, 0, 1000);
  struct mq_attr attributes{};
  attributes.mq_maxmsg = 10;
  attributes.mq_msgsize = 8192;
  for (std::int64_t made = 0; made < wanted; ++made) {
    const std::string name = "fill-" + std::to_string(getpid()) + "-" + std::to_string(made);
    const long queue =
        syscall(SYS_mq_open, name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600, &attributes);
    const int error = errno;
    syscall(SYS_mq_unlink, name.c_str());
    if (queue < 0) {
      return Blocked(ErrnoName(error));
    }
  }
  return Succeeded(std::to_string(wanted));
}

Outcome OutputFlood(Args args) {
  const std::int64_t megabytes = NumberArg(args, 0, 1024);
  const std::string block(kMegabyte, 'x');
  for (std::int64_t sent = 0; sent < megabytes; ++sent) {
    std::size_t done = 0;
    while (done < block.size()) {
      const ssize_t put = write(STDOUT_FILENO, block.data() + done, block.size() - done);
      if (put <= 0) {
        return Blocked(ErrnoName(errno));
      }
      done += static_cast<std::size_t>(put);
    }
  }
  return Succeeded(std::to_string(megabytes));
}

std::int64_t Milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

Outcome CpuSpin(Args args) {
  const std::int64_t end = Milliseconds() + NumberArg(args, 0, 600'000);
  while (Milliseconds() < end) {
  }
  return Succeeded();
}

Outcome Sleep(Args args) {
  const std::int64_t milliseconds = NumberArg(args, 0, 600'000);
  const timespec length = {.tv_sec = milliseconds / 1000,
                           .tv_nsec = (milliseconds % 1000) * 1'000'000};
  nanosleep(&length, nullptr);
  return Succeeded();
}

Outcome IgnoreSignals(Args args) {
  for (int number = 1; number < NSIG; ++number) {
    signal(number, SIG_IGN);
  }
  kill(getpid(), SIGTERM);
  return Sleep(args);
}

// The grandchild has its own session and keeps standard output open.
Outcome Daemonize(Args /*args*/) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) {
    return CannotTry(ErrnoName(errno));
  }
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    if (fork() == 0) {
      for (int number = 1; number < NSIG; ++number) {
        signal(number, SIG_IGN);
      }
      const char mark = 'r';
      if (write(ready[1], &mark, 1) != 1) {
        _exit(1);
      }
      while (true) {
        pause();
      }
    }
    _exit(0);
  }
  char mark = 0;
  if (child < 0 || read(ready[0], &mark, 1) != 1) {
    return CannotTry("no-daemon");
  }
  waitpid(child, nullptr, 0);
  return Succeeded("daemon-left");
}

constexpr Attack kAttacks[] = {
    {"fork_bomb", 1, ForkBomb},
    {"fork_bomb_endless", 1, ForkBombEndless, true},
    {"thread_bomb", 2, ThreadBomb},
    {"memory_bomb", 3, MemoryBomb},
    {"memory_bomb_shared", 3, MemoryBombShared},
    {"memory_bomb_children", 3, MemoryBombChildren},
    {"fd_exhaustion", 7, FdExhaustion},
    {"pipe_exhaustion", 7, PipeExhaustion},
    {"output_flood", 8, OutputFlood},
    {"cpu_spin", 9, CpuSpin},
    {"sleep", 10, Sleep},
    {"ignore_signals", 11, IgnoreSignals},
    {"daemonize", 12, Daemonize},
    {"pty_exhaustion", 14, PtyExhaustion},
    {"inotify_exhaustion", 14, InotifyExhaustion},
    {"hold_inotify", 14, HoldInotify},
    {"sysv_shm_fill", 14, SysvShmFill},
    {"posix_mq_fill", 14, PosixMqFill},
};

}  // namespace

std::span<const Attack> ResourceAttacks() {
  return kAttacks;
}

}  // namespace casemate::escape
