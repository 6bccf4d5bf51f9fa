#include "tools/job.h"

#include <array>
#include <utility>

namespace casemate::tools {

namespace {

constexpr std::array<std::pair<JobStatus, std::string_view>, 5> kNames = {{
    {JobStatus::kWorking, "working"},
    {JobStatus::kInputRequired, "input_required"},
    {JobStatus::kCompleted, "completed"},
    {JobStatus::kFailed, "failed"},
    {JobStatus::kCancelled, "cancelled"},
}};

}  // namespace

std::string_view ToString(JobStatus status) {
  for (const auto& [value, name] : kNames) {
    if (value == status) {
      return name;
    }
  }
  return "failed";
}

std::optional<JobStatus> JobStatusFromName(std::string_view name) {
  for (const auto& [value, text] : kNames) {
    if (text == name) {
      return value;
    }
  }
  return std::nullopt;
}

std::string OwnerOf(const policies::Principal& principal) {
  // With the length, so that no choice of names makes two principals one.
  return std::to_string(principal.tenant.size()) + ":" + principal.tenant + "/" + principal.id;
}

nlohmann::json FactsOf(const JobView& job) {
  nlohmann::json facts = {{"own", true}};
  if (job.untrusted) {
    facts["untrusted"] = true;
  }
  return facts;
}

}  // namespace casemate::tools
