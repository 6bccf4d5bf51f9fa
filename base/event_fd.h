// EventFd: a level-triggered flag that a thread can poll(2) on, used to wake one from its wait.
// Thread-safe: any thread may Signal(); the owner polls fd() for POLLIN. Once signalled it stays so
// until Clear().
#pragma once

#include <atomic>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"

namespace casemate {

class EventFd {
 public:
  static Result<EventFd> Create();
  [[nodiscard]] int fd() const { return fd_.get(); }
  void Signal() const;  // async-signal-safe
  void Clear() const;
  // The same without a system call, for those who look often.
  [[nodiscard]] bool is_signalled() const { return signalled_->load(std::memory_order_relaxed); }

 private:
  explicit EventFd(UniqueFd fd)
      : fd_(std::move(fd)), signalled_(std::make_unique<std::atomic<bool>>(false)) {}
  UniqueFd fd_;
  std::unique_ptr<std::atomic<bool>> signalled_;
};

}  // namespace casemate
