#include <catch2/catch.hpp>

#include "mcp/config.h"
#include "tests/unit/mcp/config_fixture.h"

namespace casemate {
namespace {

using Fixture = testing::ConfigFixture;
using Catch::Contains;

TEST_CASE_METHOD(Fixture, "Rego is off, and has its defaults", "[config][rego]") {
  const auto config = LoadConfig({});
  REQUIRE(config.ok());
  CHECK(config->rego.bundle.empty());
  CHECK(config->rego.opa.empty());
  CHECK(config->rego.budget_ms == 25);
}

TEST_CASE_METHOD(Fixture, "All keys of rego are read", "[config][rego]") {
  const std::string file = dir.Write("c.yaml",
                                     "version: 1\nrego: {bundle: ~/b, opa: /opt/opa, "
                                     "verification_key: /etc/k.pem, budget_ms: 1000}\n");
  const auto config = LoadConfig({.config_file = file});
  REQUIRE(config.ok());
  CHECK(config->rego.bundle == dir / "b");
  CHECK(config->rego.opa == "/opt/opa");
  CHECK(config->rego.verification_key == "/etc/k.pem");
  CHECK(config->rego.budget_ms == 1000);
  env.Set("CASEMATE_OPA", "/elsewhere/opa");
  CHECK(LoadConfig({.config_file = file})->rego.opa == "/elsewhere/opa");
}

TEST_CASE_METHOD(Fixture, "Mistakes in rego are errors", "[config][rego]") {
  const std::string head = "version: 1\nrego: ";
  CHECK_THAT(ProblemOf(head + "{bundel: /b}\n"), Contains("did you mean `bundle`"));
  CHECK_THAT(ProblemOf(head + "{budget_ms: 25}\n"), Contains("expected the key `bundle`"));
  CHECK_THAT(ProblemOf(head + "{bundle: relative}\n"), Contains("absolute path"));
  CHECK_THAT(ProblemOf(head + "{bundle: /b, opa: opa}\n"), Contains("absolute path"));
  CHECK_THAT(ProblemOf(head + "{bundle: /b, budget_ms: 0}\n"), Contains("from 1 to 1000"));
  CHECK_THAT(ProblemOf(head + "{bundle: /b, budget_ms: 1001}\n"), Contains("from 1 to 1000"));
  CHECK_THAT(ProblemOf(head + "/b\n"), Contains("c.yaml:2:"));
}

TEST_CASE_METHOD(Fixture, "What decides lies in no writable root", "[config][rego]") {
  const std::string root = dir / "root";
  static_cast<void>(std::filesystem::create_directory(root));
  static_cast<void>(std::filesystem::create_directory(dir / "bundle"));
  static_cast<void>(std::filesystem::create_directory(dir / "bundle/inside"));
  const auto problem = [&](const std::string& keys, const std::string& writable_root) {
    return ProblemOf("version: 1\nworkspace_roots: [" + writable_root + "]\nrego: {" + keys +
                     "}\n");
  };
  CHECK_THAT(problem("bundle: " + root + "/b", root), Contains("policy bundle"));
  CHECK_THAT(problem("bundle: /b, opa: " + root + "/opa", root), Contains("program"));
  CHECK_THAT(problem("bundle: /b, verification_key: " + root + "/k", root), Contains("key"));
  CHECK_THAT(problem("bundle: " + (dir / "bundle"), dir / "bundle/inside"),
             Contains("policy bundle"));
}

}  // namespace
}  // namespace casemate
