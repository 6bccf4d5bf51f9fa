#include "sandbox/container/events/event_follower.h"

#include <algorithm>
#include <array>
#include <exception>
#include <limits>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/log.h"

namespace casemate::container {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxQueue = 4096;  // events
constexpr std::size_t kMaxBatch = 1024;  // events in one transaction
constexpr std::int64_t kTold = 500;      // events told at once
constexpr std::int64_t kNsPerMs = 1'000'000;
// Engines write events down in nearly the order of their times.
constexpr std::int64_t kOverlapNs = 5'000 * kNsPerMs;
// Clocks of virtual machines are set back by some milliseconds now and then: what has just happened
// may be later than now.
constexpr std::int64_t kClockStepNs = 50'000'000;

constexpr std::array<std::string_view, 15> kOfContainers = {
    "create",  "start",   "restart", "stop",   "die",    "kill",       "oom",    "pause",
    "unpause", "destroy", "rename",  "update", "commit", "checkpoint", "restore"};

std::int64_t NowNs() {
  return WallClockMs() * kNsPerMs;
}

// "docker /run/docker.sock"
std::string KeyOf(const Engine& engine) {
  const bool is_podman = engine.info().kind == EngineKind::kPodman;
  return (is_podman ? "podman " : "docker ") + engine.socket_path();
}

Error Thrown(const std::exception& caught) {
  return Error{ErrorCode::kInternal,
               std::string("recording events failed unexpectedly: ") + caught.what(),
               {},
               "report this as a defect of Casemate",
               0};
}

}  // namespace

bool IsRecorded(const EngineEvent& event) {
  return event.type == "image" ||
         (event.type == "container" &&
          (std::ranges::find(kOfContainers, event.action) != kOfContainers.end() ||
           event.action.starts_with("health_status")));
}

EventFollower::EventFollower(EventStore& store, FindEngine find_engine, OnEvents on_events,
                             FollowerOptions options)
    : store_(store),
      find_engine_(std::move(find_engine)),
      on_events_(std::move(on_events)),
      options_(options) {}

EventFollower::~EventFollower() {
  reader_.request_stop();
  if (reader_.joinable()) {
    reader_.join();
  }
}

Result<void> EventFollower::Start() {
  const std::lock_guard lock(mutex_);
  if (is_started_) {
    return {};
  }
  auto last = store_.LastSeq();
  if (!last) {
    return std::move(last).error();
  }
  told_ = *last;
  is_started_ = true;
  writer_ = std::jthread([this](const std::stop_token& stop) { Write(stop); });
  reader_ = std::jthread([this](const std::stop_token& stop) { Follow(stop); });
  return {};
}

EventFollower::Status EventFollower::Await(milliseconds patience) {
  std::unique_lock lock(mutex_);
  const std::uint64_t before = failures_;
  is_wanted_ = !status_.is_current;
  changed_.notify_all();
  changed_.wait_for(lock, patience, [&] { return status_.is_current || failures_ > before; });
  return status_;
}

void EventFollower::Follow(const std::stop_token& stop) {
  milliseconds wait = options_.first_wait;
  while (!stop.stop_requested()) {
    current_ns_ = 0;
    Error error;
    try {
      error = FollowOnce(stop);
    } catch (const std::exception& caught) {
      error = Thrown(caught);
    }
    if (stop.stop_requested()) {
      return;
    }
    // Time that was spent on an engine that hangs is no reason to come back sooner.
    if (current_ns_ != 0 && milliseconds((MonotonicNs() - current_ns_) / kNsPerMs) > wait) {
      wait = options_.first_wait;
    }
    Fail(std::move(error));
    Wait(wait, stop);
    wait = std::min(wait * 2, options_.longest_wait);
  }
}

void EventFollower::Fail(Error error) {
  const std::lock_guard lock(mutex_);
  if (!status_.problem) {
    Log(LogLevel::kInfo, "container events are not followed now: " + Describe(error));
  }
  status_.is_current = false;
  status_.problem = std::move(error);
  status_.engine = nullptr;
  ++failures_;
  changed_.notify_all();
}

void EventFollower::NoteUnreadable() {
  const auto last = store_.LastSeq();
  const std::lock_guard lock(mutex_);
  if (status_.unreadable++ == 0) {
    Log(LogLevel::kInfo,
        "a line of the container engine's events is too long or no event, and is left out");
  }
  status_.unreadable_after = last ? *last : std::numeric_limits<std::int64_t>::max();
}

void EventFollower::Wait(milliseconds time, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, time, [this] { return is_wanted_; });
}

Error EventFollower::FollowOnce(const std::stop_token& stop) {
  std::stop_source connection;
  const std::stop_callback forward(stop, [&] { connection.request_stop(); });
  const std::stop_token token = connection.get_token();
  {
    const std::lock_guard lock(mutex_);
    is_wanted_ = false;
    unwritten_.reset();
    connection_ = connection;
  }
  auto engine = find_engine_(token);
  if (!engine) {
    return std::move(engine).error();
  }
  const std::string key = KeyOf(**engine);
  {
    const std::lock_guard lock(mutex_);
    engine_ = key;  // the queue is empty
  }
  const auto newest = store_.NewestNs(key);
  if (!newest) {
    return newest.error();
  }
  const std::int64_t now = NowNs();
  const std::int64_t since =
      *newest == 0 ? now - options_.look_back.count() * kNsPerMs
                   : std::max(*newest - kOverlapNs, now - store_.options().max_age_ms * kNsPerMs);
  EventRequest request{
      std::max<std::int64_t>(since, 1), now + kClockStepNs, {"container", "image"}, [this] {
        NoteUnreadable();
      }};
  if (auto past = Receive(**engine, request, token); !past) {
    return std::move(past).error();
  }
  {
    const std::lock_guard lock(mutex_);
    status_.is_current = true;
    status_.problem.reset();
    status_.engine = *engine;
    changed_.notify_all();
  }
  current_ns_ = MonotonicNs();
  request.since_ns = now - kOverlapNs;
  request.until_ns = 0;
  auto live = Receive(**engine, request, token);
  return live ? Error{ErrorCode::kUnavailable,
                      "the engine ended the stream of its events",
                      {},
                      "it is asked again",
                      0}
              : std::move(live).error();
}

Result<void> EventFollower::Receive(const Engine& engine, const EventRequest& request,
                                    const std::stop_token& stop) {
  auto received =
      engine.Events(request, [&](const EngineEvent& event) { return Put(event, stop); }, stop);
  // What came is kept, however it ended; and what could not be recorded matters more.
  auto drained = Drain(stop);
  return drained ? std::move(received) : std::move(drained);
}

bool EventFollower::Put(const EngineEvent& event, const std::stop_token& stop) {
  if (!IsRecorded(event)) {
    return true;
  }
  std::unique_lock lock(mutex_);
  const bool has_room = changed_.wait(
      lock, stop, [this] { return queue_.size() < kMaxQueue || unwritten_.has_value(); });
  // None after one that is not recorded: what follows is asked for from the last that is.
  if (!has_room || unwritten_.has_value() || stop.stop_requested()) {
    return false;
  }
  queue_.push_back(event);
  changed_.notify_all();
  return true;
}

Result<void> EventFollower::Drain(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return queue_.empty() && !is_writing_; });
  if (unwritten_) {
    return *unwritten_;
  }
  return stop.stop_requested() ? Result<void>(Error{ErrorCode::kCancelled, "it ends", {}, {}, 0})
                               : Result<void>();
}

void EventFollower::Write(const std::stop_token& stop) {
  while (true) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [this] { return !queue_.empty(); })) {
      return;
    }
    const auto end =
        queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kMaxBatch));
    const std::vector<EngineEvent> batch(queue_.begin(), end);
    queue_.erase(queue_.begin(), end);
    const std::string engine = engine_;
    const std::stop_source connection = connection_;
    is_writing_ = true;
    changed_.notify_all();
    lock.unlock();

    Result<void> recorded;
    try {
      recorded = Record(engine, batch);
    } catch (const std::exception& caught) {
      recorded = Thrown(caught);
    }

    lock.lock();
    is_writing_ = false;
    const bool failed = !recorded;
    if (failed) {
      // From where the store ends, they are asked for again.
      unwritten_ = std::move(recorded).error();
      queue_.clear();
    }
    changed_.notify_all();
    lock.unlock();
    if (failed) {
      connection.request_stop();  // without the lock: who is stopped may take it
    }
  }
}

Result<void> EventFollower::Record(const std::string& engine,
                                   const std::vector<EngineEvent>& batch) {
  if (auto added = store_.Add(engine, batch); !added) {
    return std::move(added).error();
  }
  while (true) {
    auto page = store_.After(told_, kTold);
    if (!page) {
      return std::move(page).error();
    }
    if (!page->events.empty()) {
      on_events_(page->events);
    }
    told_ = page->next;
    if (!page->has_more) {
      return {};
    }
  }
}

}  // namespace casemate::container
