#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "policies/source/shipped.h"
#include "tests/unit/policies/fixtures.h"

namespace casemate::policies {

using test::DecideCall;
using test::Load;
using Json = nlohmann::json;

namespace {

const Json kNoNetwork = {{"network", "none"}};

std::unique_ptr<PolicyEngine> Shipped() {
  return Load(std::string(ShippedPolicies().front().text));
}

}  // namespace

TEST_CASE("The shipped policy allows private workspaces without network") {
  const Decision decision = DecideCall(*Shipped(), kNoNetwork);
  REQUIRE(decision.effect == Effect::kAllow);
  CHECK(decision.rule_id == "run-private");
  CHECK(decision.grant->limits() == Limits{4096, 4000, 512, 600'000, 1024, 2048});
  CHECK(decision.grant->workspace_access() == WorkspaceAccess::kPrivateOnly);
}

TEST_CASE("The shipped policy allows host workspaces below roots as the root says") {
  auto engine = Shipped();
  Json context = {
      {"workspace", "/src/a"}, {"workspace_root", "/src"}, {"workspace_writable", true}};
  CHECK(DecideCall(*engine, kNoNetwork, context).grant->workspace_access() ==
        WorkspaceAccess::kHostWrite);
  context["workspace_writable"] = false;
  CHECK(DecideCall(*engine, kNoNetwork, context).grant->workspace_access() ==
        WorkspaceAccess::kHostRead);
  context.erase("workspace_writable");
  CHECK(DecideCall(*engine, kNoNetwork, context).grant->workspace_access() ==
        WorkspaceAccess::kHostRead);
  context["workspace_writable"] = "yes";
  CHECK(DecideCall(*engine, kNoNetwork, context).effect == Effect::kDeny);
}

TEST_CASE("A directory below no root is refused with the line that would allow it") {
  auto engine = Shipped();
  Decision decision =
      DecideCall(*engine, kNoNetwork, {{"workspace", "/srv/app"}, {"config_file", "/etc/c.yaml"}});
  CHECK(decision.effect == Effect::kDeny);
  CHECK_THAT(decision.reason, Catch::Contains("/srv/app"));
  CHECK(decision.remedy ==
        "add the directory to `workspace_roots` in /etc/c.yaml: workspace_roots: [/srv/app]");
  // An odd path stays one YAML string.
  decision = DecideCall(*engine, kNoNetwork, {{"workspace", "/a b]\n, /etc"}});
  CHECK_THAT(decision.remedy, Catch::EndsWith("workspace_roots: [\"/a b]\\n, /etc\"]"));
  CHECK_THAT(decision.remedy, Catch::Contains("the configuration file"));
}

TEST_CASE("The shipped policy refuses network, strangers and other tools") {
  auto engine = Shipped();
  const Decision network = DecideCall(*engine, {{"network", "host"}});
  CHECK(network.effect == Effect::kDeny);
  CHECK_THAT(network.reason, Catch::Contains("requires args.network eq none"));
  CHECK_THAT(network.remedy, Catch::Contains("args.network eq none"));
  CHECK(DecideCall(*engine, Json::object()).effect == Effect::kDeny);
  CHECK(
      DecideCall(*engine, kNoNetwork, Json::object(), "run", {"eve", "local", {"owner"}}).effect ==
      Effect::kDeny);
  CHECK(DecideCall(*engine, kNoNetwork, Json::object(), "other").effect == Effect::kDeny);
  CHECK(DecideCall(*engine, Json::object(), Json::object(), "profile_list").effect ==
        Effect::kAllow);
  CHECK(engine->MayEverAllow("run", {}));
  CHECK(engine->MayEverAllow("profile_list", {}));
  CHECK_FALSE(engine->MayEverAllow("other", {}));
}

}  // namespace casemate::policies
