#include "mcp/policy.h"

#include <filesystem>
#include <utility>

#include "base/log.h"
#include "mcp/config_roots.h"
#include "policies/check/run_suites.h"
#include "policies/engine/combined_engine.h"
#include "policies/identity/incarnation.h"
#include "policies/live/reload_report.h"
#include "policies/live/shadow_engine.h"
#include "tools/action_names.h"

namespace casemate {
namespace {

std::shared_ptr<const policies::YamlPolicy> ReadCandidate(const Config& config,
                                                          std::vector<std::string>& files) {
  if (config.policy_shadow.empty()) {
    return nullptr;
  }
  auto candidate = policies::LoadPolicy({config.policy_shadow, tools::ActionNames()}, &files);
  if (!candidate) {
    Log(LogLevel::kError,
        "the candidate policy (policy_shadow) is not asked: " + Describe(candidate.error()));
    return nullptr;
  }
  return *std::move(candidate);
}

// What a call can change must not decide about calls, however deep in `extends` it is named.
Result<void> RefuseExposed(const Config& config, const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    if (auto safe = casemate::RefuseExposed(config, file, "policy"); !safe) {
      return safe;
    }
  }
  return {};
}

}  // namespace

Result<YamlPolicies> ReadYaml(const Config& config, std::vector<std::string>& files) {
  auto policy = policies::LoadPolicy({config.policy_file, tools::ActionNames()}, &files);
  if (!policy) {
    return std::move(policy).error();
  }
  if (auto safe = RefuseExposed(config, files); !safe) {
    return safe.error();
  }
  const auto suites = policies::SuitesBeside(config.policy_file);
  files.insert(files.end(), suites.begin(), suites.end());
  if (auto passed = policies::RequireSuites(**policy, suites); !passed) {
    return passed.error();
  }
  YamlPolicies read;
  read.in_force = *std::move(policy);
  read.candidate = ReadCandidate(config, files);
  read.files = files;
  return read;
}

Result<std::shared_ptr<const policies::PolicyEngine>> PolicyAssembly::Assemble(
    YamlPolicies yaml, std::optional<policies::OpaSources> rego) {
  std::shared_ptr<const policies::PolicyEngine> engine = std::move(yaml.in_force);
  if (rego.has_value()) {
    if (rego_ == nullptr || !rego_->IsOf(*rego)) {
      auto started = StartRego(*std::move(rego), runner_, state_dir_, incarnation_, ++started_);
      if (!started) {
        return std::move(started).error();
      }
      rego_ = *std::move(started);
    }
    std::vector<policies::CombinedEngine::Part> parts;
    parts.push_back({"yaml", std::move(engine)});
    parts.push_back({"rego", rego_});
    engine = std::make_shared<const policies::CombinedEngine>(std::move(parts));
  }
  if (yaml.candidate != nullptr) {
    engine = std::make_shared<const policies::ShadowEngine>(std::move(engine),
                                                            std::move(yaml.candidate));
  }
  return engine;
}

Result<std::shared_ptr<const policies::PolicyEngine>> PolicyAssembly::ReadAgain(
    std::vector<std::string>& files) {
  const auto of_rego = RegoFiles(config_);
  auto yaml = ReadYaml(config_, files);
  files.insert(files.end(), of_rego.begin(), of_rego.end());
  if (!yaml) {
    return std::move(yaml).error();
  }
  auto rego = ReadRego(config_);
  if (!rego) {
    return std::move(rego).error();
  }
  return Assemble(*std::move(yaml), *std::move(rego));
}

std::vector<sandbox::Probe> ProbePolicy(const Config& config, const std::string& state_dir) {
  std::vector<sandbox::Probe> probes;
  std::vector<std::string> files;
  sandbox::Probe on_disk;
  on_disk.layer = "policy";
  on_disk.required = true;
  if (const auto read = ReadYaml(config, files); read) {
    const policies::YamlPolicy& policy = *read->in_force;
    on_disk.present = true;
    on_disk.detail = policy.layers().back().name + ", " + std::to_string(policy.layers().size()) +
                     (policy.layers().size() == 1 ? " layer" : " layers") + ", revision " +
                     policy.revision().substr(0, 12) + "…" +
                     (policy.commit().empty() ? "" : ", commit " + policy.commit().substr(0, 12));
  } else {
    on_disk.detail = Describe(read.error());
    on_disk.remedy = "casemate policy lint shows all problems";
  }
  probes.push_back(std::move(on_disk));
  for (const policies::ReloadProblem& problem : policies::ReadReloadProblems(state_dir)) {
    if (policies::Incarnation::IsAlive(state_dir, problem.incarnation)) {
      sandbox::Probe stale;
      stale.required = false;  // it serves, by the policy before
      stale.layer = "policy of " + problem.incarnation;
      stale.detail = "this server keeps the last good policy: " + problem.text;
      stale.remedy = "mend the policy: the server takes it up by itself";
      probes.push_back(std::move(stale));
    }
  }
  return probes;
}

}  // namespace casemate
