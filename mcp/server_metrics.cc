#include "mcp/server_metrics.h"

#include "base/process_metrics.h"

namespace casemate {
namespace {

constexpr double kMsPerSecond = 1000;

void AddPolicyMetrics(MetricsRegistry& registry, const policies::LivePolicy& policy) {
  using Samples = std::vector<MetricSample>;
  registry.AddSource(MetricType::kGauge, "casemate_policy_info",
                     "The policy in force: 1, with its revision and the commit it lies in.",
                     {"revision", "commit"}, [&policy]() -> Samples {
                       const auto status = policy.status();
                       return {{{status.revision, status.commit}, 1}};
                     });
  registry.AddSource(
      MetricType::kCounter, "casemate_policy_reloads_total",
      "Changes of the policy's files that took over (success) or were rejected (failure).",
      {"result"}, [&policy]() -> Samples {
        const auto status = policy.status();
        return {{{"success"}, static_cast<double>(status.reloads)},
                {{"failure"}, static_cast<double>(status.failures)}};
      });
  registry.AddSource(
      MetricType::kGauge, "casemate_policy_last_reload_successful",
      "1 when the policy on disk is in force; 0 when it was rejected, or cannot be "
      "followed.",
      {}, [&policy]() -> Samples { return {{{}, policy.status().problem ? 0.0 : 1.0}}; });
  registry.AddSource(MetricType::kGauge, "casemate_policy_last_load_timestamp_seconds",
                     "When the policy was last read without an error.", {}, [&policy]() -> Samples {
                       return {{{}, static_cast<double>(policy.status().loaded_ms) / kMsPerSecond}};
                     });
}

}  // namespace

ServerMetrics::ServerMetrics(tools::Gate& gate, const policies::LivePolicy& policy)
    : calls_(registry_), reader_(registry_, gate) {
  registry_.AddGauges("casemate_build_info", "The program: 1, with its version.", {"version"})
      .With({CASEMATE_VERSION})
      .Set(1);
  AddPolicyMetrics(registry_, policy);
  AddProcessMetrics(registry_);
}

}  // namespace casemate
