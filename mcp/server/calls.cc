#include "mcp/server/calls.h"

#include "mcp/protocol/wire.h"

namespace casemate::mcp {

void ProgressRelay::Report(double progress, std::optional<double> total, std::string_view message) {
  const std::lock_guard lock(mutex_);
  if (closed_ || (any_ && progress <= last_)) {
    return;
  }
  any_ = true;
  last_ = progress;
  transport_.Send(jsonrpc::SerializeNotification(
                      "notifications/progress",
                      ProgressParams(edition_, token_, progress, total, message)),
                  SendClass::kProgress);
}

void ProgressRelay::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

bool CallsInFlight::Add(const jsonrpc::RequestId& id, const std::stop_source& stop) {
  const std::lock_guard lock(mutex_);
  return calls_.emplace(id, stop).second;
}

bool CallsInFlight::Contains(const jsonrpc::RequestId& id) const {
  const std::lock_guard lock(mutex_);
  return calls_.contains(id);
}

void CallsInFlight::Cancel(const jsonrpc::RequestId& id) {
  std::stop_source stop(std::nostopstate);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = calls_.find(id); found != calls_.end()) {
      stop = found->second;
    }
  }
  stop.request_stop();  // outside the lock: it runs callbacks
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

void CallsInFlight::Remove(const jsonrpc::RequestId& id) {
  const std::lock_guard lock(mutex_);
  calls_.erase(id);
}

bool CallsInFlight::empty() const {
  const std::lock_guard lock(mutex_);
  return calls_.empty();
}

}  // namespace casemate::mcp
