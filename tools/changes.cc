#include "tools/changes.h"

#include <utility>

namespace casemate::tools {

Changes::Subscription::Subscription(Subscription&& other) noexcept
    : changes_(std::exchange(other.changes_, nullptr)), id_(other.id_) {}

Changes::Subscription& Changes::Subscription::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    Reset();
    changes_ = std::exchange(other.changes_, nullptr);
    id_ = other.id_;
  }
  return *this;
}

void Changes::Subscription::Reset() {
  if (Changes* changes = std::exchange(changes_, nullptr)) {
    const std::lock_guard lock(changes->mutex_);
    changes->observers_.erase(id_);
  }
}

Changes::Subscription Changes::Observe(Observer observer) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t id = next_id_++;
  observers_.emplace(id, std::move(observer));
  return {*this, id};
}

void Changes::Announce(const Change& change) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, observer] : observers_) {
    observer(change);
  }
}

}  // namespace casemate::tools
