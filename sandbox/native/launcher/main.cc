// casemate-launcher <incarnation> <most warm> <mode>: control socket on descriptor 3 (wire.h).
// Started by the server, never by hand. Exit code: 0 after the server closed the socket, 1 when it
// cannot start, 2 when it is called wrongly.
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "sandbox/native/launcher/receive.h"
#include "sandbox/native/launcher/supervisor.h"
#include "sandbox/native/launcher/syscalls.h"

namespace casemate::launcher {
namespace {

constexpr int kControlSocket = 3;
constexpr unsigned long kMostWarm = 64;

// Handlers that the server set to "ignore" would pass through exec to every command. All signals
// stay blocked here: Ctrl-C on a terminal is the server's business, whose end we notice.
int ResetSignals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) {
      // Fails for the C library's own ones, which are default.
      static_cast<void>(::signal(signal, SIG_DFL));
    }
  }
  sigset_t all;
  sigfillset(&all);
  return ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

// Descriptors 0 to 2 must be occupied, or received ones would land there.
int PrepareDescriptors() {
  const int null_device = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null_device < 0) {
    return LastError();
  }
  for (int fd = 0; fd < 3; ++fd) {
    if (::dup2(null_device, fd) < 0) {
      return LastError();
    }
  }
  if (::fcntl(kControlSocket, F_SETFD, FD_CLOEXEC) != 0) {
    return LastError();
  }
  return sys::CloseRange(kControlSocket + 1, ~0U);
}

// Each run takes up to ten. Sandboxes have their own limit (SetRlimits).
void AllowManyDescriptors() {
  constexpr rlim_t kEnough = 4096;
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < kEnough) {
    limit.rlim_cur = limit.rlim_max < kEnough ? limit.rlim_max : kEnough;
    static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));  // fewer serve fewer
  }
}

int PrepareProcess() {
  AllowManyDescriptors();
  if (const int error = ResetSignals(); error != 0) {
    return error;
  }
  if (const int error = PrepareDescriptors(); error != 0) {
    return error;
  }
  ::umask(022);
  static_cast<void>(::setsid());  // EPERM: it leads a session already
  if (::geteuid() == 0 && ::setgroups(0, nullptr) != 0 && errno != EPERM) {
    return LastError();
  }
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_NAME, "casemate-launch", 0, 0, 0) != 0) {
    return LastError();
  }
  // Last: other processes of the same user must not trace it; /proc/self/* is root's from here on.
  return ErrorOf(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

int Main(int argc, char** argv) {
  if (argc != 4 || !IsIncarnationName(argv[1])) {
    return 2;
  }
  char* end = nullptr;
  const unsigned long most_warm = std::strtoul(argv[2], &end, 10);
  const auto mode = sandbox::ModeNamed(argv[3]);
  if (end == argv[2] || *end != '\0' || most_warm > kMostWarm || !mode.has_value()) {
    return 2;
  }
  if (PrepareProcess() != 0) {
    return 1;
  }
  // A copy: the arguments' memory becomes the title of each sandbox's init.
  char incarnation[sizeof(wire::ControlMessage::incarnation)];
  std::strncpy(incarnation, argv[1], sizeof(incarnation));
  Arguments arguments;
  arguments.incarnation = incarnation;
  arguments.title = argv[0];
  arguments.title_bytes = static_cast<std::size_t>(argv[3] + std::strlen(argv[3]) + 1 - argv[0]);
  arguments.most_warm = most_warm;
  arguments.mode = *mode;
  Supervisor supervisor(kControlSocket, arguments);
  return supervisor.Run();
}

}  // namespace
}  // namespace casemate::launcher

int main(int argc, char** argv) {
  return casemate::launcher::Main(argc, argv);
}
