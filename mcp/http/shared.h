// What the connections of one server, their answers and the server itself share. Held by
// shared_ptr, for a Responder may outlive its server. Thread-safe where not said otherwise.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>

#include "mcp/http/server.h"

namespace casemate::http {

class Shared {
 public:
  Shared(Limits bounds, Handler on_request) : limits(bounds), handler(std::move(on_request)) {}

  const Limits limits;
  const Handler handler;
  std::atomic<std::size_t> streams = 0;       // answers between Begin and End
  std::atomic<std::size_t> unread_bytes = 0;  // made by us and not yet taken by the kernel
  std::atomic<bool> draining = false;
  std::size_t body_bytes = 0;  // of requests being read; I/O thread only

  // From here on the I/O thread cuts off who has most unread; at the limit itself it is whoever
  // would add to it.
  [[nodiscard]] bool IsUnreadNearlyTooMuch() const {
    return unread_bytes > limits.max_unread_bytes_total - limits.max_unread_bytes_total / 4;
  }

  // Runs `task` on the I/O thread, which may be this one, but not before this returns. False: that
  // thread has ended, and `task` is gone.
  bool Post(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    if (!post_) {
      return false;
    }
    post_(std::move(task));
    return true;
  }
  void OpenPost(std::function<void(std::function<void()>)> post) {
    const std::lock_guard lock(mutex_);
    post_ = std::move(post);
  }
  void ClosePost() {
    const std::lock_guard lock(mutex_);
    post_ = nullptr;
  }

 private:
  std::mutex mutex_;
  std::function<void(std::function<void()>)> post_;
};

}  // namespace casemate::http
