#include "base/fair_pool.h"

#include <algorithm>
#include <system_error>
#include <tuple>
#include <utility>

#include "base/log.h"

namespace casemate {

namespace {

FairPoolLimits Sane(FairPoolLimits limits) {
  limits.working = std::max<std::size_t>(limits.working, 1);
  limits.working_each = std::clamp<std::size_t>(limits.working_each, 1, limits.working);
  return limits;
}

}  // namespace

FairPool::FairPool(FairPoolLimits limits) : limits_(Sane(limits)) {}

FairPool::Place& FairPool::ThisPlace() {
  thread_local Place place;
  return place;
}

bool FairPool::Submit(const std::string& owner, std::function<void()> work, const void* tag) {
  const std::lock_guard lock(mutex_);
  const auto known = shares_.find(owner);
  const std::size_t own =
      known == shares_.end() ? 0 : known->second.working + known->second.queue.size();
  if (closed_ || working_ + queued_ >= limits_.working + limits_.queued ||
      own >= limits_.working_each + limits_.queued_each) {
    return false;
  }
  if (threads_.empty() && !StartThread()) {
    return false;
  }
  const auto [share, is_new] = shares_.try_emplace(owner);
  if (is_new) {
    share->second.served = ++turn_;  // behind those who wait already
  }
  share->second.queue.push_back({std::move(work), tag});
  ++queued_;
  EnsureThread();
  changed_.notify_one();
  return true;
}

bool FairPool::Withdraw(const std::string& owner, const void* tag) {
  std::deque<Work> withdrawn;  // ends outside the lock
  const std::lock_guard lock(mutex_);
  const auto share = shares_.find(owner);
  if (share == shares_.end()) {
    return false;
  }
  auto& queue = share->second.queue;
  const auto found = std::ranges::find(queue, tag, &Work::tag);
  if (tag == nullptr || found == queue.end()) {
    return false;
  }
  withdrawn.push_back(std::move(*found));
  queue.erase(found);
  --queued_;
  Forget(share);
  return true;
}

// Threads that idle are about to take what is queued.
void FairPool::EnsureThread() {
  if (idle_ < queued_ && working_ + idle_ < limits_.working) {
    (void)StartThread();  // without one more, those that there are do it
  }
}

bool FairPool::StartThread() {
  ended_.clear();  // joins what has nothing left to do
  try {
    const std::size_t slot = next_slot_++;
    threads_.emplace(slot, std::jthread([this, slot] { WorkLoop(slot); }));
    ++idle_;
    return true;
  } catch (const std::system_error& error) {  // the limit on threads, of the user or the cgroup
    Log(LogLevel::kWarning, std::string("cannot start a thread: ") + error.what());
    return false;
  }
}

FairPool::Shares::iterator FairPool::Next() {
  auto next = shares_.end();
  if (working_ + returning_ >= limits_.working) {  // who was here before goes first
    return next;
  }
  for (auto share = shares_.begin(); share != shares_.end(); ++share) {
    const Share& own = share->second;
    // Once it is closed nobody comes any more for whom a thread would have to be left.
    if (own.queue.empty() || (own.working >= limits_.working_each && !closed_)) {
      continue;
    }
    if (next == shares_.end() ||
        std::tie(own.working, own.served) < std::tie(next->second.working, next->second.served)) {
      next = share;
    }
  }
  return next;
}

void FairPool::Forget(Shares::iterator share) {
  const Share& own = share->second;
  if (own.queue.empty() && own.working == 0 && own.aside == 0) {
    shares_.erase(share);
  }
}

void FairPool::WorkLoop(std::size_t slot) {
  Place& place = ThisPlace();
  place.pool = this;
  std::unique_lock lock(mutex_);
  while (true) {
    auto next = shares_.end();
    changed_.wait(lock, [&] {
      next = Next();
      return next != shares_.end() || (closed_ && queued_ == 0);
    });
    --idle_;
    if (next == shares_.end()) {
      return;
    }
    Work work = std::move(next->second.queue.front());
    next->second.queue.pop_front();
    next->second.served = ++turn_;
    ++next->second.working;
    --queued_;
    ++working_;
    place.owner = next->first;
    lock.unlock();
    work.run();
    work.run = nullptr;  // what it holds ends outside the lock
    lock.lock();
    const auto own = shares_.find(place.owner);
    if (std::exchange(place.is_aside, false)) {
      --aside_;
      --own->second.aside;
    } else {
      --working_;
      --own->second.working;
    }
    Forget(own);
    if (working_ + idle_ >= limits_.working && !closed_) {  // others came while some were aside
      auto self = threads_.extract(slot);
      ended_.push_back(std::move(self.mapped()));
      changed_.notify_all();  // what this thread could have taken
      return;
    }
    ++idle_;
    if (queued_ > 0 || returning_ > 0 || closed_) {
      changed_.notify_all();  // its owner may have another now, and the last one ends all
    }
  }
}

bool FairPool::Leave(const std::string& owner) {
  const std::lock_guard lock(mutex_);
  Share& share = shares_.at(owner);
  if (aside_ >= limits_.aside || share.aside >= limits_.aside_each) {
    return false;
  }
  --share.working;
  --working_;
  ++share.aside;
  ++aside_;
  EnsureThread();
  changed_.notify_all();
  return true;
}

void FairPool::Return(const std::string& owner) {
  std::unique_lock lock(mutex_);
  Share& share = shares_.at(owner);
  ++returning_;
  changed_.wait(lock,
                [&] { return working_ < limits_.working && share.working < limits_.working_each; });
  --returning_;
  ++share.working;
  ++working_;
  --share.aside;
  --aside_;
  changed_.notify_all();  // what was kept back for this one
}

bool FairPool::StepAsideForGood() {
  Place& place = ThisPlace();
  if (place.pool == nullptr || place.is_aside) {
    return true;
  }
  place.is_aside = place.pool->Leave(place.owner);
  return place.is_aside;
}

std::optional<FairPool::Aside> FairPool::StepAside() {
  Place& place = ThisPlace();
  if (place.pool == nullptr || place.is_aside) {
    return Aside(nullptr);
  }
  if (!place.pool->Leave(place.owner)) {
    return std::nullopt;
  }
  place.is_aside = true;
  return Aside(place.pool);
}

FairPool::Aside::~Aside() {
  if (pool_ != nullptr) {
    ThisPlace().is_aside = false;
    pool_->Return(ThisPlace().owner);
  }
}

void FairPool::Join() {
  std::map<std::size_t, std::jthread> threads;
  do {                // work that steps aside now may start others for what is queued
    threads.clear();  // joins
    const std::lock_guard lock(mutex_);
    closed_ = true;
    threads.swap(threads_);
    changed_.notify_all();
  } while (!threads.empty());
  ended_.clear();  // nobody is left to add to it
}

}  // namespace casemate
