#include "mcp/server/call_pool.h"

namespace casemate::mcp {

bool CallPool::Submit(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (closed_ || queue_.size() >= max_queued_) {
    return false;
  }
  queue_.push_back(std::move(work));
  if (idle_ < queue_.size() && threads_.size() < max_threads_) {
    threads_.emplace_back([this] { Work(); });
  }
  changed_.notify_one();
  return true;
}

void CallPool::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    changed_.wait(lock, [this] { return closed_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) {
      return;
    }
    std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // what it holds ends outside the lock
    lock.lock();
  }
}

void CallPool::Join() {
  std::vector<std::jthread> threads;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    threads.swap(threads_);
  }
  changed_.notify_all();
  threads.clear();  // joins
}

}  // namespace casemate::mcp
