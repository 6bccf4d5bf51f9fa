// CallMetrics: what is decided and how calls end, counted: casemate_decisions_total{effect} and
// casemate_calls_total{tool,status}. Labels are closed sets: effects, names of tools of the
// catalog, and the statuses below. Thread-safe. Borrows the registry.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/metrics.h"
#include "policies/engine/policy_engine.h"
#include "tools/tool.h"

namespace casemate::tools {

class CallMetrics {
 public:
  explicit CallMetrics(MetricsRegistry& registry);

  void NoteDecision(policies::Effect effect) {
    decisions_.at(static_cast<std::size_t>(effect))->Add();
  }
  // A call that is over; `tool` is one that exists.
  void NoteCall(const std::string& tool, const ToolResult& result) {
    calls_.With({tool, StatusOf(result)}).Add();
  }

  // "exited" or "signaled" of a command that ran, "completed" of other calls that went well, else
  // the kind of the error.
  static std::string_view StatusOf(const ToolResult& result);

 private:
  std::array<Counter*, 3> decisions_;  // by Effect
  MetricFamily<Counter>& calls_;
};

}  // namespace casemate::tools
