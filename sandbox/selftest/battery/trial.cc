#include "sandbox/selftest/battery/trial.h"

#include <algorithm>

namespace casemate::escape {

void Trial::Check(bool ok, Grade otherwise, const std::string& reason) {
  if (!ok) {
    grade_ = std::max(grade_, otherwise);
    reasons_.push_back(reason);
  }
}

void Trial::Require(bool ok, Grade otherwise, const std::string& reason) {
  Check(ok, otherwise, reason);
  if (!ok) {
    throw TrialOver();
  }
}

void Trial::ControlSkipped(std::string why, std::string answer) {
  control_ = Control::kSkipped;
  control_why_ = std::move(why);
  control_answer_ = std::move(answer);
}

}  // namespace casemate::escape
