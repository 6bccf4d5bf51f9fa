// The YAML policy language, version 1: deny by default, explicit deny wins, order-independent,
// layers by `extends` of which each can only narrow. docs/policy.md describes it. The loaded engine
// is immutable and thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policies/engine/layer.h"
#include "policies/engine/policy_engine.h"

namespace casemate::policies {

// Begins the name of a policy that ships with Casemate.
inline constexpr std::string_view kShippedPrefix = "shipped policy ";

// One text of policy.
struct PolicyText {
  std::string text;
  std::string name;    // for people, in errors: "policy.yaml"
  std::string origin;  // the same for the same text however it was named: its canonical path
};

// Finds what the text `from` extends under the name `name`.
using PolicyReader =
    std::function<Result<PolicyText>(const std::string& name, const PolicyText& from)>;

// The initialisers let g++ 12 accept designated ones that name only some members.
// NOLINTBEGIN(readability-redundant-member-init)
struct PolicyOptions {
  PolicyReader reader{};                       // none: nothing can be extended
  std::span<const std::string> known_tools{};  // what rules may name; empty: not checked
  std::string commit{};                        // of the repository that holds the policy
  std::vector<Error>* problems = nullptr;      // gets all errors, not only the first
};
// NOLINTEND(readability-redundant-member-init)

class YamlPolicy final : public PolicyEngine {
 public:
  // `layers`: each after all that it extends.
  YamlPolicy(std::vector<Layer> layers, std::string revision, std::string commit);
  [[nodiscard]] Decision Decide(const PolicyInput& input) const override;
  [[nodiscard]] bool MayEverAllow(const std::string& tool,
                                  const Principal& principal) const override;
  [[nodiscard]] nlohmann::json Explain(const PolicyInput& input) const override;
  [[nodiscard]] std::string revision() const override { return revision_; }
  [[nodiscard]] std::string commit() const override { return commit_; }
  [[nodiscard]] std::span<const Layer> layers() const { return layers_; }

 private:
  void DecideByRules(const PolicyInput& input, Decision& decision) const;

  std::vector<Layer> layers_;
  std::string revision_;
  std::string commit_;
};

// Errors: kInvalidArgument with file:line:column for unknown keys, wrong types, duplicate ids,
// unknown tools, unreachable rules, failing examples, and layers in the wrong order or in a circle.
Result<std::unique_ptr<YamlPolicy>> LoadYamlPolicy(const PolicyText& text,
                                                   const PolicyOptions& options);
// One text that extends nothing. `origin` is the file name used in errors.
Result<std::unique_ptr<YamlPolicy>> LoadYamlPolicy(std::string_view text,
                                                   const std::string& origin);

}  // namespace casemate::policies
