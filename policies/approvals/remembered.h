// Approvals that were remembered: for one session of one principal, in the memory of this process,
// so that they end with it. Bounded. Thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>

#include "policies/approvals/approval.h"

namespace casemate::policies {

class RememberedApprovals {
 public:
  // `granted` was used by `call` (whose session counts), with that fit, and is to be good again as
  // far as its terms allow.
  void Add(const Approval& granted, const ApprovalCall& call, const std::string& fit);
  [[nodiscard]] std::optional<Approval> Find(const ApprovalCall& call, const std::string& fit,
                                             std::int64_t now_ms);

  static constexpr std::int64_t kMaxAgeMs = std::int64_t{12} * 3600 * 1000;  // from the grant

 private:
  struct Entry {
    Approval approval;
    std::string session;
    std::string fit;
  };
  std::mutex mutex_;
  std::list<Entry> entries_;  // the newest first; guarded by mutex_
};

}  // namespace casemate::policies
