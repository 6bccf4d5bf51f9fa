// What the policy tests share: a temporary directory, loading policies, deciding calls. Test-only.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "policies/engine/yaml_policy.h"

namespace casemate::policies::test {

class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "casemate-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

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
  return engine.Decide({tool, std::move(principal), args, context});
}

}  // namespace casemate::policies::test
