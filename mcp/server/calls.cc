#include "mcp/server/calls.h"

namespace casemate::mcp {

void CallsInFlight::Entry::Remove() {
  if (CallsInFlight* calls = std::exchange(calls_, nullptr)) {
    const std::lock_guard lock(calls->mutex_);
    calls->calls_.erase(id_);
  }
}

std::optional<CallsInFlight::Entry> CallsInFlight::Add(const jsonrpc::RequestId& id,
                                                       std::size_t max) {
  Entry entry(*this, id);
  {
    const std::lock_guard lock(mutex_);
    if (calls_.size() < max && calls_.emplace(id, entry.stop_).second) {
      return entry;
    }
  }
  entry.calls_ = nullptr;  // not in the map: it must not remove another's place
  return std::nullopt;
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
