#include "tools/analysis/finding.h"

#include <algorithm>
#include <utility>

namespace casemate::analysis {

std::string_view ToString(Confidence confidence) {
  switch (confidence) {
    case Confidence::kGuess:
      return "guess";
    case Confidence::kLikely:
      return "likely";
    case Confidence::kCertain:
      return "certain";
  }
  return "guess";
}

void Choice::Add(std::string value, Source source, Confidence confidence) {
  const bool is_known = std::any_of(candidates_.begin(), candidates_.end(),
                                    [&](const Candidate& other) { return other.value == value; });
  if (!value.empty() && !is_known) {
    candidates_.push_back({std::move(value), std::move(source), confidence});
  }
}

std::optional<Finding> Choice::Best() const {
  if (candidates_.empty()) {
    return std::nullopt;
  }
  const Candidate& first = candidates_.front();
  Finding best(first.value, first.source, first.confidence);
  best.alternatives.assign(candidates_.begin() + 1, candidates_.end());
  return best;
}

Finding Choice::BestOr(std::string standby) const {
  return Best().value_or(Finding(std::move(standby), {}, Confidence::kGuess));
}

}  // namespace casemate::analysis
