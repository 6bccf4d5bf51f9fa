#include "tools/container_optimize_result.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/text.h"
#include "tools/container_facts.h"
#include "tools/container_report.h"

namespace casemate::tools {
namespace {

using nlohmann::json;
using Status = OptimizeOutcome::Status;

// The id of what can be executed begins with its kind.
std::string TitleOf(const OptimizeAction& action) {
  std::string title = IsAdvice(action.kind) ? "- " + std::string(ToString(action.kind)) : action.id;
  if (!action.container.empty()) {
    title += " " + action.name + " (" + ShortId(action.container) + ")";
  }
  return title;
}

std::string Line(const OptimizeAction& action) {
  std::string line = TitleOf(action) + ": " + action.reason + ".";
  if (!action.frees.empty() && !IsAdvice(action.kind)) {
    line += " Frees about " + BytesText(action.frees_bytes) + " of " + action.frees + ".";
  }
  return line + " " + action.effect + "\n";
}

std::string Counted(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

ToolResult PlanResult(const OptimizeProposal& proposal, const OptimizeFacts& facts,
                      const std::string& plan_id) {
  const auto& actions = proposal.actions;
  ToolResult result;
  result.structured = {{"status", "planned"}, {"actions", json::array()}};
  std::string executable;
  std::string advice;
  for (const OptimizeAction& action : actions) {
    result.structured["actions"].push_back(ActionJson(action));
    (IsAdvice(action.kind) ? advice : executable) += Line(action);
  }
  if (plan_id.empty()) {
    result.text = "Nothing to execute in " + Counted(facts.containers.size(), "container") + ".\n";
  } else {
    result.structured["plan_id"] = plan_id;
    result.structured["expires_at"] = Rfc3339(facts.engine.now_ms + OptimizePlans::kGoodForMs);
    result.text = "Plan " + plan_id +
                  ". Nothing was changed. To execute some of it, call again with `plan_id` and the "
                  "ids as `actions`; once, within " +
                  DurationText(OptimizePlans::kGoodForMs) + ".\n" + executable;
  }
  if (!advice.empty()) {
    result.text += "Advice, not executable:\n" + advice;
  }
  if (proposal.left_out > 0) {
    result.structured["left_out"] = proposal.left_out;
    result.text += Counted(proposal.left_out, "further proposal") +
                   " left out: plan again afterwards, or for one `container`.\n";
  }
  if (!facts.blind_spots.empty()) {
    result.structured["blind_spots"] = facts.blind_spots;
    result.text += "Not seen: " + Join(facts.blind_spots, "; ") + "\n";
  }
  result.audit = {
      {"status", "planned"}, {"actions", actions.size()}, {"containers", facts.containers.size()}};
  if (!plan_id.empty()) {
    result.audit["plan_id"] = plan_id;
  }
  return result;
}

ToolResult ExecutionResult(const std::vector<OptimizeAction>& actions,
                           const std::vector<OptimizeOutcome>& outcomes) {
  json rows = json::array();
  json freed = json::object();
  std::string lines;
  std::optional<Error> failed;
  bool is_cancelled = false;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const OptimizeAction& action = actions[i];
    const OptimizeOutcome& outcome = outcomes[i];
    json row = {{"id", action.id},
                {"kind", ToString(action.kind)},
                {"status", ToString(outcome.status)},
                {"message", outcome.message}};
    if (!action.container.empty()) {
      row["container"] = action.container;
      row["name"] = action.name;
    }
    lines +=
        TitleOf(action) + ": " + std::string(ToString(outcome.status)) + ", " + outcome.message;
    if (outcome.freed_bytes && !action.frees.empty()) {
      row["frees"] = action.frees;
      row["freed_bytes"] = *outcome.freed_bytes;
      const std::string total = action.frees + "_bytes";
      freed[total] = freed.value(total, std::int64_t{0}) + *outcome.freed_bytes;
      lines += "; " + BytesText(*outcome.freed_bytes) + " of " + action.frees + " freed";
    }
    lines += "\n";
    rows.push_back(std::move(row));
    failed = failed ? failed : outcome.error;
    is_cancelled = is_cancelled || outcome.status == Status::kNotBegun;
  }
  ToolResult result;
  std::string status = "completed";
  if (is_cancelled) {
    status = "cancelled";
    result = ErrorResult(Error{ErrorCode::kCancelled,
                               "the call was cancelled before all actions were begun",
                               {},
                               "make a new plan for the rest",
                               0});
  } else if (failed) {
    status = "failed";
    result = ErrorResult(*failed);
  }
  result.structured["status"] = status;
  result.structured["actions"] = rows;
  result.structured["freed"] = freed;
  result.text += (result.text.empty() ? "" : "\n\n") + lines;
  result.audit = {{"status", status}, {"actions", std::move(rows)}, {"freed", std::move(freed)}};
  return result;
}

json OptimizeOutputSchema() {
  const json text = {{"type", "string"}};
  const json number = {{"type", "integer"}};
  const json texts = {{"type", "array"}, {"items", text}};
  json action = {{"type", "object"},
                 {"properties",
                  {{"id", text},
                   {"kind", text},
                   {"container", text},
                   {"name", text},
                   {"reason", text},
                   {"effect", text},
                   {"executable", {{"type", "boolean"}}},
                   {"facts", {{"type", "object"}}},
                   {"frees", text},
                   {"frees_bytes", number},
                   {"limits", {{"type", "object"}}},
                   {"images", texts},
                   {"needs", texts},
                   {"status", text},
                   {"message", text},
                   {"freed_bytes", number}}}};
  return {{"type", "object"},
          {"properties",
           {{"status", text},
            {"plan_id", text},
            {"expires_at", text},
            {"actions", {{"type", "array"}, {"items", std::move(action)}}},
            {"left_out", number},
            {"blind_spots", texts},
            {"freed", {{"type", "object"}}},
            {"error", {{"type", "object"}}}}},
          {"required", {"status"}}};
}

}  // namespace casemate::tools
