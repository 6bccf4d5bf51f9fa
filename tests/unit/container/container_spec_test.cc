// What a new container may be: closed unless the grant names the opening.
#include "sandbox/container/run/container_spec.h"

#include <functional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "sandbox/container/engine/create_body.h"
#include "sandbox/container/run/image_backend.h"
#include "tests/unit/container/fixtures.h"

namespace casemate::container {
namespace {

using policies::ContainerRight;

EngineInfo GoodEngine() {
  EngineInfo engine;
  engine.holds_memory = engine.holds_cpu = engine.holds_pids = true;
  engine.log_driver = "json-file";
  return engine;
}

class Policy : public policies::PolicyEngine {
 public:
  static policies::Grant GrantOf(const std::vector<ContainerRight>& rights,
                                 policies::WorkspaceAccess access) {
    policies::Rights all;
    all.limits = {.memory_mb = 128,
                  .cpu_millis = 500,
                  .pids = 32,
                  .wall_ms = 60'000,
                  .output_kb = 64,
                  .disk_mb = 16};
    all.workspace = access;
    for (const ContainerRight right : rights) {
      all.containers.Add(right);
    }
    return Issue(all, "test-decision", {.id = "tester"});
  }
};

struct Asked {
  std::string what;
  std::vector<ContainerRight> rights;  // all that it needs beside `create`
  std::function<void(ContainerSpecBuilder&)> change;
  bool is_pinned = true;
  EngineInfo engine = GoodEngine();
  policies::WorkspaceAccess access = policies::WorkspaceAccess::kPrivateOnly;
};

Result<ContainerSpec> Made(const Asked& asked, const std::vector<ContainerRight>& rights) {
  ContainerSpecBuilder builder(Policy::GrantOf(rights, asked.access),
                               {"sha256:" + std::string(64, 'a'), asked.is_pinned}, asked.engine);
  builder.spec().user = "1000:1000";
  if (asked.change) {
    asked.change(builder);
  }
  return std::move(builder).Build();
}

std::function<void(ContainerSpecBuilder&)> Set(const std::function<void(ContainerSpec&)>& change) {
  return [change](ContainerSpecBuilder& builder) { change(builder.spec()); };
}

EngineInfo Without(bool EngineInfo::* member) {
  EngineInfo engine = GoodEngine();
  engine.*member = false;
  return engine;
}

std::vector<Asked> Openings() {
  return {
      {"the least", {}, {}},
      {"a tag", {ContainerRight::kUnpinned}, {}, false},
      {"a network", {ContainerRight::kNetwork}, Set([](auto& spec) { spec.network = "bridge"; })},
      {"a port", {ContainerRight::kNetwork, ContainerRight::kPorts}, Set([](auto& spec) {
         spec.network = "bridge";
         spec.ports = {{.port = 80}};
       })},
      {"root", {ContainerRight::kRoot}, Set([](auto& spec) { spec.user = "0:5"; })},
      {"root in other digits", {ContainerRight::kRoot}, Set([](auto& spec) { spec.user = "00"; })},
      {"a root to write to", {ContainerRight::kWritableRoot}, Set([](auto& spec) {
         spec.read_only_root = false;
       })},
      {"a capability", {ContainerRight::kCapabilities}, Set([](auto& spec) {
         spec.capabilities = {"CHOWN"};
       })},
      {"no memory limit",
       {ContainerRight::kUnlimited},
       {},
       true,
       Without(&EngineInfo::holds_memory)},
      {"no cpu limit", {ContainerRight::kUnlimited}, {}, true, Without(&EngineInfo::holds_cpu)},
      {"no pids limit", {ContainerRight::kUnlimited}, {}, true, Without(&EngineInfo::holds_pids)},
  };
}

}  // namespace

TEST_CASE("each opening of a new container needs its right, and no other") {
  for (const Asked& asked : Openings()) {
    CAPTURE(asked.what);
    std::vector<ContainerRight> all = asked.rights;
    all.push_back(ContainerRight::kCreate);
    const auto made = Made(asked, all);
    INFO((made ? std::string() : Describe(made.error())));
    CHECK(made);
    for (const ContainerRight missing : all) {
      CAPTURE(policies::ToString(missing));
      std::vector<ContainerRight> others;
      for (std::size_t i = 0; i < policies::kContainerRightNames.size(); ++i) {
        if (static_cast<ContainerRight>(i) != missing) {
          others.push_back(static_cast<ContainerRight>(i));
        }
      }
      const auto refused = Made(asked, others);
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code == ErrorCode::kPermissionDenied);
      CHECK(refused.error().message.find("`" + std::string(policies::ToString(missing)) + "`") !=
            std::string::npos);
    }
  }
}

TEST_CASE("what no right opens is refused with all of them") {
  const std::vector<Asked> never = {
      {"the host's network", {}, Set([](auto& spec) { spec.network = "host"; })},
      {"another's network", {}, Set([](auto& spec) { spec.network = "container:db"; })},
      {"a namespace", {}, Set([](auto& spec) { spec.network = "ns:/proc/1/ns/net"; })},
      {"a port to everybody", {}, Set([](auto& spec) {
         spec.network = "bridge";
         spec.ports = {{.port = 80, .host_address = "0.0.0.0"}};
       })},
      {"a port without a network", {}, Set([](auto& spec) { spec.ports = {{.port = 80}}; })},
      {"SYS_ADMIN", {}, Set([](auto& spec) { spec.capabilities = {"SYS_ADMIN"}; })},
      {"ALL", {}, Set([](auto& spec) { spec.capabilities = {"ALL"}; })},
      {"a user by name", {}, Set([](auto& spec) { spec.user = "root"; })},
      {"no user", {}, Set([](auto& spec) { spec.user.clear(); })},
      {"an image by name", {}, Set([](auto& spec) { spec.image_id = "debian:12"; })},
      {"an odd restart", {}, Set([](auto& spec) { spec.restart_policy = "sometimes"; })},
      {"a path of two lines",
       {},
       [](auto& builder) { builder.HostWorkspace("/a\nb", "/workspace", true); },
       true,
       GoodEngine(),
       policies::WorkspaceAccess::kHostWrite},
      {"a workspace that was not granted",
       {},
       [](auto& builder) { builder.HostWorkspace("/srv", "/workspace", false); }},
      {"writing to what may be read",
       {},
       [](auto& builder) { builder.HostWorkspace("/srv", "/workspace", true); },
       true,
       GoodEngine(),
       policies::WorkspaceAccess::kHostRead},
  };
  std::vector<ContainerRight> all;
  for (std::size_t i = 0; i < policies::kContainerRightNames.size(); ++i) {
    all.push_back(static_cast<ContainerRight>(i));
  }
  for (const Asked& asked : never) {
    CAPTURE(asked.what);
    CHECK_FALSE(Made(asked, all));
  }
}

TEST_CASE("limits are never above those of the grant") {
  const auto made = Made(
      {"much", {}, Set([](auto& spec) { spec.limits = {.memory_mb = 1 << 20, .pids = 9000}; })},
      {ContainerRight::kCreate});
  REQUIRE(made);
  CHECK(made->limits.memory_mb == 128);
  CHECK(made->limits.pids == 32);
}

TEST_CASE("the request says what the specification is, and nothing that opens more") {
  auto made = Made({"the least", {}, {}}, {ContainerRight::kCreate});
  REQUIRE(made);
  const nlohmann::json body = CreateBody(*made, GoodEngine());
  const nlohmann::json& host = body["HostConfig"];
  CHECK(host["ReadonlyRootfs"] == true);
  CHECK(host["Privileged"] == false);
  CHECK(host["CapDrop"] == nlohmann::json({"ALL"}));
  CHECK(host["CapAdd"].empty());
  CHECK(host["SecurityOpt"] == nlohmann::json({"no-new-privileges"}));
  CHECK(host["NetworkMode"] == "none");
  CHECK(host["Memory"] == 128 << 20);
  CHECK(host["MemorySwap"] == 128 << 20);
  CHECK(host["NanoCpus"] == 500'000'000);
  CHECK(host["PidsLimit"] == 32);
  CHECK_FALSE(host.contains("PidMode"));
  CHECK_FALSE(host.contains("UsernsMode"));
  CHECK_FALSE(host.contains("Devices"));
}

TEST_CASE("who may change its user may be signalled by its guard") {
  const auto made =
      Made({"SETUID", {}, Set([](auto& spec) { spec.capabilities = {"SETUID", "SETGID"}; })},
           {ContainerRight::kCreate, ContainerRight::kCapabilities});
  REQUIRE(made);
  CHECK(made->capabilities == std::vector<std::string>{"SETUID", "SETGID", "KILL"});
}

TEST_CASE("volumes of an image become bounded, unless something is mounted there") {
  const auto made = Made({"volumes",
                          {},
                          [](ContainerSpecBuilder& builder) {
                            builder.spec().tmpfs = {{"/tmp", 1 << 20, 01777}};
                            builder.CoverVolumes({"/data", "/tmp", "/", "relative"}, 5 << 20);
                          }},
                         {ContainerRight::kCreate});
  REQUIRE(made);
  REQUIRE(made->tmpfs.size() == 2);
  CHECK(made->tmpfs[1].destination == "/data");
  CHECK(made->tmpfs[1].size_bytes == 5 << 20);
}

TEST_CASE("health checks are run by the guard, and none that nobody asked for") {
  auto made = Made({"the least", {}, {}}, {ContainerRight::kCreate});
  REQUIRE(made);
  const auto check = [&] { return CreateBody(*made, GoodEngine())["Healthcheck"]; };
  CHECK(check()["Test"] == nlohmann::json({"NONE"}));
  made->health_check = {.test = {"CMD", "ok", "a b"}, .interval_ns = 7, .retries = 3};
  CHECK(check()["Test"] == nlohmann::json({"CMD", "/.casemate/guard", "health",
                                           "6f6b006120620"
                                           "0"}));
  CHECK(check()["Interval"] == 7);
  CHECK(check()["Retries"] == 3);
  made->health_check.test = {"CMD-SHELL", "x"};
  CHECK(check()["Test"][3] == "2f62696e2f7368002d63007800");
}

TEST_CASE("what containers write is kept within bounds, or not at all") {
  auto made = Made({"the least", {}, {}}, {ContainerRight::kCreate});
  REQUIRE(made);
  EngineInfo engine = GoodEngine();
  const auto log = [&] { return CreateBody(*made, engine)["HostConfig"]["LogConfig"]; };
  CHECK(log()["Type"] == "json-file");
  CHECK(log()["Config"]["max-size"] == "16777216");
  CHECK(log()["Config"]["max-file"] == "2");
  engine.log_driver = "journald";  // takes no bounds: its administrator's choice
  CHECK(log().is_null());
  engine.kind = EngineKind::kPodman;
  CHECK(log()["Type"] == "k8s-file");
  CHECK(log()["Config"]["max-size"] == "16777216");
  made->keeps_log = false;
  CHECK(log() == nlohmann::json({{"Type", "none"}}));
}

TEST_CASE("labels say who made a container, and in which tenant") {
  CHECK(OwnLabels(test::TestPolicy::Everything(), "server-1", "run") ==
        Labels{{"io.casemate.incarnation", "server-1"},
               {"io.casemate.principal", "tester"},
               {"io.casemate.tenant", "local"},
               {"io.casemate.purpose", "run"}});
}

}  // namespace casemate::container
