// ReplayLog: the newest events of one session's streams, so that a client that lost its connection
// can go on where it was (Last-Event-ID; MCP 2025-03-26 to 2025-11-25, basic/transports). Bounded;
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace casemate::mcp {

struct EventId {
  std::uint64_t stream = 0;
  std::uint64_t number = 0;  // 1, 2, 3 … within the stream; 0: before the first
  // "stream-number"
  [[nodiscard]] std::string ToText() const;
  static std::optional<EventId> FromText(std::string_view text);
};

class ReplayLog {
 public:
  struct Event {
    EventId id;
    std::string message;
  };

  explicit ReplayLog(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  void Append(EventId id, std::string message);
  // The events of `after.stream` behind `after`; nullopt: some of them are no longer here, or
  // `after` was never given.
  [[nodiscard]] std::optional<std::vector<Event>> After(EventId after) const;

 private:
  static constexpr std::size_t kMaxStreams = 4096;  // whose numbers are known
  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::deque<Event> events_;  // guarded by mutex_, as are all below
  std::size_t bytes_ = 0;
  std::map<std::uint64_t, std::uint64_t> newest_;  // number of the newest event, by stream
};

}  // namespace casemate::mcp
