#include "sandbox/selftest/battery/stop.h"

#include <poll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "base/unique_fd.h"

namespace casemate::escape {
namespace {

struct Signals {
  sigset_t before{};
  UniqueFd fd;
  int later = 0;
};
Signals signals;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

}  // namespace

void CatchStopSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    sigaddset(&set, number);
  }
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  if (sigprocmask(SIG_BLOCK, &set, &signals.before) != 0 ||
      sigaction(SIGPIPE, &ignore, nullptr) != 0) {
    throw std::runtime_error("cannot block signals");
  }
  signals.fd.Reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.fd.valid()) {
    throw std::runtime_error("cannot watch signals");
  }
}

void RestoreSignals() {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  // NOLINTNEXTLINE(cert-err33-c): neither fails with these arguments
  sigaction(SIGPIPE, &standard, nullptr);
  sigprocmask(SIG_SETMASK, &signals.before, nullptr);
}

int StopFd() {
  return signals.later == 0 ? signals.fd.get() : -1;
}

void ThrowInterrupted() {
  signalfd_siginfo info{};
  const bool known = read(signals.fd.get(), &info, sizeof info) == sizeof info;
  signals.fd.Reset();
  throw Interrupted(known ? static_cast<int>(info.ssi_signo) : SIGTERM);
}

StopLater::StopLater() {
  ++signals.later;
}
StopLater::~StopLater() {
  --signals.later;
}

void CheckStop() {
  pollfd wait = {.fd = StopFd(), .events = POLLIN, .revents = 0};
  if (poll(&wait, 1, 0) == 1) {
    ThrowInterrupted();
  }
}

bool AwaitReadable(int fd, Deadline deadline) {
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    std::array<pollfd, 2> waits = {pollfd{fd, POLLIN, 0}, pollfd{StopFd(), POLLIN, 0}};
    const int ready =
        poll(waits.data(), waits.size(), static_cast<int>(std::max<long>(left.count(), 0)));
    if (waits[1].revents != 0) {
      ThrowInterrupted();
    }
    if (waits[0].revents != 0) {
      return true;
    }
    if (ready == 0 && left.count() <= 0) {
      return false;
    }
  }
}

}  // namespace casemate::escape
