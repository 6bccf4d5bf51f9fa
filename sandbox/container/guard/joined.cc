#include "sandbox/container/guard/joined.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace casemate::container::guard {
namespace {

constexpr std::size_t kMaxRead = 4096;
constexpr std::size_t kMaxHealth = 65536;  // bytes of all arguments
constexpr std::size_t kMaxHealthArguments = 256;
constexpr int kRounds = 100;  // of 20 ms at most
constexpr long kRoundNs = 20 * 1'000'000L;

// What `name` of the process `pid` begins with; its length.
std::size_t ReadProc(const char* pid, const char* name, char (&into)[kMaxRead]) {
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/%.20s/%s", pid, name);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return 0;
  }
  const ssize_t got = read(fd, into, sizeof into - 1);
  close(fd);
  const std::size_t length = got < 0 ? 0 : static_cast<std::size_t>(got);
  into[length] = '\0';
  return length;
}

// Calls `visit` with the name of each process's directory.
template <typename Visit>
void ForEachProcess(const Visit& visit) {
  DIR* const all = opendir("/proc");
  if (all == nullptr) {
    return;
  }
  while (const dirent* const entry = readdir(all)) {  // NOLINT(concurrency-mt-unsafe): one thread
    if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9') {
      visit(entry->d_name);
    }
  }
  closedir(all);
}

// The name in it may hold anything, parentheses too.
bool IsChildOf(const char* pid, long parent) {
  char text[kMaxRead];
  if (ReadProc(pid, "stat", text) == 0) {
    return false;
  }
  const char* const after = std::strrchr(text, ')');
  char state = 0;
  long found = 0;
  // NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers
  return after != nullptr && std::sscanf(after + 1, " %c %ld", &state, &found) == 2 &&
         found == parent;
}

// Children of what ends become ours: until there are none.
void EndTheRest(const sigset_t& taken) {
  const long self = getpid();
  for (int round = 0; round < kRounds; ++round) {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    if (waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD) {
      return;
    }
    ForEachProcess([&](const char* pid) {
      if (IsChildOf(pid, self)) {
        kill(static_cast<pid_t>(std::strtol(pid, nullptr, 10)), SIGKILL);
      }
    });
    const timespec pause{0, kRoundNs};
    sigtimedwait(&taken, nullptr, &pause);
  }
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

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
    const int number = sigwaitinfo(&taken, &received);
    if (number == SIGTERM) {
      kill(-command, SIGTERM);
    } else if (number == SIGINT) {
      kill(-command, SIGKILL);
      kill(command, SIGKILL);
    }
  }
}

}  // namespace

int JoinedMode(char** argv, const Filter& filter) {
  if (argv[0] == nullptr || argv[1] == nullptr || argv[2] == nullptr ||
      std::strcmp(argv[2], "--") != 0 || argv[3] == nullptr) {
    return kExitSetup;
  }
  char secret[kMaxSecret + 1] = {};
  std::strncpy(secret, argv[1], kMaxSecret);
  std::memset(argv[1], 'x', std::strlen(argv[1]));  // what the command may not see
  sigset_t taken;
  sigemptyset(&taken);
  sigaddset(&taken, SIGCHLD);
  sigaddset(&taken, SIGTERM);
  sigaddset(&taken, SIGINT);
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || !Block(taken)) {
    return kExitSetup;
  }
  const Started started = StartCommand(argv + 3, filter);
  if (started.pid < 0) {
    return kExitSetup;
  }
  const End end = WaitFor(started.pid, taken);
  EndTheRest(taken);
  if (!started.has_failed) {
    return ExitCodeOf(end);
  }
  (void)std::fprintf(stderr, "%s%s %d\n", kCannotRun, secret, started.failure.value);
  return ExitCodeOf(started.failure);
}

int HealthMode(const char* hex, const Filter& filter) {
  static char bytes[kMaxHealth];
  static char token[] = "health";
  static char secret[] = "health";
  static char dashes[] = "--";
  static char* argv[kMaxHealthArguments + 4] = {token, secret, dashes};
  std::size_t length = 0;
  for (; hex[2 * length] != '\0'; ++length) {
    const int high = DigitOf(hex[2 * length]);
    const int low = DigitOf(hex[2 * length + 1]);
    if (length == kMaxHealth || high < 0 || low < 0) {
      return kExitSetup;
    }
    bytes[length] = static_cast<char>(high * 16 + low);
  }
  if (length == 0 || bytes[length - 1] != '\0') {
    return kExitSetup;
  }
  std::size_t count = 0;
  for (std::size_t at = 0; at < length; at += std::strlen(bytes + at) + 1) {
    if (count == kMaxHealthArguments) {
      return kExitSetup;
    }
    argv[3 + count++] = bytes + at;
  }
  return JoinedMode(argv, filter);
}

int EndMode(char** argv) {
  if (argv[0] == nullptr || argv[1] == nullptr) {
    return kExitSetup;
  }
  const int number = std::strcmp(argv[1], "TERM") == 0 ? SIGTERM : SIGINT;
  char wanted[kMaxRead];
  const int length = std::snprintf(wanted, sizeof wanted, "%s%cexec%c%s", kProgram, 0, 0, argv[0]);
  if (length < 0 || length >= static_cast<int>(sizeof wanted)) {
    return kExitSetup;
  }
  const auto size = static_cast<std::size_t>(length) + 1;  // with the end of the token
  int told = 0;
  ForEachProcess([&](const char* pid) {
    char line[kMaxRead];
    if (ReadProc(pid, "cmdline", line) >= size && std::memcmp(line, wanted, size) == 0 &&
        kill(static_cast<pid_t>(std::strtol(pid, nullptr, 10)), number) == 0) {
      ++told;
    }
  });
  return told > 0 ? 0 : 1;
}

}  // namespace casemate::container::guard
