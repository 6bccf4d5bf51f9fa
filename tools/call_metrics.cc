#include "tools/call_metrics.h"

#include <nlohmann/json.hpp>

namespace casemate::tools {

namespace {

// Empty: it is not there, or not a text.
std::string_view TextAt(const nlohmann::json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string()
             ? std::string_view(found->get_ref<const std::string&>())
             : std::string_view();
}

}  // namespace

CallMetrics::CallMetrics(MetricsRegistry& registry)
    : decisions_(),
      calls_(registry.AddCounters("casemate_calls_total", "Calls of tools that are over.",
                                  {"tool", "status"})) {
  auto& decisions = registry.AddCounters(
      "casemate_decisions_total", "Decisions of the policy on calls and accesses.", {"effect"});
  for (const auto effect :
       {policies::Effect::kAllow, policies::Effect::kAsk, policies::Effect::kDeny}) {
    decisions_.at(static_cast<std::size_t>(effect)) = &decisions.With({ToString(effect)});
  }
}

std::string_view CallMetrics::StatusOf(const ToolResult& result) {
  if (!result.is_error) {
    const std::string_view status = TextAt(result.audit, "status");
    for (const std::string_view ran : {"exited", "signaled"}) {
      if (status == ran) {
        return ran;
      }
    }
    return "completed";
  }
  const auto error =
      result.structured.is_object() ? result.structured.find("error") : result.structured.end();
  const std::string_view kind =
      error == result.structured.end() ? std::string_view() : TextAt(*error, "kind");
  for (int i = 0; i <= static_cast<int>(ErrorKind::kLost); ++i) {
    if (const std::string_view known = ToString(static_cast<ErrorKind>(i)); known == kind) {
      return known;
    }
  }
  return ToString(ErrorKind::kInternalError);
}

}  // namespace casemate::tools
