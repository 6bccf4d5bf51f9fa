// EventFollower: records in an EventStore what an engine tells to have happened, from the first
// Start until its end, over all absences of the engine: it comes back with a growing wait, asks
// again from where the store ends, and the store keeps each event once. What the engine itself has
// forgotten by then (Docker remembers 256) is lost. Any number of servers may follow one engine.
//
// Two threads, neither before Start: one reads, for an engine drops what is not read at once; the
// other brings what has come to disk in one go. Thread-safe; the end takes back whatever waits.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "sandbox/container/engine/engine.h"
#include "sandbox/container/events/event_store.h"

namespace casemate::container {

struct FollowerOptions {
  std::chrono::milliseconds first_wait{250};  // before it comes back; doubled each time
  std::chrono::milliseconds longest_wait{30'000};
  std::chrono::milliseconds look_back{3'600'000};  // before the first event that is ever recorded
};

// Whether an event is recorded: what happens to containers and images. What only says that
// somebody looked is not, nor are commands inside: a health check would make three of them.
bool IsRecorded(const EngineEvent& event);

class EventFollower {
 public:
  // Connected, or connects. Errors: kUnavailable; kCancelled once the token is stopped.
  using FindEngine =
      std::function<Result<std::shared_ptr<const Engine>>(const std::stop_token& stop)>;
  // What is in the store and was not told before, whoever recorded it; in order, on a thread of
  // the follower. Must be quick.
  using OnEvents = std::function<void(std::span<const StoredEvent> events)>;

  // Borrows `store` for its lifetime.
  EventFollower(EventStore& store, FindEngine find_engine, OnEvents on_events,
                FollowerOptions options = {});
  ~EventFollower();
  EventFollower(const EventFollower&) = delete;
  EventFollower& operator=(const EventFollower&) = delete;

  // What is recorded from now on is told. Does nothing the second time. Errors: of the store.
  Result<void> Start();

  struct Status {
    bool is_current = false;       // all that happened before the last connection is recorded
    std::optional<Error> problem;  // why it does not follow just now
    std::shared_ptr<const Engine> engine;  // while it is current: who is followed
    // Lines that were no events or too long, since the start; the engine may have told one of them
    // several times. What they told of would follow events of at most this sequence number.
    std::int64_t unreadable = 0;
    std::int64_t unreadable_after = 0;
  };
  // Tries at once if it waits to come back, and returns when it is current or has failed, after
  // `patience` at the latest. After Start.
  Status Await(std::chrono::milliseconds patience);

 private:
  void Follow(const std::stop_token& stop);
  void Write(const std::stop_token& stop);
  // One connection, from asking for the past to its end, which is always an error.
  Error FollowOnce(const std::stop_token& stop);
  Result<void> Receive(const Engine& engine, const EventRequest& request,
                       const std::stop_token& stop);
  // False: enough.
  bool Put(const EngineEvent& event, const std::stop_token& stop);
  // Until all that came is recorded. Errors: why it could not be; kCancelled.
  Result<void> Drain(const std::stop_token& stop);
  Result<void> Record(const std::string& engine, const std::vector<EngineEvent>& batch);
  void NoteUnreadable();
  // Why the connection ended, told once.
  void Fail(Error error);
  void Wait(std::chrono::milliseconds time, const std::stop_token& stop);

  EventStore& store_;
  const FindEngine find_engine_;
  const OnEvents on_events_;
  const FollowerOptions options_;

  std::mutex mutex_;  // guards all of the following but `current_ns_`, `told_` and the threads
  std::condition_variable_any changed_;
  std::deque<EngineEvent> queue_;
  std::string engine_;              // who told what is in the queue
  bool is_writing_ = false;         // a batch that is no longer in the queue
  std::optional<Error> unwritten_;  // why a batch is not recorded: ends the connection
  std::stop_source connection_;     // ends what it waits for
  Status status_;
  std::uint64_t failures_ = 0;
  bool is_wanted_ = false;  // somebody awaits the next attempt
  bool is_started_ = false;
  std::int64_t current_ns_ =
      0;                   // since when this connection is current; 0: it is not; the reader's
  std::int64_t told_ = 0;  // sequence number of the last event that was told; the writer's
  std::jthread writer_;    // these two last: they use all of the above
  std::jthread reader_;    // ends first
};

}  // namespace casemate::container
