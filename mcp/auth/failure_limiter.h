// FailureLimiter: how many wrong tokens came from where in the last minute, so that guessing and
// broken clients cost us nothing. Bounded; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "mcp/http/message.h"

namespace casemate::mcp {

class FailureLimiter {
 public:
  struct Limits {
    int max_failures = 10;
    std::int64_t window_ns = std::int64_t{60} * 1'000'000'000;  // from the first failure
    std::size_t max_sources = 4096;  // the one whose window began first gives way
  };

  FailureLimiter() = default;
  explicit FailureLimiter(Limits limits) : limits_(limits) {}
  // `now_ns`: MonotonicNs.
  [[nodiscard]] bool IsBlocked(const std::string& source, std::int64_t now_ns);
  void AddFailure(const std::string& source, std::int64_t now_ns);
  [[nodiscard]] std::size_t sources() const;

 private:
  struct Window {
    std::int64_t begin_ns = 0;
    int failures = 0;
  };
  void Forget(std::int64_t now_ns);  // under mutex_

  const Limits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, Window> windows_;  // guarded by mutex_
  std::deque<std::string> order_;          // guarded by mutex_; by begin_ns, one each in windows_
};

// Whose failure it is: the address without its port; of IPv6 the /64, which one subscriber has (RFC
// 6177). Behind a trusted proxy, what the proxy wrote last into X-Forwarded-For: the proxy's own
// address would make one bad client lock out all.
std::string SourceOf(const http::Headers& headers, const http::Peer& peer, bool behind_proxy);

}  // namespace casemate::mcp
