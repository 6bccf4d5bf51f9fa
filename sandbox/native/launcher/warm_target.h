// How many sandboxes to keep made ahead: none while nobody calls, one for calls one after the
// other, more when calls came that found none. Pure arithmetic on milliseconds of any one clock;
// single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>

namespace casemate::launcher {

class WarmTarget {
 public:
  // `most` 0: never any.
  explicit WarmTarget(std::size_t most) : most_(most) {}

  static constexpr std::int64_t kIdleMs = 60'000;    // without a call: they are given up
  static constexpr std::int64_t kCalmMs = 10'000;    // without a miss: one less will do
  static constexpr std::int64_t kBrokenMs = 60'000;  // after one could not be made: no more tries

  // A call came; `was_ready`: one made ahead was there for it.
  void OnCall(std::int64_t now_ms, bool was_ready) {
    last_call_ms_ = now_ms;
    has_called_ = true;
    if (!was_ready && wanted_ < most_) {
      ++wanted_;
    }
    if (!was_ready || now_ms - calm_since_ms_ >= kCalmMs) {
      if (was_ready && wanted_ > 1) {
        --wanted_;
      }
      calm_since_ms_ = now_ms;
    }
  }
  // One that was made ahead failed before its call.
  void OnFailure(std::int64_t now_ms) { broken_until_ms_ = now_ms + kBrokenMs; }

  [[nodiscard]] std::size_t Wanted(std::int64_t now_ms) const {
    const bool is_idle = !has_called_ || now_ms - last_call_ms_ >= kIdleMs;
    return is_idle || now_ms < broken_until_ms_ ? 0 : wanted_;
  }
  // When Wanted will be less without a further call; -1: never.
  [[nodiscard]] std::int64_t EndsAt(std::int64_t now_ms) const {
    return Wanted(now_ms) == 0 ? -1 : last_call_ms_ + kIdleMs;
  }

 private:
  std::size_t most_;
  std::size_t wanted_ = 0;
  bool has_called_ = false;
  std::int64_t last_call_ms_ = 0;
  std::int64_t calm_since_ms_ = 0;
  std::int64_t broken_until_ms_ = 0;
};

}  // namespace casemate::launcher
