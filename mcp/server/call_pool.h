// CallPool: a bounded set of threads for tool calls with a bounded queue. Threads start when needed
// and stay. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace casemate::mcp {

class CallPool {
 public:
  // At least one thread; `max_queued` counts calls that wait for one.
  CallPool(std::size_t max_threads, std::size_t max_queued);
  ~CallPool() { Join(); }
  CallPool(const CallPool&) = delete;
  CallPool& operator=(const CallPool&) = delete;

  // False when the queue is full, the pool has been joined, or the system gives us no thread.
  // `work` must not throw.
  bool Submit(std::function<void()> work);
  // Runs what is queued, then ends the threads.
  void Join();

 private:
  void Work();
  [[nodiscard]] bool StartThread();

  std::size_t max_threads_;
  std::size_t max_queued_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_, as are all below
  std::size_t idle_ = 0;                     // threads without work
  bool closed_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace casemate::mcp
