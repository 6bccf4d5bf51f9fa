#include "policies/engine/policy_json.h"

#include <nlohmann/json.hpp>

namespace casemate::policies {

using nlohmann::json;

std::string_view ToString(WorkspaceAccess access) {
  switch (access) {
    case WorkspaceAccess::kPrivateOnly:
      return "private";
    case WorkspaceAccess::kHostRead:
      return "host_read";
    case WorkspaceAccess::kHostWrite:
      return "host_write";
  }
  return "private";
}

std::string_view ToString(Approver approver) {
  switch (approver) {
    case Approver::kClient:
      return "client";
    case Approver::kOperator:
      return "operator";
    case Approver::kSecondPerson:
      return "second_person";
  }
  return "second_person";
}

std::string_view ToString(Remember remember) {
  switch (remember) {
    case Remember::kNever:
      return "never";
    case Remember::kSameCall:
      return "same_call";
    case Remember::kSameRule:
      return "same_rule";
  }
  return "never";
}

json InputJson(const PolicyInput& input) {
  return {{"version", kPolicyInputVersion},
          {"tool", input.tool},
          {"principal",
           {{"id", input.principal.id},
            {"tenant", input.principal.tenant},
            {"roles", input.principal.roles}}},
          {"args", input.args},
          {"context", input.context},
          {"history", input.history}};
}

json LimitsJson(const Limits& limits) {
  json found = {{"memory_mb", limits.memory_mb}, {"cpu_millis", limits.cpu_millis},
                {"pids", limits.pids},           {"wall_ms", limits.wall_ms},
                {"output_kb", limits.output_kb}, {"disk_mb", limits.disk_mb}};
  if (limits.io_mb_s != 0) {
    found["io_mb_s"] = limits.io_mb_s;
  }
  return found;
}

json ContainerRightsJson(const ContainerRights& rights) {
  json names = json::array();
  for (std::size_t i = 0; i < kContainerRightNames.size(); ++i) {
    if (rights.Has(static_cast<ContainerRight>(i))) {
      names.push_back(kContainerRightNames.at(i));
    }
  }
  return names;
}

json RightsJson(const Rights& rights) {
  json found = {{"workspace", ToString(rights.workspace)}, {"limits", LimitsJson(rights.limits)}};
  if (rights.strict_sandbox) {
    found["sandbox"] = "strict";
  }
  if (!rights.containers.none()) {
    found["containers"] = ContainerRightsJson(rights.containers);
  }
  return found;
}

json ApprovalJson(const ApprovalTerms& terms) {
  return {{"by", ToString(terms.by)},
          {"expires_ms", terms.expires_ms},
          {"remember", ToString(terms.remember)}};
}

json DecisionJson(const Decision& decision) {
  json found = {{"version", kDecisionVersion},
                {"effect", ToString(decision.effect)},
                {"decision_id", decision.decision_id},
                {"matched", decision.matched},
                {"rule", decision.rule_id},
                {"reason", decision.reason},
                {"remedy", decision.remedy},
                {"revision", decision.revision}};
  if (!decision.commit.empty()) {
    found["commit"] = decision.commit;
  }
  if (!decision.marks.empty()) {
    found["marks"] = decision.marks;
  }
  if (decision.grant) {
    found["grant"] = RightsJson(decision.grant->rights());
  }
  if (decision.asked) {
    found["asked"] = RightsJson(*decision.asked);
  }
  if (decision.approval) {
    found["approval"] = ApprovalJson(*decision.approval);
  }
  if (decision.shadow) {
    found["shadow"] = {{"effect", ToString(decision.shadow->effect)},
                       {"rule", decision.shadow->rule_id},
                       {"revision", decision.shadow->revision}};
  }
  return found;
}

}  // namespace casemate::policies
