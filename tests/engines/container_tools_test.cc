// The tools about containers, on real engines.
#include "tools/container_tools.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/hash.h"
#include "policies/engine/policy_engine.h"
#include "sandbox/native/launcher_client.h"
#include "sandbox/native/runner.h"
#include "tests/unit/temp_dir.h"

namespace casemate::tools {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using policies::ContainerRight;

constexpr std::int64_t kPatienceNs = 20'000'000'000;

class Policy : public policies::PolicyEngine {
 public:
  static policies::Grant Give(const std::vector<ContainerRight>& rights, const char* principal) {
    policies::Rights all;
    all.limits = {.memory_mb = 256,
                  .cpu_millis = 1000,
                  .pids = 64,
                  .wall_ms = 60'000,
                  .output_kb = 64,
                  .disk_mb = 64};
    all.workspace = policies::WorkspaceAccess::kHostWrite;
    for (const ContainerRight right : rights) {
      all.containers.Add(right);
    }
    return Issue(all, "test-decision", {.id = principal});
  }
};

const std::vector<ContainerRight> kEveryday = {ContainerRight::kCreate, ContainerRight::kUnpinned,
                                               ContainerRight::kUse};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  INFO("start this by ctest, or: tests/engines/with-engines --docker --podman -- COMMAND");
  REQUIRE(value != nullptr);
  return value;
}

// One engine with the tools; removes what a test left in it.
class Place {
 public:
  explicit Place(const std::string& variable)
      : roots_{{directory_.path() + "/root", true}}, containers_(Options(variable)) {
    fs::create_directories(roots_.front().path);
    fs::permissions(directory_.path(), fs::perms(0755));
    auto started = sandbox::LauncherClient::Start("unit-tools-" + RandomHex(8),
                                                  sandbox::Mode::kStrict, 0, roots_);
    REQUIRE(started);
    launcher_ = *std::move(started);
    runner_ = std::make_unique<sandbox::SandboxRunner>(*launcher_);
    tools_ = MakeContainerTools(containers_, *runner_, {.roots = roots_});
    auto engine = containers_.engine();
    INFO((engine ? std::string() : Describe(engine.error())));
    REQUIRE(engine);
    engine_ = *std::move(engine);
  }
  ~Place() {
    if (auto all = engine_->List({}); all) {
      for (const auto& each : *all) {
        [[maybe_unused]] const auto removed = engine_->Remove(each.id, true);
      }
    }
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  Result<std::unique_ptr<PreparedCall>> Prepare(const std::string& name, const json& args,
                                                const char* principal = "tester") const {
    for (const auto& tool : tools_) {
      if (tool->spec().name == name) {
        auto prepared = tool->Prepare(args, {});
        if (prepared) {
          if (auto bound = (*prepared)->Bind(policies::Principal{.id = principal}); !bound) {
            return std::move(bound).error();
          }
        }
        return prepared;
      }
    }
    return InvalidArgument("tool", "expected a tool of containers, got " + name);
  }
  ToolResult Call(const std::string& name, const json& args,
                  const std::vector<ContainerRight>& rights = kEveryday,
                  ProgressSink* progress = nullptr) const {
    auto prepared = Prepare(name, args);
    if (!prepared) {
      return ErrorResult(prepared.error());
    }
    CallContext context;
    context.principal.id = "tester";
    context.progress = progress;
    return (*prepared)->Run(Policy::Give(rights, "tester"), context);
  }
  // A container that runs `script`.
  std::string Made(const std::string& script, json more = json::object()) const {
    json args = {{"action", "create"}, {"image", Image()}, {"command", {"/bin/sh", "-c", script}}};
    args.update(more);
    const ToolResult made =
        Call("container_lifecycle", args,
             {ContainerRight::kCreate, ContainerRight::kUnpinned, ContainerRight::kRoot});
    INFO(made.text);
    REQUIRE_FALSE(made.is_error);
    return made.structured["container"];
  }
  ToolResult Do(const char* action, const std::string& container) const {
    return Call("container_lifecycle", {{"action", action}, {"container", container}});
  }
  [[nodiscard]] static std::string Image() { return Variable("CASEMATE_TEST_IMAGE"); }
  [[nodiscard]] const container::Engine& engine() const { return *engine_; }
  [[nodiscard]] std::string root() const { return roots_.front().path; }
  [[nodiscard]] std::size_t Count() const {
    const auto all = engine_->List({});
    REQUIRE(all);
    return all->size();
  }
  // What other programs make: a request of their own.
  std::string MadeByOthers(json body) const {
    body["Image"] = Image();
    container::EngineRequest request;
    request.method = "POST";
    request.target = "/v1.41/containers/create";
    request.body = body.dump();
    request.content_type = "application/json";
    const auto reply = engine_->transport().Exchange(request, {});
    REQUIRE(reply);
    INFO(reply->body);
    REQUIRE(reply->status == 201);
    return json::parse(reply->body)["Id"];
  }

 private:
  container::ContainersOptions Options(const std::string& variable) const {
    container::ContainersOptions options;
    options.socket = Variable(variable.c_str());
    options.images = {*container::ParseImageRule("casemate-test/*", "images"),
                      *container::ParseImageRule("localhost/casemate-test/*", "images")};
    options.directory = directory_.path() + "/containers";
    options.engine_directory = options.directory;
    options.incarnation = "test-" + RandomHex(8);
    return options;
  }

  testing::TempDir directory_;
  std::vector<policies::WorkspaceRoot> roots_;
  container::Containers containers_;
  std::unique_ptr<sandbox::LauncherClient> launcher_;
  std::unique_ptr<sandbox::SandboxRunner> runner_;
  std::vector<std::unique_ptr<Tool>> tools_;
  std::shared_ptr<const container::Engine> engine_;
};

std::string AnyEngine() {
  return GENERATE("CASEMATE_TEST_DOCKER", "CASEMATE_TEST_PODMAN");
}

// What a program does takes it a while.
template <typename Look>
bool Eventually(const Look& look) {
  const std::int64_t deadline = MonotonicNs() + kPatienceNs;
  while (MonotonicNs() < deadline) {
    if (look()) {
      return true;
    }
    std::this_thread::yield();
  }
  return look();
}

}  // namespace

TEST_CASE("the life of a service") {
  const Place place(AnyEngine());
  const std::string id = place.Made("echo ready; exec httpd -f -p 8080",
                                    {{"name", "web"}, {"labels", {{"tier", "front"}}}});
  ToolResult status;
  REQUIRE(Eventually([&] {
    status = place.Call("container_status", {{"container", "web"}});
    return !status.is_error && !status.structured["container"]["services"].empty();
  }));
  INFO(status.text);
  const json& shown = status.structured["container"];
  CHECK(shown["id"] == id);
  CHECK(shown["state"] == "running");
  CHECK(shown["services"][0]["ports"] == json({"8080/tcp"}));
  CHECK(shown["use"]["memory_bytes"].get<std::int64_t>() > 0);
  CHECK(shown["use"].contains("cpu_percent"));
  CHECK(shown["limits"]["pids"] == 64);
  CHECK(shown["labels"]["tier"] == "front");
  CHECK(shown["labels"]["io.casemate.purpose"] == "service");
  CHECK(shown["labels"]["io.casemate.principal"] == "tester");
  CHECK(shown["labels"]["io.casemate.tenant"] == "local");
  CHECK(shown["diagnosis"] == "");
  CHECK(status.text.find("8080/tcp") != std::string::npos);
  CHECK(place.Call("container_logs", {{"container", "web"}}).text == "ready\n");

  const ToolResult list = place.Call("container_status", json::object());
  INFO(list.text);
  CHECK(list.structured["total"] == 1);
  CHECK(list.text.find("web  ") == 0);
  CHECK(list.text.find("mem ") != std::string::npos);

  for (const auto& [action, state] : {std::pair("pause", "paused"),
                                      {"unpause", "running"},
                                      {"stop", "exited"},
                                      {"start", "running"},
                                      {"restart", "running"},
                                      {"kill", "exited"}}) {
    const ToolResult done = place.Do(action, "web");
    INFO(action << ": " << done.text);
    REQUIRE_FALSE(done.is_error);
    // A kill is told to the engine before the process has ended.
    CHECK(Eventually([&, wanted = std::string(state)] {
      const auto now = place.engine().Inspect(id);
      return now && now->summary.state == wanted;
    }));
  }
  CHECK_FALSE(place.Do("remove", "web").is_error);
  CHECK(place.Count() == 0);
}

TEST_CASE("a service is confined, and its own maker's") {
  const Place place(AnyEngine());
  const std::string id = place.Made(
      "id -u; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status; touch /x && echo "
      "writable; "
      "echo y > /tmp/y && cat /tmp/y; unshare -r true && echo unshared; "
      "echo \"[$SECRET]\"; exec sleep 1000",
      {{"env", {{"SECRET", "hush"}}}});
  ToolResult logs;
  REQUIRE(Eventually([&] {
    logs = place.Call("container_logs", {{"container", id}, {"stream", "stdout"}});
    return logs.text.find("[hush]") != std::string::npos;
  }));
  INFO(logs.text);
  CHECK(logs.text.find("65532\n") == 0);
  CHECK(logs.text.find("CapEff:\t0000000000000000") != std::string::npos);
  CHECK(logs.text.find("NoNewPrivs:\t1") != std::string::npos);
  CHECK(logs.text.find("Seccomp:\t2") != std::string::npos);
  CHECK(logs.text.find("writable") == std::string::npos);
  CHECK(logs.text.find("\ny\n") != std::string::npos);
  CHECK(logs.text.find("unshared") == std::string::npos);
  const auto mine = place.Prepare("container_logs", {{"container", id}});
  REQUIRE(mine);
  CHECK((*mine)->context()["container"]["own"] == true);
  CHECK_FALSE((*mine)->context().contains("untrusted"));
  const auto theirs = place.Prepare("container_logs", {{"container", id}}, "somebody");
  REQUIRE(theirs);
  CHECK((*theirs)->context()["container"]["own"] == false);
  CHECK((*theirs)->context()["untrusted"] == true);
}

TEST_CASE("each opening of a new container takes its right, and a refusal leaves nothing") {
  const Place place(AnyEngine());
  const auto refused = [&](const json& more, std::vector<ContainerRight> rights,
                           const char* named) {
    json args = {{"action", "create"}, {"image", Place::Image()}, {"command", {"true"}}};
    args.update(more);
    const ToolResult result = place.Call("container_lifecycle", args, rights);
    INFO(result.text);
    CHECK(result.is_error);
    CHECK(result.text.find(named) != std::string::npos);
  };
  refused(json::object(), {}, "`create`");
  refused(json::object(), {ContainerRight::kCreate}, "`unpinned`");
  refused({{"network", "bridge"}}, kEveryday, "`network`");
  refused({{"network", "bridge"}, {"ports", {{{"port", 80}}}}},
          {ContainerRight::kCreate, ContainerRight::kUnpinned, ContainerRight::kNetwork},
          "`ports`");
  refused({{"ports", {{{"port", 80}}}}}, kEveryday, "args.ports");
  refused({{"user", "0:0"}}, kEveryday, "`root`");
  refused({{"writable_root", true}}, kEveryday, "`writable_root`");
  refused({{"capabilities", {"CHOWN"}}}, kEveryday, "`capabilities`");
  refused({{"capabilities", {"SYS_ADMIN"}}}, kEveryday, "args.capabilities");
  refused({{"user", "nobody"}}, kEveryday, "args.user");
  refused({{"limits", {{"memory_mb", 512}}}}, kEveryday, "args.limits.memory_mb");
  refused({{"workspace", "/etc"}}, kEveryday, "args.workspace");
  refused({{"image", "casemate-test/absent:1"}}, kEveryday, "pull");
  CHECK(place.Count() == 0);
}

TEST_CASE("a service that cannot work is told at once") {
  const Place place(AnyEngine());
  const ToolResult made = place.Call(
      "container_lifecycle", {{"action", "create"},
                              {"image", Place::Image()},
                              {"command", {"/bin/sh", "-c", "echo no config >&2; exit 3"}}});
  INFO(made.text);
  REQUIRE_FALSE(made.is_error);
  CHECK(made.structured["exit_code"] == 3);
  CHECK(made.text.find("It has ended already.") != std::string::npos);
  CHECK(made.text.find("no config") != std::string::npos);
  const ToolResult missing =
      place.Call("container_lifecycle",
                 {{"action", "create"}, {"image", Place::Image()}, {"command", {"/no/such"}}});
  INFO(missing.text);
  CHECK(missing.structured["exit_code"] == 127);
}

TEST_CASE("a workspace that was exchanged runs nothing, at any start") {
  const Place place(AnyEngine());
  const std::string work = place.root() + "/work";
  const std::string other = place.root() + "/other";
  for (const std::string& path : {work, other}) {
    fs::create_directory(path);
    fs::permissions(path, fs::perms::all);
  }
  const std::string id =
      place.Made("echo $PWD > started; exec sleep 1000", {{"workspace", work}, {"name", "work"}});
  REQUIRE(Eventually([&] { return fs::exists(work + "/started"); }));
  REQUIRE_FALSE(
      place.Call("container_lifecycle", {{"action", "stop"}, {"container", id}, {"grace_s", 0}})
          .is_error);
  // The honest directory, once more.
  fs::remove(work + "/started");
  const ToolResult again = place.Do("start", id);
  INFO(again.text);
  REQUIRE(Eventually([&] { return fs::exists(work + "/started"); }));
  REQUIRE_FALSE(
      place.Call("container_lifecycle", {{"action", "stop"}, {"container", id}, {"grace_s", 0}})
          .is_error);
  fs::rename(work, place.root() + "/moved");
  fs::rename(other, work);
  const ToolResult exchanged = place.Do("start", id);
  INFO(exchanged.text);
  CHECK(exchanged.structured["exit_code"] == 125);
  CHECK_FALSE(fs::exists(work + "/started"));
}

TEST_CASE("logs are followed until their time is over") {
  const Place place(AnyEngine());
  class Heard : public ProgressSink {
   public:
    void Report(double, std::optional<double>, std::string_view message) override {
      text += message;
    }
    std::string text;
  } heard;
  const std::string id =
      place.Made("i=0; while true; do i=$((i+1)); echo line $i; sleep 0.1; done");
  const ToolResult logs =
      place.Call("container_logs", {{"container", id}, {"follow_s", 1}}, kEveryday, &heard);
  INFO(logs.text);
  CHECK_FALSE(logs.is_error);
  CHECK(logs.structured["lines"].get<int>() > 3);
  CHECK(heard.text.find("line 1\n") == 0);
  const ToolResult found =
      place.Call("container_logs", {{"container", id}, {"grep", "^line [12]$"}, {"tail", 1}});
  CHECK(found.text.find("line 2\n") == 0);
  CHECK(place.Call("container_logs", {{"container", id}, {"since", "2100-01-01T00:00:00Z"}}).text ==
        "No lines.\n");
}

TEST_CASE("containers of others: labels prove nothing, and what is dangerous is seen") {
  const Place place(AnyEngine());
  const std::string posed = place.MadeByOthers({{"Cmd", {"true"}},
                                                {"Labels",
                                                 {{"io.casemate.principal", "tester"},
                                                  {"io.casemate.tenant", "local"},
                                                  {"io.casemate.purpose", "service"}}}});
  const auto call = place.Prepare("container_logs", {{"container", posed}});
  REQUIRE(call);
  CHECK((*call)->context()["container"]["own"] == false);
  CHECK((*call)->context()["untrusted"] == true);
  const std::string dangerous = place.MadeByOthers(
      {{"Cmd", {"true"}}, {"HostConfig", {{"Privileged", true}, {"PidMode", "host"}}}});
  const ToolResult refused = place.Do("start", dangerous);
  INFO(refused.text);
  REQUIRE(refused.is_error);
  CHECK(refused.text.find("`privileged_targets`") != std::string::npos);
  CHECK(place.engine().Inspect(dangerous)->started_ms == 0);
}

TEST_CASE("the running calls of others are not found") {
  const Place place(AnyEngine());
  const std::string id = place.Made("exec sleep 1000");
  auto details = place.engine().Inspect(id);
  REQUIRE(details);
  // As the server makes them for `run`: the same mounts, another purpose.
  json mounts = json::array();
  for (const auto& mount : details->mounts) {
    if (mount.kind == "bind") {
      mounts.push_back({{"Type", "bind"},
                        {"Source", mount.source},
                        {"Target", mount.destination},
                        {"ReadOnly", true}});
    }
  }
  const std::string run = place.MadeByOthers(
      {{"Cmd", {"true"}},
       {"Labels", {{"io.casemate.principal", "somebody"}, {"io.casemate.purpose", "run"}}},
       {"HostConfig", {{"Mounts", mounts}}}});
  const json remove = {{"action", "remove"}, {"container", run}, {"force", true}};
  for (const auto& [tool, args] : {std::pair<const char*, json>("container_lifecycle", remove),
                                   {"container_logs", {{"container", run}}},
                                   {"container_status", {{"container", run}}}}) {
    const ToolResult refused = place.Call(tool, args);
    INFO(refused.text);
    REQUIRE(refused.is_error);
    CHECK(refused.structured["error"]["kind"] == "not_found");
  }
  CHECK(place.Call("container_status", json::object()).structured["total"] == 1);
  // The operator sees it, and leaves it alone.
  const auto seen = place.Prepare("container_lifecycle", remove, "local");
  REQUIRE(seen);
  CallContext context;
  const ToolResult refused = (*seen)->Run(Policy::Give(kEveryday, "local"), context);
  INFO(refused.text);
  REQUIRE(refused.is_error);
  CHECK(refused.structured["error"]["kind"] == "permission_denied");
  CHECK(place.engine().Inspect(run));
}

TEST_CASE("what was removed behind our back is not found") {
  const Place place(AnyEngine());
  const std::string id = place.Made("exec sleep 1000");
  auto call = place.Prepare("container_status", {{"container", id}});
  REQUIRE(call);
  REQUIRE(place.engine().Remove(id, true));
  CallContext context;
  const ToolResult result = (*call)->Run(Policy::Give({}, "tester"), context);
  INFO(result.text);
  REQUIRE(result.is_error);
  CHECK(result.structured["error"]["kind"] == "not_found");
}

}  // namespace casemate::tools
