// ContainerNews: what happens to containers, as it is recorded, and told to who watches. Nothing of
// it runs before the first call: a server that nobody asks about containers has no thread for it
// and does not look for an engine. Thread-safe. Borrows all that it is made of.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "base/result.h"
#include "base/store/store.h"
#include "sandbox/container/containers.h"
#include "sandbox/container/events/event_follower.h"
#include "sandbox/container/events/event_store.h"
#include "tools/changes.h"

namespace casemate::tools {

class ContainerNews {
 public:
  ContainerNews(container::Containers& containers, Store& store, Changes& changes)
      : containers_(containers), store_(store), changes_(changes) {}

  // From now on changes are announced: kResource for the URIs of container_uri.h, without a query.
  // Errors: of the store.
  Result<void> Start();

  struct Reading {
    container::EventPage page;     // is_gap also where the engine told what could not be read
    std::optional<Error> problem;  // why there may be younger ones that are not known yet
  };
  // What happened up to now, as far as the engine told it within some seconds: what follows the
  // sequence number `since`, or the last events. Starts. Errors: of the store.
  Result<Reading> Read(std::optional<std::int64_t> since, std::int64_t limit);

 private:
  void Announce(std::span<const container::StoredEvent> events);

  container::Containers& containers_;
  Store& store_;
  Changes& changes_;
  std::mutex mutex_;
  // Both null before Start, guarded by mutex_, and not changed afterwards. The follower ends first.
  std::unique_ptr<container::EventStore> events_;
  std::unique_ptr<container::EventFollower> follower_;
};

}  // namespace casemate::tools
