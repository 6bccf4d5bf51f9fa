// The policy of the configuration: the YAML layers, Rego beside them, and a candidate that is only
// asked; read once at the start, and again when a file of it changes. Composition only: what they
// decide is policies/.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "mcp/config.h"
#include "mcp/rego.h"
#include "policies/live/live_policy.h"
#include "policies/source/policy_files.h"
#include "sandbox/native/doctor.h"

namespace casemate {

// What can be read and judged without a sandbox.
struct YamlPolicies {
  std::shared_ptr<const policies::YamlPolicy> in_force;
  std::shared_ptr<const policies::YamlPolicy> candidate;  // key `policy_shadow`; null: none loads
  std::vector<std::string> files;                         // to watch
};
// Refuses a policy that fails its own test suite, and files that a call could change. A candidate
// that does not load is logged and left out. `files` is set on failure too.
Result<YamlPolicies> ReadYaml(const Config& config, std::vector<std::string>& files);

// Puts the parts together, at the start and at each reload. Borrows the runner. Not thread-safe:
// LivePolicy calls it from one thread at a time.
class PolicyAssembly {
 public:
  PolicyAssembly(Config config, sandbox::SandboxRunner& runner, std::string state_dir,
                 std::string incarnation)
      : config_(std::move(config)),
        runner_(runner),
        state_dir_(std::move(state_dir)),
        incarnation_(std::move(incarnation)) {}

  // With opa started anew if `rego` is another bundle than before.
  Result<std::shared_ptr<const policies::PolicyEngine>> Assemble(
      YamlPolicies yaml, std::optional<policies::OpaSources> rego);
  // Everything from disk: a LivePolicy::Loader.
  Result<std::shared_ptr<const policies::PolicyEngine>> ReadAgain(std::vector<std::string>& files);
  // null: no Rego is configured.
  [[nodiscard]] const std::shared_ptr<policies::OpaEngine>& rego() const { return rego_; }

 private:
  const Config config_;
  sandbox::SandboxRunner& runner_;
  const std::string state_dir_;
  const std::string incarnation_;
  std::shared_ptr<policies::OpaEngine> rego_;
  int started_ = 0;  // engines of Rego, for their directories
};

// For `casemate doctor`: the policy on disk, and what running servers say of it.
std::vector<sandbox::Probe> ProbePolicy(const Config& config, const std::string& state_dir);

}  // namespace casemate
