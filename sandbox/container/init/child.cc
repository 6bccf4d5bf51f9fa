#include "sandbox/container/init/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace casemate::container::init {
namespace {

constexpr int kMaxVariables = kMaxStrings + 4096;
constexpr int kLineSize = 512;  // less than PIPE_BUF: where poll sees room, a write does not wait

// Whether `ours` names the variable that `theirs`, NAME=VALUE, sets.
bool IsSame(const char* ours, const char* theirs) {
  const char* const equals = std::strchr(theirs, '=');
  return equals != nullptr &&
         std::strncmp(ours, theirs, static_cast<std::size_t>(equals - theirs) + 1) == 0;
}

bool IsOverridden(const char* variable, char* const* env) {
  for (; *env != nullptr; ++env) {
    if (IsSame(variable, *env)) {
      return true;
    }
  }
  return false;
}

// The image's variables, and over them the application's.
bool Merge(char** env) {
  static char* merged[kMaxVariables + 1];
  int count = 0;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    if (IsOverridden(*at, env)) {
      continue;
    }
    if (count == kMaxVariables) {
      return false;
    }
    merged[count++] = *at;
  }
  for (; *env != nullptr; ++env) {
    if (count == kMaxVariables) {
      return false;
    }
    merged[count++] = *env;
  }
  merged[count] = nullptr;
  environ = merged;
  return true;
}

bool Silence() {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  return null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
         dup2(null, STDERR_FILENO) >= 0;
}

[[noreturn]] void Fail(const App& app, const char* what, const char* where, int err) {
  Say("%s: %s %.200s: %s", app.name, what, where, strerrordesc_np(err));
  _exit(err == ENOENT ? kExitNotFound : kExitNotExecutable);
}

[[noreturn]] void Become(const App& app, char** argv, Streams streams) {
  for (int number = 1; number <= kMaxSignal; ++number) {
    signal(number, SIG_DFL);  // NOLINT(cert-err33-c): some cannot be changed
  }
  setsid();
  if (app.directory != nullptr && chdir(app.directory) != 0) {
    Fail(app, "cannot enter", app.directory, errno);
  }
  if (!Merge(app.env)) {
    Fail(app, "too many variables for", argv[0], E2BIG);
  }
  if (streams == Streams::kNone && !Silence()) {
    Fail(app, "cannot open", "/dev/null", errno);
  }
  // Last: what was sent until now is taken as the program would take it.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);  // NOLINT(concurrency-mt-unsafe): one thread
  execvp(argv[0], argv);
  Fail(app, "cannot run", argv[0], errno);
}

}  // namespace

pid_t StartProgram(const App& app, char** argv, Streams streams) {
  const pid_t pid = fork();
  if (pid == 0) {
    Become(app, argv, streams);
  }
  return pid;
}

void KillGroup(pid_t leader) {
  kill(-leader, SIGKILL);
  kill(leader, SIGKILL);
}

std::int64_t NowMs() {
  constexpr std::int64_t kMsPerS = 1000;
  constexpr std::int64_t kNsPerMs = 1'000'000;
  timespec now{};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kMsPerS + now.tv_nsec / kNsPerMs;
}

void Say(const char* format, ...) {
  constexpr char kPrefix[] = "casemate-init: ";
  constexpr std::size_t kStart = sizeof kPrefix - 1;
  char line[kLineSize];
  std::memcpy(line, kPrefix, kStart);
  va_list arguments;
  va_start(arguments, format);
  const int wanted = vsnprintf(line + kStart, sizeof line - kStart - 1, format, arguments);
  va_end(arguments);
  if (wanted < 0) {
    return;
  }
  std::size_t length = kStart + static_cast<std::size_t>(wanted);
  length = length < sizeof line - 2 ? length : sizeof line - 2;
  line[length++] = '\n';
  pollfd room{STDERR_FILENO, POLLOUT, 0};
  if (poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0) {
    (void)!write(STDERR_FILENO, line, length);
  }
}

}  // namespace casemate::container::init
