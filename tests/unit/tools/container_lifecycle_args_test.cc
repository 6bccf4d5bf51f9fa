#include "tools/container_lifecycle_args.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tools/schema_lint.h"

namespace casemate::tools {
namespace {

using nlohmann::json;

Error Refused(const json& args) {
  const auto decoded = DecodeLifecycleArgs(args);
  CAPTURE(args.dump());
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code == ErrorCode::kInvalidArgument);
  CHECK_FALSE(decoded.error().message.empty());
  return decoded.error();
}

TEST_CASE("what a new container is made from is decoded") {
  const auto decoded = DecodeLifecycleArgs(
      {{"action", "create"},
       {"image", "debian"},
       {"name", "web"},
       {"command", {"sleep", "1"}},
       {"env", {{"TOKEN", "hush"}}},
       {"workspace", "/srv/app"},
       {"network", "bridge"},
       {"ports", {{{"port", 80}}, {{"port", 53}, {"host_port", 5353}, {"protocol", "udp"}}}},
       {"user", "1000:1000"},
       {"writable_root", true},
       {"capabilities", {"NET_BIND_SERVICE"}},
       {"restart", "on-failure"},
       {"limits", {{"memory_mb", 64}, {"cpus", 0.5}}},
       {"labels", {{"tier", "web"}}}});
  INFO((decoded ? std::string() : Describe(decoded.error())));
  REQUIRE(decoded);
  const CreateArgs& create = decoded->create;
  CHECK(create.ports.size() == 2);
  CHECK(create.ports[1].host_port == 5353);
  CHECK(create.limits.memory_mb == 64);
  CHECK(create.limits.cpu_millis == 500);
  const json normal = NormaliseCreate(create, "docker.io/library/debian:latest", "/srv/app");
  CHECK(normal["image"] == "docker.io/library/debian:latest");
  CHECK(normal["env"] == json({"TOKEN"}));
  CHECK(normal["labels"] == json({{"tier", "web"}}));
  CHECK(normal["command"] == json({"sleep", "1"}));
  CHECK(normal["limits"]["memory_mb"] == 64);
  CHECK(normal["ports"][1]["protocol"] == "udp");
  CHECK(normal.dump().find("hush") == std::string::npos);
}

TEST_CASE("what nobody stated is closed, and policy is told so") {
  const auto decoded = DecodeLifecycleArgs({{"action", "create"}, {"image", "debian"}});
  REQUIRE(decoded);
  const json normal = NormaliseCreate(decoded->create, "debian", "");
  CHECK(normal["network"] == "none");
  CHECK(normal["writable_root"] == false);
  CHECK(normal["capabilities"] == json::array());
  CHECK(normal["ports"] == json::array());
  CHECK(normal["restart"] == "no");
  CHECK(normal["limits"]["memory_mb"].get<int>() > 0);
  CHECK_FALSE(normal.contains("workspace"));
  CHECK_FALSE(normal.contains("env"));
}

TEST_CASE("an error of an argument names it") {
  const json create = {{"action", "create"}, {"image", "debian"}};
  const auto with = [&](const char* name, const json& value) {
    json args = create;
    args[name] = value;
    return Refused(args).field;
  };
  CHECK(Refused(json::object()).field == "args.action");
  CHECK(Refused({{"action", "explode"}}).field == "args.action");
  CHECK(Refused({{"action", "create"}}).field == "args.image");
  CHECK(Refused({{"action", "stop"}}).field == "args.container");
  CHECK(with("name", "../etc") == "args.name");
  CHECK(with("command", {1}) == "args.command.0");
  CHECK(with("env", {{"A=B", "x"}}) == "args.env");
  CHECK(with("labels", {{"io.casemate.principal", "root"}}) == "args.labels");
  CHECK(with("workspace", "relative") == "args.workspace");
  CHECK(with("network", "host") == "args.network");
  CHECK(with("network", "container:web") == "args.network");
  CHECK(with("network", "ns:/proc/1/ns/net") == "args.network");
  CHECK(with("ports", {{{"host_port", 80}}}) == "args.ports.0.port");
  CHECK(with("ports", {{{"port", 80}, {"address", "0.0.0.0"}}}) == "args.ports.0.address");
  CHECK(with("ports", {{{"port", 65'536}}}) == "args.ports.0.port");
  CHECK(with("ports", {{{"port", 80}}}) == "args.ports");  // without a network
  for (const char* user : {"root", "0x0", ":0", "1000:", "1:2:3"}) {
    CHECK(with("user", user) == "args.user");
  }
  CHECK(with("capabilities", {"CHOWN", "SYS_ADMIN"}) == "args.capabilities");
  CHECK(with("restart", "sometimes") == "args.restart");
  CHECK(with("limits", {{"output_kb", 4}}) == "args.limits.output_kb");
  CHECK(with("limits", {{"memory_mb", 0}}) == "args.limits.memory_mb");
  CHECK(with("privileged", true) == "args.privileged");
}

TEST_CASE("arguments of another action are refused") {
  const auto with = [&](const char* action, const char* name, const json& value) {
    json args = {{"action", action}, {"container", "web"}};
    args[name] = value;
    return Refused(args).field;
  };
  CHECK(with("stop", "name", "x") == "args.name");
  CHECK(with("stop", "image", "x") == "args.image");
  CHECK(with("stop", "force", true) == "args.force");
  CHECK(with("start", "grace_s", 1) == "args.grace_s");
  CHECK(with("stop", "grace_s", 51) == "args.grace_s");
  CHECK(Refused({{"action", "pull"}, {"image", "x"}, {"container", "y"}}).field ==
        "args.container");
  CHECK(Refused({{"action", "pull"}, {"image", "x"}, {"network", "bridge"}}).field ==
        "args.network");
}

TEST_CASE("the schema of lifecycle has all that it reads, in keywords that are checked") {
  const json schema = LifecycleInputSchema();
  CHECK(LintSchema(schema));
  CHECK(schema["properties"].size() == 17);
}

}  // namespace
}  // namespace casemate::tools
