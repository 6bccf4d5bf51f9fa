#include "mcp/transport/http/replay_log.h"

#include <charconv>
#include <iterator>
#include <utility>

namespace casemate::mcp {
namespace {

bool ReadNumber(std::string_view text, std::uint64_t& number) {
  const char* begin =
      text.data();  // NOLINT(bugprone-suspicious-stringview-data-usage): with its end
  const char* end = begin + text.size();
  const auto [stop, code] = std::from_chars(begin, end, number);
  return code == std::errc() && stop == end;
}

}  // namespace

std::string EventId::ToText() const {
  return std::to_string(stream) + "-" + std::to_string(number);
}

std::optional<EventId> EventId::FromText(std::string_view text) {
  const std::size_t dash = text.find('-');
  EventId id;
  if (dash == std::string_view::npos || !ReadNumber(text.substr(0, dash), id.stream) ||
      !ReadNumber(text.substr(dash + 1), id.number)) {
    return std::nullopt;
  }
  return id;
}

void ReplayLog::Append(EventId id, std::string message) {
  const std::lock_guard lock(mutex_);
  bytes_ += message.size();
  events_.push_back({id, std::move(message)});
  newest_[id.stream] = id.number;
  if (newest_.size() > kMaxStreams) {
    newest_.erase(std::next(newest_.begin()));  // the oldest but the general one
  }
  while (bytes_ > max_bytes_ && events_.size() > 1) {  // the newest stays, however large it is
    bytes_ -= events_.front().message.size();
    events_.pop_front();
  }
}

std::optional<std::vector<ReplayLog::Event>> ReplayLog::After(EventId after) const {
  std::vector<Event> missed;
  std::uint64_t next = after.number + 1;
  const std::lock_guard lock(mutex_);
  const auto known = newest_.find(after.stream);
  const std::uint64_t newest = known == newest_.end() ? 0 : known->second;
  for (const Event& event : events_) {
    if (event.id.stream != after.stream || event.id.number < next) {
      continue;
    }
    if (event.id.number != next) {
      return std::nullopt;
    }
    missed.push_back(event);
    ++next;
  }
  // Short of the newest: the rest is gone. Beyond it: an id that we never gave.
  return next == newest + 1 ? std::optional(std::move(missed)) : std::nullopt;
}

}  // namespace casemate::mcp
