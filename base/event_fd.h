// EventFd: a level-triggered flag that a thread can poll(2) on, used to wake one from its wait.
// Thread-safe: any thread may Signal(); the owner polls fd() for POLLIN. Once signalled it stays so
// until Clear().
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace casemate {

class EventFd {
 public:
  static Result<EventFd> Create();
  [[nodiscard]] int fd() const { return fd_.get(); }
  void Signal() const;  // async-signal-safe
  void Clear() const;

 private:
  explicit EventFd(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace casemate
