#include <catch2/catch.hpp>

#include "mcp/config.h"
#include "tests/unit/mcp/config_fixture.h"

namespace casemate {
namespace {

using Fixture = testing::ConfigFixture;
using Catch::Contains;

TEST_CASE_METHOD(Fixture, "Nothing is pushed anywhere by default", "[config][packages]") {
  const auto config = LoadConfig({});
  REQUIRE(config.ok());
  CHECK(config->packages.push.empty());
  CHECK(config->packages.credentials.empty());
  CHECK(config->packages.ca_file.empty());
}

TEST_CASE_METHOD(Fixture, "All keys of packages are read", "[config][packages]") {
  const std::string file = dir.Write("c.yaml",
                                     "version: 1\npackages: {push: [registry.example.com/team/*], "
                                     "credentials: env:REGISTRY, ca_file: /etc/ca.pem}\n");
  const auto config = LoadConfig({.config_file = file});
  REQUIRE(config.ok());
  REQUIRE(config->packages.push.size() == 1);
  CHECK(config->packages.push[0].repository == "registry.example.com/team/*");
  CHECK(config->packages.credentials == "env:REGISTRY");
  CHECK(config->packages.ca_file == "/etc/ca.pem");
}

TEST_CASE_METHOD(Fixture, "Mistakes in packages are errors", "[config][packages]") {
  const std::string head = "version: 1\npackages: ";
  CHECK_THAT(ProblemOf(head + "{psuh: []}\n"), Contains("did you mean `push`"));
  CHECK_THAT(ProblemOf(head + "{push: registry.example.com}\n"), Contains("c.yaml:2:"));
  CHECK_THAT(ProblemOf(head + "{credentials: \"me:secret\"}\n"),
             Contains("env:NAME") && !Contains("secret"));
  CHECK_THAT(ProblemOf(head + "{ca_file: relative}\n"), Contains("absolute path"));
}

}  // namespace
}  // namespace casemate
