// EventStore: what happened to containers and images, in the order in which it became known, in the
// database that several servers share. Each may record the same events: one is kept once. Bounded
// by count and age. Thread-safe; safe for concurrent processes. Borrows the Store.
//
// Errors: those of Store; kResourceExhausted when the disk is full.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/store/store.h"
#include "sandbox/container/engine/types.h"

namespace casemate::container {

struct EventStoreOptions {
  std::int64_t max_events = 10'000;
  std::int64_t max_age_ms = std::int64_t{7} * 24 * 3600 * 1000;
};

struct StoredEvent {
  std::int64_t seq = 0;    // rises with each event that is recorded; never used again
  std::string engine;      // as it was given to Add
  EngineEvent event;       // its texts are cut, and valid UTF-8
  std::string name;        // of the container or image, where the engine told it
  std::string attributes;  // event.attributes as an object in JSON
};

struct EventPage {
  std::vector<StoredEvent> events;  // oldest first
  std::int64_t next = 0;            // the sequence number to go on from
  bool has_more = false;            // there are more by now
  bool is_gap = false;              // some that follow `since` are kept no more
};

class EventStore {
 public:
  // Brings the tables to the newest version.
  static Result<std::unique_ptr<EventStore>> Open(Store& store, EventStoreOptions options = {});

  // Records those that are not there yet, all or none; returns how many these were. A state of
  // health that only repeats the one before is none. `engine` says who told them; a container's id
  // may exist in two.
  Result<std::int64_t> Add(const std::string& engine, std::span<const EngineEvent> events);

  // Those with a sequence number above `since`, at most `limit`. One that was never reached means
  // another database: then from the beginning, as a gap.
  Result<EventPage> After(std::int64_t since, std::int64_t limit);
  // The last ones.
  Result<EventPage> Newest(std::int64_t limit);
  // Of the event recorded last; 0: none ever was.
  Result<std::int64_t> LastSeq();
  // Unix time in nanoseconds of the youngest of this engine that is not in the future; 0: none.
  Result<std::int64_t> NewestNs(const std::string& engine);
  [[nodiscard]] const EventStoreOptions& options() const { return options_; }

 private:
  EventStore(Store& store, EventStoreOptions options) : store_(store), options_(options) {}
  // Those that are not recorded, as they are to be; under the lock.
  Result<std::vector<EngineEvent>> Unknown(const std::string& engine,
                                           std::span<const EngineEvent> events);
  // Both inside a transaction. How many were new.
  Result<std::int64_t> Insert(const std::string& engine, const std::vector<EngineEvent>& events);
  Result<void> Prune();
  Result<std::int64_t> Number(std::string_view sql);
  Result<EventPage> Read(std::int64_t since, std::int64_t limit);

  Store& store_;
  const EventStoreOptions options_;
};

}  // namespace casemate::container
