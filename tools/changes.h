// Changes: tells whoever watches that a list or a resource is no longer what it was. Thread-safe.
// Observers are called on the thread of whoever announces, without a lock held by the announcer's
// caller; they must be quick and must not call back into Changes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace casemate::tools {

struct Change {
  enum class Kind {
    kToolList,
    kPromptList,
    kResourceList,
    kResource,  // `subject` is its URI
    kJob,       // `subject` is its id
  };
  Kind kind;
  // The initialiser lets g++ 12 accept a designated initialiser that leaves it out.
  std::string subject{};  // NOLINT(readability-redundant-member-init)
  // Of kResourceList: whose list it is (OwnerOf); empty: everybody's.
  std::string owner{};  // NOLINT(readability-redundant-member-init)
};

class Changes {
 public:
  using Observer = std::function<void(const Change&)>;

  // Ends the observation on destruction; afterwards the observer is not running and never will be.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Changes& changes, std::uint64_t id) : changes_(&changes), id_(id) {}
    Subscription(Subscription&& other) noexcept;
    Subscription& operator=(Subscription&& other) noexcept;
    ~Subscription() { Reset(); }
    void Reset();

   private:
    Changes* changes_ = nullptr;
    std::uint64_t id_ = 0;
  };

  [[nodiscard]] Subscription Observe(Observer observer);
  void Announce(const Change& change);

 private:
  std::mutex mutex_;  // held while observers run
  std::map<std::uint64_t, Observer> observers_;
  std::uint64_t next_id_ = 1;
};

}  // namespace casemate::tools
