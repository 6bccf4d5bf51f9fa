// What the tests of OPA share: the real program, a launcher, bundles, and engines over them.
// Test-only.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "policies/opa/opa_engine.h"
#include "sandbox/native/launcher_client.h"
#include "sandbox/native/runner.h"
#include "tests/unit/temp_dir.h"

namespace casemate::policies::test {

using casemate::testing::TempDir;

// That of the npm package (tests/e2e/package.json), which must be there.
inline std::string OpaPath() {
  const char* given = std::getenv("CASEMATE_TEST_OPA");
  return given != nullptr ? given : CASEMATE_TEST_OPA_PACKAGE;
}

// Allows `run` without network to `local`, asks about git, and denies what looks at keys.
inline constexpr const char* kPolicy = R"(package casemate

import rego.v1

default decision := {"effect": "deny", "rules": []}

decision := {"effect": "deny", "rules": ["no-keys"], "reason": "keys stay where they are"} if {
	contains(input.context.workspace, "/.ssh")
}

else := {
	"effect": "ask",
	"rules": ["ask-git"],
	"approval": {"by": "operator", "expires_s": 60, "remember": "same_call"},
	"limits": {"wall_s": 5},
} if {
	input.args.command[0] == "git"
}

else := {
	"effect": "allow",
	"rules": ["run-private"],
	"limits": {"memory_mb": 256, "cpus": 1.5},
	"marks": ["ran"],
} if {
	input.tool == "run"
	input.args.network == "none"
	input.principal.id == "local"
}
)";

inline constexpr const char* kPolicyTest = R"(package casemate_test

import rego.v1

import data.casemate

test_private_runs if {
	casemate.decision.effect == "allow" with input as {"tool": "run", "args": {"network": "none"}, "principal": {"id": "local"}}
}
)";

// A launcher whose one root is `directory`, and a runner.
class Place {
 public:
  Place() {
    auto launcher =
        sandbox::LauncherClient::Start("test-" + RandomHex(4), sandbox::Mode::kStrict, 0,
                                       std::vector<WorkspaceRoot>{{dir.path(), true}});
    INFO((launcher ? std::string() : Describe(launcher.error())));
    REQUIRE(launcher);
    launcher_ = *std::move(launcher);
    runner = std::make_unique<sandbox::SandboxRunner>(*launcher_);
  }

  // Files by name, in a directory of their own.
  [[nodiscard]] std::string WriteBundle(const std::map<std::string, std::string>& files) {
    const std::string bundle = "bundle-" + std::to_string(++count_);
    std::filesystem::create_directory(dir / bundle);
    for (const auto& [name, content] : files) {
      std::filesystem::create_directories(
          std::filesystem::path(dir / (bundle + "/" + name)).parent_path());
      static_cast<void>(dir.Write(bundle + "/" + name, content));
    }
    return dir / bundle;
  }

  [[nodiscard]] Result<std::unique_ptr<OpaEngine>> Start(OpaOptions options) {
    options.opa = OpaPath();
    auto sources = OpaEngine::ReadSources(options);
    if (!sources) {
      return std::move(sources).error();
    }
    return OpaEngine::Start(*std::move(sources), *runner, private_dir());
  }
  // Its decisions have all the time that the machine may need.
  [[nodiscard]] std::unique_ptr<OpaEngine> Engine(const std::string& policy,
                                                  std::int64_t budget_ms = 1000) {
    auto engine = Start({.bundle = WriteBundle({{"policy.rego", policy}}), .budget_ms = budget_ms});
    INFO((engine ? std::string() : Describe(engine.error())));
    REQUIRE(engine);
    return *std::move(engine);
  }
  // Of a bundle that must not be served.
  [[nodiscard]] std::string Refusal(OpaOptions options) {
    auto engine = Start(std::move(options));
    REQUIRE_FALSE(engine);
    CHECK(Left().empty());
    return Describe(engine.error());
  }
  // What lies in the directory of the engine.
  [[nodiscard]] std::string Left() const {
    return std::filesystem::exists(private_dir()) ? "something" : "";
  }
  [[nodiscard]] std::string private_dir() const { return dir / "rego"; }

  TempDir dir;
  std::unique_ptr<sandbox::LauncherClient> launcher_;
  std::unique_ptr<sandbox::SandboxRunner> runner;

 private:
  int count_ = 0;
};

inline Decision Ask(const PolicyEngine& engine, const nlohmann::json& args,
                    const nlohmann::json& context = nlohmann::json::object(),
                    const std::string& tool = "run", Principal principal = {}) {
  return engine.Decide({tool, std::move(principal), args, context, NoHistory()});
}

}  // namespace casemate::policies::test
