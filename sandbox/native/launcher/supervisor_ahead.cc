// The supervisor's sandboxes that are made ahead of their calls.
#include <poll.h>
#include <sys/socket.h>

#include <utility>

#include "sandbox/native/launcher/clock.h"
#include "sandbox/native/launcher/supervisor.h"

namespace casemate::launcher {
namespace {

bool HasEnded(int pidfd) {
  pollfd entry = {pidfd, POLLIN, 0};
  return ::poll(&entry, 1, 0) > 0;
}

}  // namespace

Supervisor::RunSlot* Supervisor::FindWarmSlot() {
  RunSlot* oldest = nullptr;
  for (RunSlot& run : runs_) {
    if (run.channel.valid() && HasEnded(run.pidfd.get())) {
      Finish(run);
    }
    if (run.channel.valid() && (oldest == nullptr || run.number < oldest->number)) {
      oldest = &run;
    }
  }
  return oldest;
}

Supervisor::RunSlot* Supervisor::ChooseWarm(const Request& request, bool* is_ready) {
  // A host workspace that only its user may open has to be opened before the root changes.
  if (request.workspace() != Workspace::kPrivate && !host_.maps_any_id) {
    return nullptr;
  }
  RunSlot* run = FindWarmSlot();
  if (run != nullptr && !run->is_locked && !cgroups_.CanLimitLater(request.spec())) {
    return nullptr;
  }
  *is_ready = run != nullptr && run->report.get()->stage == wire::Stage::kAwaitRequest;
  return run;
}

bool Supervisor::DiscardLocked() {
  bool had_any = false;
  for (RunSlot& run : runs_) {
    if (run.channel.valid() && run.is_locked) {
      Discard(run);
      had_any = true;
    }
  }
  return had_any;
}

// First the end, and then the channel: one that saw its channel closed would look broken.
void Supervisor::Discard(RunSlot& run) {
  EndInit(run);
  run.channel.Reset();
  run.made_ahead = false;
}

std::size_t Supervisor::CountWarm() const {
  std::size_t count = 0;
  for (const RunSlot& run : runs_) {
    count += run.channel.valid() ? 1 : 0;
  }
  return count;
}

// A call keeps two busy: the server's thread and the sandbox. What runs for long is no hurry.
bool Supervisor::MayMakeAhead(std::int64_t now_ms) const {
  const std::size_t busy = 2 * CountUnreported();
  if (is_pressed_ || now_ms - last_call_ms_ >= kCallMs) {
    return true;
  }
  return tidy_at_ms_ < 0 && (busy == 0 || busy < processors_);
}

void Supervisor::MakeOneAhead() {
  RunSlot* run = FindFreeSlot();
  int ends[2] = {-1, -1};
  if (run == nullptr || ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    warm_target_.OnFailure(NowMs());
    return;
  }
  run->channel.Reset(ends[0]);
  UniqueFd childs_end(ends[1]);
  Request likely;
  likely.Assume(expected_.data());
  run->is_locked = expected_.is_likely();
  wire::Stage stage = wire::Stage::kNone;
  if (cgroups_.Take(&run->group) != 0 ||
      (run->is_locked && cgroups_.Limit(expected_.spec(), &run->group) != 0) ||
      Beget(likely, *run, UniqueFd(), std::move(childs_end), &stage) != 0) {
    run->channel.Reset();
    cgroups_.Remove(&run->group);
    warm_target_.OnFailure(NowMs());
    return;
  }
  cgroups_.OpenAhead(&run->group);
}

void Supervisor::KeepWarm() {
  if (closing_) {
    return;
  }
  const std::size_t wanted = warm_target_.Wanted(NowMs());
  const std::size_t there = CountWarm();
  if (there < wanted && MayMakeAhead(NowMs())) {
    MakeOneAhead();
  } else if (there > wanted) {
    if (RunSlot* run = FindWarmSlot(); run != nullptr) {
      Discard(*run);
    }
  }
}

}  // namespace casemate::launcher
