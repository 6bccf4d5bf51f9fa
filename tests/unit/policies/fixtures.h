// What the policy tests share: a temporary directory, loading policies, deciding calls. Test-only.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "policies/engine/yaml_policy.h"
#include "tests/unit/temp_dir.h"

namespace casemate::policies::test {

using testing::TempDir;

inline std::unique_ptr<PolicyEngine> Load(const std::string& text) {
  auto engine = LoadYamlPolicy(text, "policy.yaml");
  INFO((engine ? std::string() : Describe(engine.error())));
  REQUIRE(engine);
  return *std::move(engine);
}

// The error of a policy that must not load.
inline std::string LoadError(const std::string& text) {
  auto engine = LoadYamlPolicy(text, "policy.yaml");
  REQUIRE_FALSE(engine);
  CHECK(engine.error().code == ErrorCode::kInvalidArgument);
  return Describe(engine.error());
}

inline Decision DecideCall(const PolicyEngine& engine, const nlohmann::json& args,
                           const nlohmann::json& context = nlohmann::json::object(),
                           const std::string& tool = "run", Principal principal = {}) {
  return engine.Decide({tool, std::move(principal), args, context, NoHistory()});
}

}  // namespace casemate::policies::test
