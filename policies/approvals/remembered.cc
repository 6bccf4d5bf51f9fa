#include "policies/approvals/remembered.h"

#include <algorithm>

namespace casemate::policies {

namespace {

constexpr std::size_t kMaxEntries = 1024;

bool IsTooOld(const Approval& approval, std::int64_t now_ms) {
  return now_ms - approval.decided_ms >= RememberedApprovals::kMaxAgeMs ||
         now_ms < approval.decided_ms;
}

}  // namespace

void RememberedApprovals::Add(const Approval& granted, const ApprovalCall& call,
                              const std::string& fit) {
  if (!granted.remember || granted.terms.remember == Remember::kNever) {
    return;
  }
  const std::lock_guard lock(mutex_);
  entries_.push_front({granted, call.session, fit});
  if (entries_.size() > kMaxEntries) {
    entries_.pop_back();
  }
}

std::optional<Approval> RememberedApprovals::Find(const ApprovalCall& call, const std::string& fit,
                                                  std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const Entry& entry) { return IsTooOld(entry.approval, now_ms); });
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) {
    const ApprovalCall& approved = entry.approval.call;
    const bool is_same_session = entry.session == call.session &&
                                 approved.principal.id == call.principal.id &&
                                 approved.principal.tenant == call.principal.tenant;
    // The fit holds the rules.
    return is_same_session && entry.fit == fit && approved.tool == call.tool &&
           (approved.hash == call.hash || entry.approval.terms.remember == Remember::kSameRule);
  });
  return found == entries_.end() ? std::nullopt : std::optional(found->approval);
}

}  // namespace casemate::policies
