#include "base/event_fd.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace casemate {

Result<EventFd> EventFd::Create() {
  UniqueFd fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd.valid()) {
    return ErrnoError("cannot make an eventfd", errno);
  }
  return EventFd(std::move(fd));
}

void EventFd::Signal() const {
  signalled_->store(true, std::memory_order_relaxed);
  const std::uint64_t one = 1;
  // EAGAIN means that the counter is full: it is signalled already.
  [[maybe_unused]] const ssize_t written = write(fd_.get(), &one, sizeof one);
}

void EventFd::Clear() const {
  signalled_->store(false, std::memory_order_relaxed);
  std::uint64_t count = 0;
  // EAGAIN means that it was clear already.
  [[maybe_unused]] const ssize_t got = read(fd_.get(), &count, sizeof count);
}

}  // namespace casemate
