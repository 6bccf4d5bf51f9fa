#include "mcp/server/calls.h"

#include <cmath>

#include "mcp/protocol/wire.h"

namespace casemate::mcp {

void ProgressRelay::Report(double progress, std::optional<double> total, std::string_view message) {
  const std::lock_guard lock(mutex_);
  const bool grows = !last_.has_value() || progress > *last_;
  if (closed_ || stop_.stop_requested() || !std::isfinite(progress) || !grows) {
    return;
  }
  last_ = progress;
  transport_.Send(
      jsonrpc::SerializeNotification("notifications/progress",
                                     ProgressParams(edition_, token_, progress, total, message)),
      SendClass::kProgress);
}

void ProgressRelay::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

void CallsInFlight::Entry::Remove() {
  if (CallsInFlight* calls = std::exchange(calls_, nullptr)) {
    const std::lock_guard lock(calls->mutex_);
    calls->calls_.erase(id_);
  }
}

CallsInFlight::Entry CallsInFlight::Add(const jsonrpc::RequestId& id) {
  Entry entry(*this, id);
  const std::lock_guard lock(mutex_);
  calls_.emplace(id, entry.stop_);
  return entry;
}

bool CallsInFlight::Contains(const jsonrpc::RequestId& id) const {
  const std::lock_guard lock(mutex_);
  return calls_.contains(id);
}

void CallsInFlight::Cancel(const jsonrpc::RequestId& id) {
  std::optional<std::stop_source> stop;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = calls_.find(id); found != calls_.end()) {
      stop.emplace(found->second);
    }
  }
  if (stop.has_value()) {
    stop->request_stop();  // outside the lock: it runs the callbacks of the call
  }
}

void CallsInFlight::CancelAll() {
  std::map<jsonrpc::RequestId, std::stop_source> calls;
  {
    const std::lock_guard lock(mutex_);
    calls = calls_;
  }
  for (auto& [id, stop] : calls) {
    stop.request_stop();
  }
}

bool CallsInFlight::empty() const {
  const std::lock_guard lock(mutex_);
  return calls_.empty();
}

}  // namespace casemate::mcp
