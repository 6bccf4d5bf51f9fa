// StopAfter: a stop token that stops with another one, or once some time has passed. The time is
// watched by a thread of its own that ends with the object. Not moved; used by one thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

namespace casemate::tools {

class StopAfter {
 public:
  StopAfter(const std::stop_token& outer, std::chrono::milliseconds patience)
      : on_outer_(outer, Forward{&source_}), timer_([this, patience](const std::stop_token& ended) {
          std::unique_lock lock(mutex_);
          wake_.wait_for(lock, ended, patience, [] { return false; });
          if (!ended.stop_requested()) {
            is_over_ = true;
            source_.request_stop();
          }
        }) {}
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
  // The time has passed.
  [[nodiscard]] bool is_over() const { return is_over_; }

 private:
  struct Forward {
    std::stop_source* source;
    void operator()() const { source->request_stop(); }
  };
  std::stop_source source_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::atomic<bool> is_over_ = false;
  std::stop_callback<Forward> on_outer_;
  std::jthread timer_;  // last: it uses the others
};

}  // namespace casemate::tools
