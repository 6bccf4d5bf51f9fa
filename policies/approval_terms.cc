#include "policies/approval_terms.h"

#include <algorithm>

namespace casemate::policies {

ApprovalTerms Intersect(const ApprovalTerms& a, const ApprovalTerms& b) {
  return {std::max(a.by, b.by), std::min(a.expires_ms, b.expires_ms),
          std::min(a.remember, b.remember)};
}

}  // namespace casemate::policies
