#include "sandbox/native/launcher/openers.h"

#include <utility>

#include "sandbox/native/launcher/lifeline.h"
#include "sandbox/native/launcher/syscalls.h"

namespace casemate::launcher {

void Openers::Start(const Roots& roots, int lifeline, UniqueFd socket) {
  Reap();
  for (UniqueFd& slot : pidfds_) {
    if (slot.valid()) {
      continue;
    }
    int pidfd = -1;
    clone_args args = {};
    args.flags = CLONE_PIDFD;
    args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
    args.exit_signal = SIGCHLD;
    const pid_t pid = sys::Clone3(&args);
    if (pid == 0) {
      if (DieWithLauncher(lifeline) == 0) {
        roots.Open(socket.get());
      }
      ::_exit(0);
    }
    slot.Reset(pid > 0 ? pidfd : -1);
    return;
  }
}

void Openers::Reap() {
  for (UniqueFd& slot : pidfds_) {
    pollfd entry = {slot.get(), POLLIN, 0};
    siginfo_t info = {};
    if (slot.valid() && ::poll(&entry, 1, 0) > 0 &&
        sys::WaitPidfd(slot.get(), &info, nullptr) == 0) {
      slot.Reset();
    }
  }
}

std::size_t Openers::Watch(pollfd* entries) const {
  std::size_t count = 0;
  for (const UniqueFd& slot : pidfds_) {
    if (slot.valid()) {
      entries[count++] = {slot.get(), POLLIN, 0};
    }
  }
  return count;
}

}  // namespace casemate::launcher
