#include <algorithm>

#include "tools/container_optimize_plan.h"
#include "tools/container_report.h"

namespace casemate::tools {
namespace {

using policies::ContainerRight;

constexpr std::size_t kMaxImages = 100;

void AddStoppedOfOthers(const std::vector<ContainerFacts>& containers,
                        std::vector<OptimizeAction>& actions) {
  std::int64_t count = 0;
  std::int64_t bytes = 0;
  for (const ContainerFacts& container : containers) {
    if (HasStopped(container.details) && !container.own && !container.holds_call) {
      ++count;
      bytes += container.written_bytes + container.details.log_bytes;
    }
  }
  if (count == 0) {
    return;
  }
  OptimizeAction& advice = actions.emplace_back();
  advice.kind = OptimizeKind::kStoppedOfOthers;
  advice.reason = std::to_string(count) + " containers that you did not make do not run";
  advice.effect =
      "Ask whose they are. To plan the removal of one, call again with its name as `container`.";
  advice.facts = {{"containers", count}};
  advice.frees = "disk";
  advice.frees_bytes = bytes;
}

void AddImages(const container::DiskUsage& disk, std::vector<OptimizeAction>& actions) {
  if (disk.dangling.empty()) {
    return;
  }
  OptimizeAction& action = actions.emplace_back();
  action.kind = OptimizeKind::kPruneImages;
  action.needs = {ContainerRight::kReclaim};
  for (const container::DanglingImage& image : disk.dangling) {
    if (action.images.size() < kMaxImages) {
      action.images.push_back(image.id);
      action.frees_bytes += image.size_bytes;
    }
  }
  std::ranges::sort(action.images);
  const std::string count = std::to_string(action.images.size());
  action.reason = count + " images have no name, and no container uses them: remains of builds";
  action.effect = "These " + count +
                  " images are removed, of whoever built them; a build may take longer once. "
                  "Nothing that runs notices.";
  action.facts = {{"images", static_cast<std::int64_t>(action.images.size())}};
  action.frees = "disk";
}

void AddCache(const container::DiskUsage& disk, std::vector<OptimizeAction>& actions) {
  if (disk.idle_cache_entries == 0) {
    return;
  }
  OptimizeAction& action = actions.emplace_back();
  action.kind = OptimizeKind::kPruneBuildCache;
  action.needs = {ContainerRight::kReclaim};
  action.reason =
      "the build cache holds " + BytesText(disk.idle_cache_bytes) + " that no image has";
  action.effect =
      "Everybody's next build of each image takes longer, for it does all steps anew. Nothing that "
      "runs notices.";
  action.facts = {{"entries", disk.idle_cache_entries}};
  action.frees = "disk";
  action.frees_bytes = disk.idle_cache_bytes;
}

void AddVolumes(const container::DiskUsage& disk, std::vector<OptimizeAction>& actions) {
  std::int64_t count = 0;
  std::int64_t bytes = 0;
  for (const container::VolumeUse& volume : disk.volumes) {
    count += volume.used ? 0 : 1;
    bytes += volume.used ? 0 : volume.size_bytes;
  }
  if (count == 0) {
    return;
  }
  OptimizeAction& advice = actions.emplace_back();
  advice.kind = OptimizeKind::kUnusedVolumes;
  advice.reason = std::to_string(count) + " volumes are used by no container";
  advice.effect =
      "They may hold data that somebody needs: let their owners look, then remove them by name.";
  advice.facts = {{"volumes", count}};
  advice.frees = "disk";
  advice.frees_bytes = bytes;
}

}  // namespace

std::vector<OptimizeAction> ProposeForEngine(const std::vector<ContainerFacts>& containers,
                                             const EngineFacts& engine) {
  std::vector<OptimizeAction> actions;
  AddStoppedOfOthers(containers, actions);
  if (engine.disk) {
    AddImages(*engine.disk, actions);
    AddCache(*engine.disk, actions);
    AddVolumes(*engine.disk, actions);
  }
  return actions;
}

}  // namespace casemate::tools
