// The real opa in the real sandbox.
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/clock.h"
#include "tests/unit/opa/fixtures.h"

namespace casemate::policies {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)
using Catch::Contains;
using nlohmann::json;

TEST_CASE("The program is the one that was pinned", "[opa]") {
  const auto digest = Sha256OfFile(OpaPath());
  INFO("`./dev setup` installs the npm packages of tests/e2e");
  REQUIRE(digest);
  CHECK(*digest == "00d114b94fdb1606a48cccdfc73c9ccdc62c38721150131ae578d5ff3df5c084");
}

TEST_CASE("Rego allows, asks and denies", "[opa]") {
  Place place;
  const auto engine = place.Engine(kPolicy);

  const Decision allowed = Ask(*engine, {{"network", "none"}});
  INFO(allowed.reason);
  CHECK(allowed.effect == Effect::kAllow);
  CHECK(allowed.matched == std::vector<std::string>{"run-private"});
  CHECK(allowed.rule_id == "run-private");
  CHECK(allowed.marks == std::vector<std::string>{"ran"});
  CHECK(allowed.revision == engine->revision());
  CHECK(allowed.revision.size() == 64);
  REQUIRE(allowed.grant);
  CHECK(allowed.grant->limits().memory_mb == 256);
  CHECK(allowed.grant->limits().cpu_millis == 1500);
  CHECK(allowed.grant->limits().pids == 128);
  CHECK(allowed.grant->workspace_access() == WorkspaceAccess::kPrivateOnly);
  CHECK(allowed.grant->decision_id() == allowed.decision_id);

  const Decision asked = Ask(*engine, {{"command", {"git", "push"}}});
  CHECK(asked.effect == Effect::kAsk);
  CHECK_FALSE(asked.grant);
  REQUIRE(asked.asked);
  CHECK(asked.asked->limits.wall_ms == 5000);
  CHECK(asked.approval == ApprovalTerms{Approver::kOperator, 60'000, Remember::kSameCall});

  const Decision denied = Ask(*engine, {{"network", "none"}}, {{"workspace", "/home/me/.ssh"}});
  CHECK(denied.effect == Effect::kDeny);
  CHECK(denied.rule_id == "no-keys");
  CHECK(denied.reason == "keys stay where they are");
  CHECK_FALSE(denied.grant);

  const Decision unknown = Ask(*engine, {{"network", "host"}});
  CHECK(unknown.effect == Effect::kDeny);
  CHECK(unknown.rule_id == "default-deny");
  CHECK(unknown.matched.empty());

  const OpaStatus status = engine->status();
  CHECK(status.version == "0.70.0");
  CHECK(status.path == OpaPath());
  CHECK(status.sha256.substr(0, 8) == "00d114b9");
  CHECK(status.process.healthy);
  CHECK(status.process.restarts == 0);
}

// Decides whatever the caller's arguments say: for the forms that a bundle may answer in.
constexpr const char* kEcho = R"(package casemate

import rego.v1

decision := input.args.answer
)";

TEST_CASE("What a bundle answers in another form is refused", "[opa]") {
  Place place;
  const auto engine = place.Engine(kEcho);
  const auto reason = [&](const json& args) {
    const Decision decision = Ask(*engine, args);
    CHECK(decision.effect == Effect::kDeny);
    CHECK(decision.rule_id == "policy-error");
    CHECK(decision.matched.empty());
    CHECK_FALSE(decision.grant);
    CHECK_FALSE(decision.asked);
    return decision.reason;
  };
  const json allow = {{"effect", "allow"}, {"rules", {"r"}}};
  const auto with = [&](const char* key, const json& value) {
    json changed = allow;
    changed[key] = value;
    return json{{"answer", changed}};
  };
  REQUIRE(Ask(*engine, {{"answer", allow}}).effect == Effect::kAllow);
  CHECK_THAT(reason(json::object()), Catch::StartsWith("policy_error:opa_undefined:"));
  CHECK_THAT(reason({{"answer", true}}), Catch::StartsWith("policy_error:opa_decision:"));
  CHECK_THAT(reason({{"answer", nullptr}}), Catch::StartsWith("policy_error:opa_decision:"));
  CHECK_THAT(reason(with("encrypt_disk", true)), Catch::StartsWith("policy_error:opa_decision:"));
  CHECK_THAT(reason(with("limits", {{"pids", "many"}})), Contains("decision.limits.pids"));
  CHECK_THAT(reason(with("reason", "policy_error:not mine")), Contains("decision.reason"));
  CHECK_THAT(reason(with("rules", json::array())), Contains("decision.rules"));
  CHECK_THAT(reason(with("remedy", std::string(std::size_t{512} << 10, 'x'))),
             Catch::StartsWith("policy_error:opa_reply:"));
  CHECK(Ask(*engine, {{"answer", allow}}).effect == Effect::kAllow);
}

TEST_CASE("A question that is none is refused without opa", "[opa]") {
  Place place;
  const auto engine = place.Engine(kPolicy);
  CHECK_THAT(Ask(*engine, {{"network", "none"}}, json::object(), "").reason,
             Catch::StartsWith("policy_error:bad_input"));
  CHECK_THAT(Ask(*engine, json::array()).reason, Catch::StartsWith("policy_error:bad_input"));
  // Judged as one text and executed as another: never.
  CHECK_THAT(Ask(*engine, {{"network", "none"}, {"x", "\xff"}}).reason,
             Catch::StartsWith("policy_error:opa_input"));
}

TEST_CASE("A failing evaluation is a refusal", "[opa]") {
  Place place;
  const auto engine = place.Engine(R"(package casemate

import rego.v1

decision := {"effect": "allow", "rules": [rule]} if some rule in input.args.rules
)");
  CHECK(Ask(*engine, {{"rules", {"one"}}}).effect == Effect::kAllow);
  const Decision conflict = Ask(*engine, {{"rules", {"one", "two"}}});
  CHECK(conflict.effect == Effect::kDeny);
  CHECK_THAT(conflict.reason, Catch::StartsWith("policy_error:opa_status"));
}

TEST_CASE("A bundle that is not sound is not served", "[opa]") {
  Place place;
  const auto refusal = [&](const std::map<std::string, std::string>& files) {
    return place.Refusal({.bundle = place.WriteBundle(files)});
  };
  const std::string head = "package casemate\n\nimport rego.v1\n\n";
  SECTION("it reaches outside") {
    CHECK_THAT(refusal({{"net.rego",
                         head + R"(decision := http.send({"method": "get", "url": input.url}))"}}),
               Contains("net.rego:5") && Contains("http.send"));
    for (const char* builtin : {R"(opa.runtime())", R"(net.lookup_ip_addr("example.org"))",
                                R"(rand.intn("x", 6))", R"(uuid.rfc4122("x"))"}) {
      CHECK_THAT(refusal({{"net.rego", head + "decision := " + builtin}}), Contains("net.rego:5"));
    }
  }
  SECTION("it is not strict, or no Rego") {
    CHECK_THAT(refusal({{"bad.rego", head + "decision := {"}}), Contains("bad.rego"));
    CHECK_THAT(refusal({{"odd.rego", head + "decision := x if {\n\tx := 1\n\ty := 2\n}\n"}}),
               Contains("odd.rego") && Contains("y"));
  }
  SECTION("its tests fail") {
    CHECK_THAT(refusal({{"policy.rego", kPolicy},
                        {"policy_test.rego",
                         "package casemate_test\n\nimport rego.v1\n\ntest_no if false\n"}}),
               Contains("its tests fail") && Contains("test_no"));
  }
  SECTION("it answers the first question in another form") {
    CHECK_THAT(refusal({{"policy.rego", head + "decision := \"allow\"\n"}}),
               Contains("expected an object"));
  }
  SECTION("there is none") {
    CHECK_THAT(place.Refusal({.bundle = place.dir / "absent"}), Contains("expected a directory"));
    CHECK_THAT(refusal({}), Contains("empty directory"));
  }
  SECTION("it holds a link") {
    const std::string bundle = place.WriteBundle({{"policy.rego", kPolicy}});
    std::filesystem::create_symlink("/etc/hostname", bundle + "/data.json");
    CHECK_THAT(place.Refusal({.bundle = bundle}), Contains("data.json"));
  }
}

TEST_CASE("Pure functions of the time and of addresses are there", "[opa]") {
  Place place;
  const auto engine = place.Engine(R"(package casemate

import rego.v1

decision := {"effect": "allow", "rules": ["r"]} if {
	time.now_ns() > 0
	net.cidr_contains("10.0.0.0/8", input.args.address)
}
)");
  CHECK(Ask(*engine, {{"address", "10.1.2.3"}}).effect == Effect::kAllow);
  CHECK(Ask(*engine, {{"address", "11.1.2.3"}}).effect == Effect::kDeny);
}

TEST_CASE("A bundle with passing tests is served, from an archive as well", "[opa]") {
  Place place;
  const std::string bundle =
      place.WriteBundle({{"a/policy.rego", kPolicy}, {"a/policy_test.rego", kPolicyTest}});
  const std::string archive = place.dir / "bundle.tar.gz";
  REQUIRE(std::system(("tar -czf " + archive + " -C " + bundle + " a").c_str()) == 0);  // NOLINT
  for (const std::string& path : {bundle, archive}) {
    const auto engine = place.Start({.bundle = path, .budget_ms = 1000});
    INFO((engine ? "" : Describe(engine.error())));
    REQUIRE(engine);
    CHECK(Ask(**engine, {{"network", "none"}}).effect == Effect::kAllow);
  }
}

TEST_CASE("It is confined, and so is its socket", "[opa]") {
  Place place;
  std::string left;
  {
    const auto engine = place.Engine(kPolicy);
    const std::string socket = place.private_dir() + "/server-1/opa.sock";
    struct stat about{};
    REQUIRE(stat(socket.c_str(), &about) == 0);
    CHECK(S_ISSOCK(about.st_mode));
    CHECK((about.st_mode & 0777U) == 0600);
    REQUIRE(stat(place.private_dir().c_str(), &about) == 0);
    CHECK((about.st_mode & 0777U) == 0700);

    const pid_t pid = engine->status().process.pid;
    REQUIRE(pid > 0);
    const std::string proc = "/proc/" + std::to_string(pid);
    for (const char* kind : {"net", "mnt", "pid", "user", "ipc", "uts"}) {
      CHECK(std::filesystem::read_symlink(proc + "/ns/" + kind) !=
            std::filesystem::read_symlink(std::string("/proc/self/ns/") + kind));
    }
    std::ifstream devices(proc + "/net/dev");
    std::string line;
    std::vector<std::string> found;
    while (std::getline(devices, line)) {
      if (line.find(':') != std::string::npos) {
        found.push_back(line.substr(0, line.find(':')));
      }
    }
    REQUIRE(found.size() == 1);
    CHECK_THAT(found[0], Contains("lo"));
    std::ifstream status(proc + "/status");
    std::string all((std::istreambuf_iterator<char>(status)), std::istreambuf_iterator<char>());
    CHECK_THAT(all, Contains("CapEff:\t0000000000000000") && Contains("NoNewPrivs:\t1") &&
                        Contains("Seccomp:\t2"));
  }
  CHECK(place.Left().empty());
}

TEST_CASE("What it could never allow is told from what it could", "[opa]") {
  Place place;
  const auto engine = place.Engine(R"(package casemate

import rego.v1

decision := {"effect": "deny", "rules": ["never"]} if input.tool == "job_cancel"

decision := {"effect": "allow", "rules": ["run"]} if {
	input.tool == "run"
	input.principal.id == "local"
	input.args.network == "none"
}

decision := {"effect": "ask", "rules": ["fetch"]} if {
	input.tool == "fetch"
	"dev" in input.principal.roles
}
)");
  CHECK(engine->MayEverAllow("run", {}));
  CHECK(engine->MayEverAllow("run", {}));
  CHECK_FALSE(engine->MayEverAllow("run", {.id = "stranger"}));
  CHECK_FALSE(engine->MayEverAllow("job_cancel", {}));
  CHECK_FALSE(engine->MayEverAllow("unknown", {}));
  CHECK_FALSE(engine->MayEverAllow("fetch", {}));
  CHECK(engine->MayEverAllow("fetch", {.roles = {"dev"}}));
  engine->Shutdown();
  CHECK(engine->MayEverAllow("run", {}));  // as it was said before
  CHECK_FALSE(engine->MayEverAllow("fetch", {.id = "new", .roles = {"dev"}}));
}

TEST_CASE("Many calls at once get their own answers", "[opa]") {
  Place place;
  const auto engine = place.Engine(kEcho);
  constexpr int kThreads = 8;
  constexpr int kCalls = 50;
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < kCalls; ++k) {
        const std::string rule = "r-" + std::to_string(i) + "-" + std::to_string(k);
        const Decision decision =
            Ask(*engine, {{"answer", {{"effect", "allow"}, {"rules", {rule}}}}});
        right += decision.grant && decision.rule_id == rule ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(right == kThreads * kCalls);
}

}  // namespace
}  // namespace casemate::policies
