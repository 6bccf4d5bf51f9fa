// The plans of container_optimize that wait for their execution: in memory, each for the principal
// who asked for it, for ten minutes, to be executed once. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "policies/identity/principal.h"
#include "tools/container_optimize_plan.h"

namespace casemate::tools {

struct OptimizePlan {
  std::vector<OptimizeAction> actions;
  std::map<std::string, ContainerFacts> containers;  // by id, those that actions concern
};

class OptimizePlans {
 public:
  static constexpr std::int64_t kGoodForMs = 600'000;
  static constexpr std::size_t kMaxOfOne = 16;  // of one principal; the oldest goes first
  static constexpr std::size_t kMax = 256;

  explicit OptimizePlans(std::function<std::int64_t()> now_ns = MonotonicNs)
      : now_ns_(std::move(now_ns)) {}

  // Returns its id.
  std::string Put(OptimizePlan plan, const policies::Principal& principal);
  // Errors of both: kNotFound for "args.plan_id", the same for a plan that never was, has expired,
  // was executed, or is somebody else's.
  Result<std::shared_ptr<const OptimizePlan>> Find(const std::string& id,
                                                   const policies::Principal& principal) const;
  // Nobody finds it any more: of two who take one plan, one gets it.
  Result<std::shared_ptr<const OptimizePlan>> Take(const std::string& id,
                                                   const policies::Principal& principal);

 private:
  struct Kept {
    std::string principal;
    std::string tenant;
    std::int64_t made_ns = 0;
    std::shared_ptr<const OptimizePlan> plan;
  };
  [[nodiscard]] const Kept* Good(const std::string& id, const policies::Principal& principal) const;
  void MakeRoom(const policies::Principal& principal);

  const std::function<std::int64_t()> now_ns_;
  mutable std::mutex mutex_;
  std::map<std::string, Kept> plans_;  // by id; guarded by mutex_
};

}  // namespace casemate::tools
