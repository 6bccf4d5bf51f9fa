#include "mcp/signals.h"

#include <poll.h>
#include <sys/signalfd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <memory>

namespace casemate {
namespace {

sigset_t WatchedSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

void Watch(int signal_fd, int quit_fd, const std::function<void(int)>& on_signal) {
  std::array<pollfd, 2> fds = {pollfd{signal_fd, POLLIN, 0}, pollfd{quit_fd, POLLIN, 0}};
  while (true) {
    if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
      return;
    }
    if (fds[1].revents != 0) {
      return;
    }
    signalfd_siginfo info{};
    if (fds[0].revents != 0 && read(signal_fd, &info, sizeof info) == sizeof info) {
      on_signal(static_cast<int>(info.ssi_signo));
    }
  }
}

}  // namespace

Result<void> SignalWatch::Block() {
  const sigset_t set = WatchedSignals();
  if (const int err = pthread_sigmask(SIG_BLOCK, &set, nullptr); err != 0) {
    return ErrnoError("cannot block signals", err);
  }
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  // SIGXFSZ: a limit on file sizes is to be an error of the write, not the end of the server.
  if (sigaction(SIGPIPE, &ignore, nullptr) != 0 || sigaction(SIGXFSZ, &ignore, nullptr) != 0) {
    return ErrnoError("cannot ignore SIGPIPE and SIGXFSZ", errno);
  }
  return {};
}

void SignalWatch::Unblock() {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  // NOLINTNEXTLINE(cert-err33-c): neither fails with these arguments
  sigaction(SIGPIPE, &standard, nullptr);
  const sigset_t set = WatchedSignals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

Result<SignalWatch> SignalWatch::Start(std::function<void(int signal)> on_signal) {
  const sigset_t set = WatchedSignals();
  auto signal_fd = std::make_shared<UniqueFd>(signalfd(-1, &set, SFD_CLOEXEC));
  if (!signal_fd->valid()) {
    return ErrnoError("cannot watch signals", errno);
  }
  auto quit = EventFd::Create();
  if (!quit) {
    return std::move(quit).error();
  }
  std::jthread thread([signal_fd, quit_fd = quit->fd(), callback = std::move(on_signal)] {
    Watch(signal_fd->get(), quit_fd, callback);
  });
  return SignalWatch(*std::move(quit), std::move(thread));
}

SignalWatch::~SignalWatch() {
  if (thread_.joinable()) {
    quit_.Signal();
    thread_.join();
  }
}

}  // namespace casemate
