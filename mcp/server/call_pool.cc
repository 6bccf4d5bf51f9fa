#include "mcp/server/call_pool.h"

#include <algorithm>
#include <string>
#include <system_error>

#include "base/log.h"

namespace casemate::mcp {

CallPool::CallPool(std::size_t max_threads, std::size_t max_queued)
    : max_threads_(std::max<std::size_t>(max_threads, 1)), max_queued_(max_queued) {}

bool CallPool::Submit(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  // Idle threads are about to take what is queued: that much does not wait.
  const std::size_t free_threads = idle_ + (max_threads_ - threads_.size());
  if (closed_ || queue_.size() >= max_queued_ + free_threads) {
    return false;
  }
  if (idle_ <= queue_.size() && threads_.size() < max_threads_ && !StartThread() &&
      threads_.empty()) {
    return false;
  }
  queue_.push_back(std::move(work));
  changed_.notify_one();
  return true;
}

bool CallPool::StartThread() {
  try {
    threads_.emplace_back([this] { Work(); });
    ++idle_;
    return true;
  } catch (const std::system_error& error) {  // the limit on threads, of the user or the cgroup
    Log(LogLevel::kWarning, std::string("cannot start a thread for a call: ") + error.what());
    return false;
  }
}

void CallPool::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return closed_ || !queue_.empty(); });
    if (queue_.empty()) {
      return;
    }
    --idle_;
    std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // what it holds ends outside the lock
    lock.lock();
    ++idle_;
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
