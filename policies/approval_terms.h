// Who may approve a call for which policy says `ask`, for how long, and for what. Immutable values;
// pure.
#pragma once

#include <cstdint>

namespace casemate::policies {

// From the laxest to the strictest.
enum class Approver {
  kClient,        // whoever sits at the caller's client, or an operator
  kOperator,      // out of band only: `casemate approve`
  kSecondPerson,  // out of band, and by another principal than the caller
};

// From the strictest to the laxest: what one approval is good for until the session ends.
enum class Remember {
  kNever,     // the one call
  kSameCall,  // the same call again, argument by argument
  kSameRule,  // whatever the same rules ask about, with the same tool
};

struct ApprovalTerms {
  Approver by = Approver::kClient;
  std::int64_t expires_ms = 300'000;  // from the request until the call
  Remember remember = Remember::kNever;

  bool operator==(const ApprovalTerms&) const = default;
};

// Term by term the stricter of the two.
ApprovalTerms Intersect(const ApprovalTerms& a, const ApprovalTerms& b);

}  // namespace casemate::policies
