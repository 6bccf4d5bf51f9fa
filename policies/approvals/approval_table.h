// The table `approval`: its schema and its rows. Each function is one statement or a few, to be
// called inside Store::Transaction or under Store::Lock. Statements are prepared each time: nothing
// here is frequent, and nothing is open between two calls.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/store/store.h"
#include "policies/approvals/approval.h"

namespace casemate::policies {

std::span<const Migration> ApprovalMigrations();

class ApprovalTable {
 public:
  explicit ApprovalTable(Store& store) : store_(store) {}

  // The secret under which CallHash digests what only the hash may know of a call; made once.
  Result<std::string> Key();
  Result<void> Insert(const Approval& approval, const std::string& fit);
  Result<std::optional<Approval>> Find(const std::string& id);
  // The newest in `state` for that call of that principal, with that fit, that is not over. Of
  // denied ones only those decided after `decided_after_ms`.
  Result<std::optional<Approval>> FindFor(const ApprovalCall& call, const std::string& fit,
                                          ApprovalState state, std::int64_t now_ms,
                                          std::int64_t decided_after_ms = 0);
  // Newest first; `open_only`: pending, and granted but not used.
  Result<std::vector<Approval>> List(bool open_only, std::int64_t now_ms);
  // Pending ones that are not over: of that principal, and in all.
  struct Counts {
    std::int64_t of_principal = 0;
    std::int64_t all = 0;
  };
  Result<Counts> CountPending(const Principal& principal, std::int64_t now_ms);

  // Each false when the row was not (any longer) in a state that allows it.
  Result<bool> MarkDecided(const Approval& decided);
  Result<bool> MarkUsed(const std::string& id, std::int64_t now_ms, std::int64_t audit_seq);
  // Removes what ended before `before_ms`, and of what is left and over the oldest beyond `keep`.
  Result<void> Prune(std::int64_t before_ms, std::int64_t keep, std::int64_t now_ms);

 private:
  Store& store_;
};

}  // namespace casemate::policies
