#include "tools/container_news.h"

#include <chrono>
#include <set>
#include <string>
#include <utility>

#include "tools/container_facts.h"
#include "tools/container_uri.h"

namespace casemate::tools {
namespace {

constexpr std::chrono::seconds kPatience{3};
constexpr std::int64_t kPingMs = 2000;

}  // namespace

Result<void> ContainerNews::Start() {
  const std::lock_guard lock(mutex_);
  if (events_ == nullptr) {
    auto opened = container::EventStore::Open(store_);
    if (!opened) {
      return std::move(opened).error();
    }
    events_ = *std::move(opened);
    follower_ = std::make_unique<container::EventFollower>(
        *events_, [this](const std::stop_token& stop) { return containers_.engine(stop); },
        [this](std::span<const container::StoredEvent> events) { Announce(events); });
  }
  return follower_->Start();
}

Result<ContainerNews::Reading> ContainerNews::Read(std::optional<std::int64_t> since,
                                                   std::int64_t limit) {
  if (auto started = Start(); !started) {
    return std::move(started).error();
  }
  container::EventFollower::Status status = follower_->Await(kPatience);
  if (!status.is_current && !status.problem) {
    status.problem = Error{ErrorCode::kUnavailable,
                           "the container engine has not told all of its events yet",
                           {},
                           "read again",
                           0};
  }
  if (status.is_current) {
    // One that hangs does not end the stream of its events: no news may mean nothing.
    if (auto alive = status.engine->Ping({}, kPingMs); !alive) {
      status.problem = std::move(alive).error();
    }
  }
  auto page = since ? events_->After(*since, limit) : events_->Newest(limit);
  if (!page) {
    return std::move(page).error();
  }
  const std::int64_t from =
      since ? *since : (page->events.empty() ? 0 : page->events.front().seq - 1);
  page->is_gap = page->is_gap || (status.unreadable > 0 && from <= status.unreadable_after);
  return Reading{*std::move(page), std::move(status.problem)};
}

void ContainerNews::Announce(std::span<const container::StoredEvent> events) {
  std::set<std::string> uris = {std::string(kContainerEventsUri)};
  for (const container::StoredEvent& stored : events) {
    if (stored.event.type != "container") {
      continue;
    }
    uris.emplace(kContainersUri);
    for (const std::string& id : {stored.event.id, ShortId(stored.event.id)}) {
      uris.insert(UriOfContainer(id, "status"));
      uris.insert(UriOfContainer(id, "logs"));
    }
  }
  for (const std::string& uri : uris) {
    changes_.Announce({Change::Kind::kResource, uri});
  }
}

}  // namespace casemate::tools
