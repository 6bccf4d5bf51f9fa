// FairPool: a bounded set of threads that several owners share. Each has a queue of its own; a free
// thread goes to the owner who has the fewest working, and nobody may have all of them. Threads
// start when needed and stay. Work that only waits steps aside: its place goes to other work until
// it goes on. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace casemate {

struct FairPoolLimits {
  std::size_t working = 1;       // works at once; at least 1
  std::size_t working_each = 1;  // of these for one owner; at least 1
  std::size_t queued = 0;        // works that wait for a thread
  std::size_t queued_each = 0;
  std::size_t aside = 0;  // works that stepped aside: each keeps its thread
  std::size_t aside_each = 0;
};

class FairPool {
 public:
  explicit FairPool(FairPoolLimits limits);
  ~FairPool() { Join(); }
  FairPool(const FairPool&) = delete;
  FairPool& operator=(const FairPool&) = delete;

  // False when the queue is full, the pool has been joined, or the system gives us no thread.
  // `work` must not throw. `tag` names it for Withdraw; null: it cannot be withdrawn.
  bool Submit(const std::string& owner, std::function<void()> work, const void* tag = nullptr);
  // Takes it out of the queue. False: it is not there (any more).
  bool Withdraw(const std::string& owner, const void* tag);
  // Runs what is queued, then ends the threads.
  void Join();

  // While it lives, the work that made it does not count as working. Its end waits for a place.
  class Aside {
   public:
    Aside(Aside&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)) {}
    Aside& operator=(Aside&&) = delete;
    ~Aside();

   private:
    friend class FairPool;
    explicit Aside(FairPool* pool) : pool_(pool) {}
    FairPool* pool_;  // null: not on a pool's thread, or moved away
  };
  // For the calling thread, which is about to do nothing but wait. nullopt: too many do already; it
  // should not wait long. On threads of no pool it has no effect, nor has it within another.
  static std::optional<Aside> StepAside();
  // The same for work that will have nothing left to do but to tell what came: it gets no place
  // back. False: too many wait already.
  static bool StepAsideForGood();

 private:
  struct Work {
    std::function<void()> run;
    const void* tag;
  };
  struct Share {
    std::deque<Work> queue;
    std::size_t working = 0;
    std::size_t aside = 0;
    std::uint64_t served = 0;  // when it last got a thread
  };
  using Shares = std::map<std::string, Share>;
  // What the thread does at the moment.
  struct Place {
    FairPool* pool = nullptr;
    std::string owner;
    bool is_aside = false;
  };
  static Place& ThisPlace();

  void WorkLoop(std::size_t slot);
  [[nodiscard]] Shares::iterator Next();  // end: nobody may begin
  void Forget(Shares::iterator share);    // if nothing is left of it
  [[nodiscard]] bool StartThread();
  void EnsureThread();
  bool Leave(const std::string& owner);
  void Return(const std::string& owner);

  const FairPoolLimits limits_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Shares shares_;            // of those who have anything here; guarded by mutex_, as are all below
  std::size_t queued_ = 0;   // in all shares
  std::size_t working_ = 0;  // likewise
  std::size_t aside_ = 0;    // likewise
  std::size_t returning_ = 0;  // of these, who wants a place again
  std::size_t idle_ = 0;       // threads without work
  std::uint64_t turn_ = 0;
  bool closed_ = false;
  std::map<std::size_t, std::jthread> threads_;  // by slot
  std::vector<std::jthread> ended_;              // left the loop, not yet joined
  std::size_t next_slot_ = 0;
};

}  // namespace casemate
