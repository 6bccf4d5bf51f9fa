#include "tools/container_optimize_store.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace casemate::tools {
namespace {

constexpr std::size_t kIdBytes = 12;
constexpr std::int64_t kGoodForNs = OptimizePlans::kGoodForMs * 1'000'000;

Error NoSuchPlan() {
  return Error{ErrorCode::kNotFound,
               "there is no such plan of yours: it may have expired or been used", "args.plan_id",
               "call container_optimize without `plan_id` for a new plan", 0};
}

}  // namespace

const OptimizePlans::Kept* OptimizePlans::Good(const std::string& id,
                                               const policies::Principal& principal) const {
  const auto found = plans_.find(id);
  const bool is_good = found != plans_.end() && found->second.principal == principal.id &&
                       found->second.tenant == principal.tenant &&
                       now_ns_() - found->second.made_ns < kGoodForNs;
  return is_good ? &found->second : nullptr;
}

void OptimizePlans::MakeRoom(const policies::Principal& principal) {
  const std::int64_t now_ns = now_ns_();
  std::erase_if(plans_,
                [&](const auto& kept) { return now_ns - kept.second.made_ns >= kGoodForNs; });
  const auto is_of = [&](const auto& kept) {
    return kept.second.principal == principal.id && kept.second.tenant == principal.tenant;
  };
  const bool is_full_of_one = std::ranges::count_if(plans_, is_of) >= std::ptrdiff_t{kMaxOfOne};
  if (!is_full_of_one && plans_.size() < kMax) {
    return;
  }
  auto oldest = plans_.end();
  for (auto it = plans_.begin(); it != plans_.end(); ++it) {
    const bool counts = !is_full_of_one || is_of(*it);
    if (counts && (oldest == plans_.end() || it->second.made_ns < oldest->second.made_ns)) {
      oldest = it;
    }
  }
  plans_.erase(oldest);
}

std::string OptimizePlans::Put(OptimizePlan plan, const policies::Principal& principal) {
  std::string id = RandomHex(kIdBytes);
  const std::lock_guard lock(mutex_);
  MakeRoom(principal);
  plans_[id] = {principal.id, principal.tenant, now_ns_(),
                std::make_shared<const OptimizePlan>(std::move(plan))};
  return id;
}

Result<std::shared_ptr<const OptimizePlan>> OptimizePlans::Find(
    const std::string& id, const policies::Principal& principal) const {
  const std::lock_guard lock(mutex_);
  const Kept* kept = Good(id, principal);
  return kept != nullptr ? Result(kept->plan) : NoSuchPlan();
}

Result<std::shared_ptr<const OptimizePlan>> OptimizePlans::Take(
    const std::string& id, const policies::Principal& principal) {
  const std::lock_guard lock(mutex_);
  const Kept* kept = Good(id, principal);
  if (kept == nullptr) {
    return NoSuchPlan();
  }
  auto plan = kept->plan;
  plans_.erase(id);
  return plan;
}

}  // namespace casemate::tools
