#include "tools/container_optimize_run.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sandbox/container/run/container_spec.h"
#include "tools/container_call.h"
#include "tools/container_report.h"

namespace casemate::tools {
namespace {

using policies::ContainerRight;
using Status = OptimizeOutcome::Status;

constexpr int kGraceS = 10;
constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr std::size_t kMaxWords = 300;

OptimizeOutcome Skipped(std::string why) {
  return {Status::kSkipped, std::move(why), std::nullopt, std::nullopt};
}

OptimizeOutcome Failed(Error error) {
  error = AsArgument(std::move(error));
  return {Status::kFailed, Brief(error.message, kMaxWords), std::nullopt, std::move(error)};
}

class Run {
 public:
  Run(const OptimizeSource& source, const OptimizePlan& plan) : source_(source), plan_(plan) {}
  OptimizeOutcome Do(const OptimizeAction& action);

 private:
  [[nodiscard]] const container::Engine& engine() const { return source_.engine; }
  OptimizeOutcome DoTo(const OptimizeAction& action, const ContainerFacts& now);
  OptimizeOutcome Restart(const ContainerFacts& now);
  OptimizeOutcome SetLimits(const OptimizeAction& action, const ContainerFacts& now);
  OptimizeOutcome Remove(const ContainerFacts& now, std::int64_t written_bytes);
  OptimizeOutcome PruneImages(const OptimizeAction& action);
  OptimizeOutcome PruneCache(const OptimizeAction& action);

  const OptimizeSource& source_;
  const OptimizePlan& plan_;
};

OptimizeOutcome Run::Do(const OptimizeAction& action) {
  if (action.kind == OptimizeKind::kPruneImages) {
    return PruneImages(action);
  }
  if (action.kind == OptimizeKind::kPruneBuildCache) {
    return PruneCache(action);
  }
  const auto then = plan_.containers.find(action.container);
  if (then == plan_.containers.end()) {
    return Failed(Error{ErrorCode::kInternal, "a plan without its container", {}, {}, 0});
  }
  // By its id: a container that has the name now is another one.
  auto details = source_.containers.Find(action.container, {.stop = source_.context.stop});
  if (!details) {
    return details.error().code == ErrorCode::kNotFound ? Skipped("it was removed meanwhile")
                                                        : Failed(details.error());
  }
  ContainerFacts now = LookAt(source_, *std::move(details));
  now.written_bytes = then->second.written_bytes;
  if (auto why = WhyNoMore(action, then->second, now, LookAtEngine(source_))) {
    return Skipped(*std::move(why) + ": plan again");
  }
  return DoTo(action, now);
}

OptimizeOutcome Run::DoTo(const OptimizeAction& action, const ContainerFacts& now) {
  switch (action.kind) {
    case OptimizeKind::kRestartContainer:
      return Restart(now);
    case OptimizeKind::kSetLimits:
      return SetLimits(action, now);
    case OptimizeKind::kRemoveStopped:
      return Remove(now, now.written_bytes + now.details.log_bytes);
    default:
      return Failed(Error{ErrorCode::kInternal, "advice cannot be executed", {}, {}, 0});
  }
}

OptimizeOutcome Run::Restart(const ContainerFacts& now) {
  const std::string& id = now.details.summary.id;
  if (auto done = engine().Restart(id, kGraceS); !done) {
    return Failed(std::move(done).error());
  }
  auto details = engine().Inspect(id);
  if (!details) {
    return Failed(std::move(details).error());
  }
  const ContainerFacts after = LookAt(source_, *std::move(details));
  // Measuring has taken a moment: what cannot work has ended by now.
  details = engine().Inspect(id);
  if (!details || details->summary.state != "running") {
    return Failed(Error{
        ErrorCode::kUnavailable,
        "it was restarted and has ended again" +
            (details ? " with exit code " + std::to_string(details->exit_code) : std::string()),
        {},
        "see container_status with `container`, then container_lifecycle `start`",
        0});
  }
  OptimizeOutcome outcome{Status::kDone, "restarted", std::nullopt, std::nullopt};
  if (now.usage && after.usage) {
    outcome.freed_bytes =
        std::max<std::int64_t>(0, now.usage->memory_bytes - after.usage->memory_bytes);
  }
  if (const int zombies = now.zombies.value_or(0); zombies > 0 && after.zombies) {
    outcome.message +=
        ": " + std::to_string(*after.zombies) + " zombies instead of " + std::to_string(zombies);
  }
  return outcome;
}

OptimizeOutcome Run::SetLimits(const OptimizeAction& action, const ContainerFacts& now) {
  const std::int64_t swap = container::SwapWith(now.details, action.limits.memory_bytes);
  if (auto done = engine().Update(action.container, action.limits, swap); !done) {
    return Failed(std::move(done).error());
  }
  return {Status::kDone, "its limits are set", std::nullopt, std::nullopt};
}

OptimizeOutcome Run::Remove(const ContainerFacts& now, std::int64_t written_bytes) {
  // Without force: one that was started just now stays.
  if (auto done = engine().Remove(now.details.summary.id, false); !done) {
    return done.error().code == ErrorCode::kNotFound ? Skipped("it was removed meanwhile")
                                                     : Failed(std::move(done).error());
  }
  return {Status::kDone, "removed", written_bytes, std::nullopt};
}

OptimizeOutcome Run::PruneImages(const OptimizeAction& action) {
  auto before = engine().DiskUse(source_.context.stop);
  if (!before) {
    return Failed(std::move(before).error());
  }
  std::size_t removed = 0;
  std::optional<Error> refused;
  for (const std::string& id : action.images) {
    if (source_.context.stop.stop_requested()) {
      refused = Error{ErrorCode::kCancelled, "the call was cancelled", {}, {}, 0};
      break;
    }
    // Only what has still neither a name nor a container.
    if (std::ranges::find(before->dangling, id, &container::DanglingImage::id) ==
        before->dangling.end()) {
      continue;
    }
    const auto image = engine().InspectImage(id, {.stop = source_.context.stop});
    if (!image || !image->tags.empty()) {
      continue;
    }
    auto done = engine().RemoveImage(id);
    removed += done ? 1 : 0;
    const bool matters = !done && done.error().code != ErrorCode::kNotFound &&
                         done.error().code != ErrorCode::kInvalidArgument;
    if (matters && !refused) {
      refused = std::move(done).error();
    }
  }
  if (removed == 0) {
    return refused ? Failed(*std::move(refused))
                   : Skipped("all of them have a name or a container now, or are gone");
  }
  OptimizeOutcome outcome{refused ? Status::kFailed : Status::kDone,
                          "removed " + std::to_string(removed) + " of " +
                              std::to_string(action.images.size()) + " images",
                          std::nullopt, refused};
  if (const auto after = engine().DiskUse(); after) {
    outcome.freed_bytes = std::max<std::int64_t>(0, before->image_bytes - after->image_bytes);
  }
  return outcome;
}

// All of it goes at once: by whatever has come since then, more than was agreed to would.
OptimizeOutcome Run::PruneCache(const OptimizeAction& action) {
  auto disk = engine().DiskUse(source_.context.stop);
  if (!disk) {
    return Failed(std::move(disk).error());
  }
  const auto has_grown = [](std::int64_t then, std::int64_t now) { return now - then > then / 10; };
  const std::int64_t entries = action.facts.empty() ? 0 : action.facts.front().second;
  if (has_grown(entries, disk->idle_cache_entries) ||
      has_grown(action.frees_bytes, disk->idle_cache_bytes)) {
    return Skipped("the build cache has grown to " + BytesText(disk->idle_cache_bytes) + " in " +
                   std::to_string(disk->idle_cache_entries) + " entries: plan again");
  }
  auto freed = engine().PruneBuildCache(source_.context.stop);
  if (!freed) {
    return Failed(std::move(freed).error());
  }
  return {Status::kDone, "removed what nothing used", *freed, std::nullopt};
}

}  // namespace

std::string_view ToString(Status status) {
  constexpr std::array<std::string_view, 4> kNames = {"done", "skipped", "failed", "not_begun"};
  return kNames.at(static_cast<std::size_t>(status));
}

Result<void> MayExecute(const policies::Grant& grant, const OptimizeAction& action) {
  const std::string what = "for " + std::string(ToString(action.kind)) +
                           (action.name.empty() ? std::string() : " of " + action.name);
  for (const ContainerRight right : action.needs) {
    if (auto may = container::Demand(grant.containers(), right, what, "args.actions"); !may) {
      return may;
    }
  }
  const policies::Limits& ceiling = grant.limits();
  const bool is_high =
      action.limits.memory_bytes > ceiling.memory_mb * kMiB || action.limits.pids > ceiling.pids;
  if (is_high) {
    return Error{ErrorCode::kPermissionDenied,
                 "policy grants limits of at most " + BytesText(ceiling.memory_mb * kMiB) +
                     " of memory and " + std::to_string(ceiling.pids) + " processes, and `" +
                     action.id + "` sets higher ones",
                 "args.actions", "leave `" + action.id + "` out", 0};
  }
  return {};
}

std::vector<OptimizeOutcome> Execute(const OptimizeSource& source, const OptimizePlan& plan,
                                     const std::vector<OptimizeAction>& actions) {
  Run run(source, plan);
  std::vector<OptimizeOutcome> outcomes;
  for (const OptimizeAction& action : actions) {
    if (source.context.stop.stop_requested()) {
      outcomes.push_back({Status::kNotBegun, "the call was cancelled", std::nullopt, std::nullopt});
      continue;
    }
    if (source.context.progress != nullptr) {
      const std::string words = action.id + (action.name.empty() ? "" : " " + action.name);
      source.context.progress->Report(static_cast<double>(outcomes.size() + 1),
                                      static_cast<double>(actions.size() + 1), words);
    }
    outcomes.push_back(run.Do(action));
  }
  return outcomes;
}

}  // namespace casemate::tools
