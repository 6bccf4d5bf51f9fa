// What container_optimize proposes, made from facts alone: actions that free memory or disk or
// bound what containers take, and advice that nobody but people can follow. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "policies/container_rights.h"
#include "sandbox/container/engine/types.h"

namespace casemate::tools {

enum class OptimizeKind {
  kSetLimits,
  kRestartContainer,
  kRemoveStopped,
  kPruneImages,
  kPruneBuildCache,
  // Advice, never executed:
  kRotateLogs,
  kMissingLimits,
  kPageCache,
  kManyRestarts,
  kStoppedOfOthers,
  kUnusedVolumes,
};
std::string_view ToString(OptimizeKind kind);  // "set_limits", …
[[nodiscard]] bool IsAdvice(OptimizeKind kind);

struct ContainerFacts {
  container::ContainerDetails details;
  std::optional<container::Usage> usage;  // of one that runs
  std::optional<int> zombies;             // none: its processes cannot be seen from here
  std::int64_t written_bytes = 0;         // in its own layer; 0: not known, too
  bool own = false;                       // the caller made it
  bool holds_call = false;                // made for one call of `run`, and removed with it
};

struct EngineFacts {
  container::EngineKind kind = container::EngineKind::kDocker;
  std::int64_t memory_bytes = 0;               // of the machine; 0: not known
  std::int64_t now_ms = 0;                     // Unix time
  std::optional<container::DiskUsage> disk{};  // NOLINT(readability-redundant-member-init)
};

struct OptimizeAction {
  std::string
      id;  // "restart_container-3f2a9c1b04de": in any plan the same action on the same thing
  OptimizeKind kind = OptimizeKind::kRotateLogs;
  std::string container;  // its id; empty: it concerns all of the engine
  std::string name;
  std::string reason;
  std::string effect;  // what somebody would notice; of advice: what to do
  std::vector<std::pair<std::string, std::int64_t>> facts;
  std::int64_t frees_bytes = 0;       // an estimate; of advice: what it is about
  std::string frees;                  // "memory", "disk"; empty: neither
  container::ContainerLimits limits;  // of set_limits; 0: is left as it is
  std::vector<std::string> images;    // of prune_images, by id
  std::vector<policies::ContainerRight> needs;
};

[[nodiscard]] bool HasStopped(const container::ContainerDetails& details);

// `is_named`: the caller asked for this one container, so that it may be removed even if it is
// somebody else's. Ids are left empty.
std::vector<OptimizeAction> ProposeFor(const ContainerFacts& container, const EngineFacts& engine,
                                       bool is_named);
// What concerns all of the engine, and what is to be said of containers of others.
std::vector<OptimizeAction> ProposeForEngine(const std::vector<ContainerFacts>& containers,
                                             const EngineFacts& engine);

struct OptimizeProposal {
  std::vector<OptimizeAction> actions;  // with ids: what can be executed first, what frees most
  std::size_t left_out = 0;             // beyond kMaxPlanned, or not to be told from another
};
inline constexpr std::size_t kMaxPlanned = 32;
OptimizeProposal Arrange(std::vector<OptimizeAction> actions);

// Whether an action of a plan still stands: the container is as it was, and the same would be
// proposed. The reason why not otherwise, in words.
std::optional<std::string> WhyNoMore(const OptimizeAction& planned, const ContainerFacts& then,
                                     const ContainerFacts& now, const EngineFacts& engine);

// As policy, approver and trail see it.
nlohmann::json ActionJson(const OptimizeAction& action);

}  // namespace casemate::tools
