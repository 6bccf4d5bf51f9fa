// Attempts: how often something that failed is tried again, and when. Owned by one transfer.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>

#include "base/result.h"
#include "sandbox/container/registry/options.h"

namespace casemate::registry {

class Attempts {
 public:
  Attempts(const RetryOptions& options, std::stop_token stop)
      : options_(options), stop_(std::move(stop)) {}

  // After a failure: waits and returns, or returns `why` because it is enough. `reached`: how far
  // the transfer has come; a good piece more than at the last failure begins the count anew, so
  // that a bad line moves what is large, but nobody keeps us for ever. `retry_after_s`: what the
  // registry asks for; -1: nothing. Errors: kCancelled.
  Result<void> Again(Error why, std::int64_t reached, std::int64_t retry_after_s = -1);
  [[nodiscard]] int failures() const { return total_; }

 private:
  const RetryOptions options_;
  const std::stop_token stop_;
  int in_a_row_ = 0;
  int total_ = 0;
  std::int64_t reached_ = 0;
};

// Seconds of a Retry-After; -1 for a date or nothing.
std::int64_t RetryAfter(std::string_view header);

}  // namespace casemate::registry
