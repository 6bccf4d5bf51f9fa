// Places: so many at once, and no more, for calls that take much memory. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace casemate::tools {

class Places {
 public:
  explicit Places(int count) : free_(count) {}
  // Waits for a place; false once `stop` is requested.
  bool Take(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!wake_.wait(lock, stop, [this] { return free_ > 0; })) {
      return false;
    }
    --free_;
    return true;
  }
  void Return() {
    const std::lock_guard lock(mutex_);
    ++free_;
    wake_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  int free_;
};

// A place of Places, as long as it lives.
class Place {
 public:
  Place(Places& places, const std::stop_token& stop)
      : places_(places), is_taken_(places.Take(stop)) {}
  ~Place() {
    if (is_taken_) {
      places_.Return();
    }
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  [[nodiscard]] bool is_taken() const { return is_taken_; }

 private:
  Places& places_;
  const bool is_taken_;
};

}  // namespace casemate::tools
