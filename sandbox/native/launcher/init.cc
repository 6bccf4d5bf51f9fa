#include "sandbox/native/launcher/init.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace casemate::launcher {
namespace {

// Behind the streams; all close-on-exec.
constexpr int kNullDevice = 3;
constexpr int kDone = 4;
constexpr int kRelease = 5;

[[noreturn]] void Fail(SharedReport& report, wire::Stage stage, int error) {
  report.stage = stage;
  report.sys_errno = error;
  report.failed = 1;
  ::_exit(1);
}

// A NULL-terminated array of the texts, which stay where they are in the mapped request.
char** MakeVector(const Request& request, wire::ListRef list) {
  auto** vector = static_cast<char**>(std::calloc(std::size_t{list.count} + 1, sizeof(char*)));
  if (vector == nullptr) {
    return nullptr;
  }
  for (std::uint32_t i = 0; i < list.count; ++i) {
    vector[i] = const_cast<char*>(request.Text(request.Argument(list, i)));
  }
  return vector;
}

// Signal handlers are default already: the launcher reset them all at its start and never ignores
// any. Only the mask has to go.
pid_t StartCommand(SharedReport& report, char** argv, char** env) {
  sigset_t empty;
  sigemptyset(&empty);
  // vfork: a copy of init's memory would cost a tenth of a millisecond and be dropped at once. The
  // child makes plain system calls only, and init waits for its exec by design.
  // NOLINTBEGIN(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork)
  // NOLINTBEGIN(bugprone-unsafe-functions)
  const pid_t command = ::vfork();
  if (command == 0) {
    ::setsid();
    ::pthread_sigmask(SIG_SETMASK, &empty, nullptr);
    ::execvpe(argv[0], argv, env);
    report.sys_errno = LastError();
    report.failed = 1;
    ::_exit(127);
  }
  // NOLINTEND(bugprone-unsafe-functions)
  // NOLINTEND(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork)
  return command;
}

// To their numbers by way of higher ones: none may land on another that is still needed.
int PlaceDescriptors(int null_device, const ChildContext& context) {
  constexpr int kAside = 16;
  struct Place {
    int from;
    int to;
  };
  Place places[] = {
      {null_device, kNullDevice}, {context.done, kDone}, {context.request.release.get(), kRelease}};
  for (Place& place : places) {
    if (place.from >= 0) {
      place.from = ::fcntl(place.from, F_DUPFD_CLOEXEC, kAside);
      if (place.from < 0) {
        return LastError();
      }
    }
  }
  for (const Place& place : places) {
    if (place.from >= 0 && ::dup3(place.from, place.to, O_CLOEXEC) < 0) {
      return LastError();
    }
  }
  return sys::CloseRange((context.request.release.valid() ? kRelease : kDone) + 1, ~0U);
}

// The call must be on record first. Without the byte there is nobody any more who could tell what
// became of the command: it does not start.
void AwaitRelease(SharedReport& report) {
  char byte = 0;
  if (::read(kRelease, &byte, 1) != 1) {
    Fail(report, wire::Stage::kAwaitRelease, ECANCELED);
  }
  ::close(kRelease);
}

// Streams of the command that init holds too would never reach EOF before init ends.
int LeaveStreams(int null_device) {
  for (int fd = 0; fd < 3; ++fd) {
    if (::dup2(null_device, fd) < 0) {
      return LastError();
    }
  }
  return ErrorOf(::close(null_device));
}

// Reaps what has ended; true when the command was among it.
bool Reap(SharedReport& report, pid_t command) {
  bool ended = false;
  int status = 0;
  for (pid_t pid = ::waitpid(-1, &status, WNOHANG); pid > 0;
       pid = ::waitpid(-1, &status, WNOHANG)) {
    if (pid == command) {
      report.wait_status = status;
      ended = true;
    }
  }
  return ended;
}

std::uint64_t Microseconds(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(time.tv_usec);
}

// Ends what the command left and tells the launcher so.
void EndAll(SharedReport& report, int done) {
  // Orphans become init's children: without any, nobody is left, and to look for somebody to kill
  // takes the kernel the longer the more processes the host has.
  if (::waitpid(-1, nullptr, WNOHANG | __WALL) >= 0) {
    ::kill(-1, SIGKILL);
    while (::waitpid(-1, nullptr, __WALL) > 0 || errno == EINTR) {
    }
  }
  for (const __rusage_who who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage = {};
    static_cast<void>(::getrusage(who, &usage));
    report.cpu_us += Microseconds(usage.ru_utime) + Microseconds(usage.ru_stime);
    const auto memory_kb = static_cast<std::uint64_t>(usage.ru_maxrss);
    report.max_memory_kb = memory_kb > report.max_memory_kb ? memory_kb : report.max_memory_kb;
  }
  report.command_ended = 1;
  report.all_gone.store(1, std::memory_order_release);
  // A pipe that is full wakes the launcher all the same.
  static_cast<void>(::write(done, "", 1) == 1);
}

[[noreturn]] void Supervise(SharedReport& report, pid_t command, int done) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGTERM);
  while (!Reap(report, command)) {
    siginfo_t info = {};
    // A command must not make init signal everything in its place. Who sent a signal cannot be told
    // from the signal: rt_sigqueueinfo forges a sender, and a full queue loses it. The page that
    // init shares with the launcher is out of the command's reach.
    if (::sigwaitinfo(&signals, &info) == SIGTERM && report.terminate != 0) {
      ::kill(-1, SIGTERM);
    }
  }
  EndAll(report, done);
  // The kernel takes long to take namespaces down, and would do it while the server writes the
  // outcome to disk. The launcher kills init a moment later.
  while (true) {
    ::sigwaitinfo(&signals, nullptr);
  }
}

}  // namespace

void RunInit(ChildContext& context) {
  SharedReport& report = context.report;
  char** argv = MakeVector(context.request, context.request.spec().argv);
  char** env = MakeVector(context.request, context.request.spec().env);
  const int null_device = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (argv == nullptr || env == nullptr || null_device < 0) {
    Fail(report, wire::Stage::kFork, LastError());
  }
  // What execvpe looks argv[0] up in. Not the command's own PATH: a rule that allows `date` must
  // not end up running the caller's file of that name.
  char program_path[] = "PATH=" CASEMATE_PROGRAM_PATH;
  char* lookup[] = {program_path, nullptr};
  ::environ = lookup;
  if (const int error = PlaceDescriptors(null_device, context); error != 0) {
    Fail(report, wire::Stage::kFork, error);
  }
  if (context.request.spec().hold != 0) {
    report.stage = wire::Stage::kAwaitRelease;
    AwaitRelease(report);
  }
  report.stage = wire::Stage::kExec;
  const pid_t command = StartCommand(report, argv, env);
  if (command < 0) {
    Fail(report, wire::Stage::kFork, LastError());
  }
  if (report.failed != 0) {
    ::_exit(1);
  }
  report.stage = wire::Stage::kRunning;
  context.request.Unmap();  // it may be large, and hold secrets
  if (const int error = LeaveStreams(kNullDevice); error != 0) {
    Fail(report, wire::Stage::kFork, error);
  }
  Supervise(report, command, kDone);
}

}  // namespace casemate::launcher
