// container_optimize over real engines: what a plan names is there, and what is executed is gone or
// changed, and nothing else.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/hash.h"
#include "policies/engine/policy_engine.h"
#include "sandbox/container/containers.h"
#include "sandbox/container/guard/protocol.h"
#include "sandbox/container/oci/tar_header.h"
#include "sandbox/container/run/image_backend.h"
#include "tests/unit/temp_dir.h"
#include "tools/container_tools.h"

namespace casemate::tools {
namespace {

using container::ContainerDetails;
using container::EngineKind;
using container::EngineReply;
using nlohmann::json;

constexpr std::int64_t kPatienceNs = 30'000'000'000;
constexpr std::int64_t kMiB = std::int64_t{1} << 20;

class Policy : public policies::PolicyEngine {
 public:
  static policies::Grant All() {
    policies::Rights all;
    all.limits = {.memory_mb = 1024,
                  .cpu_millis = 1000,
                  .pids = 512,
                  .wall_ms = 60'000,
                  .output_kb = 64,
                  .disk_mb = 64};
    all.workspace = policies::WorkspaceAccess::kHostWrite;
    all.containers = policies::ContainerRights::All();
    return Issue(all, "test-decision", {.id = "tester"});
  }
};

std::string Variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  INFO("start this by ctest, or: tests/engines/with-engines --docker --podman -- COMMAND");
  REQUIRE(value != nullptr);
  return value;
}

// One engine, the tool on it, and what was made there, which goes with the object.
class Yard {
 public:
  explicit Yard(const std::string& variable)
      : containers_(OptionsFor(variable, directory_.path())),
        tool_(MakeContainerOptimizeTool(containers_)) {
    context.principal = {"tester", "acme", {}, {}};
    auto found = containers_.engine();
    INFO((found ? std::string() : Describe(found.error())));
    REQUIRE(found);
    engine = *found;
  }
  Yard(const Yard&) = delete;
  Yard& operator=(const Yard&) = delete;
  ~Yard() {
    for (const std::string& id : made_) {
      [[maybe_unused]] const auto removed = engine->Remove(id, true);
    }
    for (const std::string& image : images_) {
      container::EngineRequest request;
      request.method = "DELETE";
      request.target = "/v1.41/images/" + image;
      [[maybe_unused]] const auto removed = engine->transport().Exchange(request, {});
    }
    [[maybe_unused]] const auto pruned = engine->PruneBuildCache();
  }

  // Of the caller, bounded, with a root that can be written to.
  std::string MakeOwn(const std::string& script) {
    const auto image = containers_.FindImage(Variable("CASEMATE_TEST_IMAGE"));
    REQUIRE(image);
    REQUIRE(image->details);
    container::ContainerSpecBuilder builder(Policy::All(), {image->details->id, false},
                                            engine->info());
    builder.Limits({.memory_mb = 256,
                    .cpu_millis = 500,
                    .pids = 64,
                    .wall_ms = 1000,
                    .output_kb = 64,
                    .disk_mb = 16});
    builder.spec().command = {"sh", "-c", script};
    builder.spec().user = "0:0";
    builder.spec().read_only_root = false;
    builder.spec().capabilities = {"DAC_OVERRIDE"};
    builder.spec().labels = {{container::kLabelPrincipal, "tester"},
                             {container::kLabelTenant, "acme"},
                             {container::kLabelPurpose, "service"}};
    auto files = containers_.GuardFiles();
    REQUIRE(files);
    builder.OwnFiles(*files, container::guard::kDirectory);
    auto spec = std::move(builder).Build();
    REQUIRE(spec);
    auto id = engine->Create(*spec);
    INFO((id ? std::string() : Describe(id.error())));
    REQUIRE(id);
    return Started(*id);
  }
  // As somebody else makes it, without limits.
  std::string MakeOther(const std::string& script) {
    const EngineReply reply =
        Post("/v1.41/containers/create", json({{"Image", Variable("CASEMATE_TEST_IMAGE")},
                                               {"Cmd", {"sh", "-c", script}},
                                               {"HostConfig", {{"NetworkMode", "none"}}}})
                                             .dump());
    REQUIRE(reply.status == 201);
    return Started(json::parse(reply.body)["Id"]);
  }
  std::string Commit(const std::string& container, const std::string& tag) {
    const EngineReply reply =
        Post("/v1.41/commit?container=" + container + (tag.empty() ? "" : "&repo=" + tag), "{}");
    INFO(reply.body);
    REQUIRE(reply.status == 201);
    std::string id = json::parse(reply.body)["Id"];
    id = id.find(':') == std::string::npos ? "sha256:" + id : id;
    images_.push_back(id);
    return id;
  }
  EngineReply Post(const std::string& target, std::string body,
                   const std::string& type = "application/json") const {
    container::EngineRequest request;
    request.method = "POST";
    request.target = target;
    request.body = std::move(body);
    request.content_type = type;
    auto reply = engine->transport().Exchange(request, {});
    INFO((reply ? std::string() : Describe(reply.error())));
    REQUIRE(reply);
    return *std::move(reply);
  }

  ToolResult Call(const json& args) {
    auto call = tool_->Prepare(args, {});
    INFO((call ? std::string() : Describe(call.error())));
    REQUIRE(call);
    REQUIRE((*call)->Bind(context.principal));
    return (*call)->Run(Policy::All(), context);
  }
  // The id of the action; empty: there is none.
  static std::string IdOf(const ToolResult& plan, const std::string& kind,
                          const std::string& container = "") {
    for (const json& action : plan.structured["actions"]) {
      if (action["kind"] == kind &&
          (container.empty() || action.value("container", "") == container)) {
        return action["id"];
      }
    }
    return {};
  }
  ToolResult Execute(const ToolResult& plan, const std::string& id) {
    return Call({{"plan_id", plan.structured["plan_id"]}, {"actions", {id}}});
  }
  // Plans until there is such an action.
  ToolResult PlanWith(const json& args, const std::string& kind, const std::string& container) {
    const std::int64_t until = MonotonicNs() + kPatienceNs;
    while (true) {
      ToolResult plan = Call(args);
      INFO(plan.text);
      REQUIRE_FALSE(plan.is_error);
      if (!IdOf(plan, kind, container).empty()) {
        return plan;
      }
      REQUIRE(MonotonicNs() < until);
    }
  }
  [[nodiscard]] ContainerDetails Look(const std::string& id) const {
    auto details = engine->Inspect(id);
    REQUIRE(details);
    return *std::move(details);
  }
  [[nodiscard]] bool HasImage(const std::string& id) const { return engine->InspectImage(id).ok(); }

  CallContext context;
  std::shared_ptr<const container::Engine> engine;

 private:
  static container::ContainersOptions OptionsFor(const std::string& variable,
                                                 const std::string& directory) {
    container::ContainersOptions options;
    options.socket = Variable(variable);
    options.images = {*container::ParseImageRule("casemate-test/*", "images"),
                      *container::ParseImageRule("localhost/casemate-test/*", "images")};
    options.directory = directory;
    options.engine_directory = directory;
    options.incarnation = "test-" + RandomHex(8);
    return options;
  }
  std::string Started(const std::string& id) {
    made_.push_back(id);
    auto started = engine->Start(id);
    INFO((started ? std::string() : Describe(started.error())));
    REQUIRE(started);
    return id;
  }

  casemate::testing::TempDir directory_;
  container::Containers containers_;
  std::unique_ptr<Tool> tool_;
  std::vector<std::string> made_;
  std::vector<std::string> images_;
};

}  // namespace

TEST_CASE("zombies: a restart ends them, once") {
  const std::string variable = GENERATE("CASEMATE_TEST_DOCKER", "CASEMATE_TEST_PODMAN");
  INFO(variable);
  Yard yard(variable);
  // The first process does not wait for what it started; at its second start it starts nothing.
  const std::string id = yard.MakeOther(
      "[ -e /done ] && exec sleep 100000; touch /done; "
      "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do true & done; exec sleep 100000");
  const ToolResult plan = yard.PlanWith(json::object(), "restart_container", id);
  const ContainerDetails before = yard.Look(id);
  const ToolResult done = yard.Execute(plan, Yard::IdOf(plan, "restart_container", id));
  INFO(done.text);
  REQUIRE_FALSE(done.is_error);
  CHECK(done.structured["actions"][0]["status"] == "done");
  CHECK(done.text.find("0 zombies instead of 12") != std::string::npos);
  CHECK(yard.Look(id).started_ms > before.started_ms);
  CHECK(yard.Look(id).summary.state == "running");
  // Used up, and no longer called for.
  CHECK(yard.Execute(plan, Yard::IdOf(plan, "restart_container", id)).is_error);
  CHECK(Yard::IdOf(yard.Call(json::object()), "restart_container", id).empty());
}

TEST_CASE("stopped containers: one's own, and that of somebody else only when it is named") {
  const std::string variable = GENERATE("CASEMATE_TEST_DOCKER", "CASEMATE_TEST_PODMAN");
  INFO(variable);
  Yard yard(variable);
  const std::string script = "dd if=/dev/zero of=/file bs=1048576 count=3 2>/dev/null";
  const std::string own = yard.MakeOwn(script);
  const std::string other = yard.MakeOther(script);
  REQUIRE(yard.engine->Wait(own, {}));
  REQUIRE(yard.engine->Wait(other, {}));
  const ToolResult all = yard.PlanWith(json::object(), "remove_stopped", own);
  CHECK(Yard::IdOf(all, "remove_stopped", other).empty());
  CHECK_FALSE(Yard::IdOf(all, "stopped_of_others").empty());
  const ToolResult done = yard.Execute(all, Yard::IdOf(all, "remove_stopped", own));
  INFO(done.text);
  REQUIRE_FALSE(done.is_error);
  CHECK(done.structured["freed"]["disk_bytes"] >= 3 * kMiB);
  CHECK(yard.engine->Inspect(own).error().code == ErrorCode::kNotFound);

  const ToolResult named = yard.PlanWith({{"container", other}}, "remove_stopped", other);
  // Started and ended once more, it is another run: nobody planned to remove that.
  REQUIRE(yard.engine->Start(other));
  REQUIRE(yard.engine->Wait(other, {}));
  const ToolResult skipped = yard.Execute(named, Yard::IdOf(named, "remove_stopped", other));
  CHECK(skipped.structured["actions"][0]["status"] == "skipped");
  CHECK(yard.Look(other).summary.id == other);
}

TEST_CASE("limits are set on Docker, and are advice on Podman, which forgets them") {
  const std::string variable = GENERATE("CASEMATE_TEST_DOCKER", "CASEMATE_TEST_PODMAN");
  INFO(variable);
  Yard yard(variable);
  const std::string id = yard.MakeOther("exec sleep 100000");
  if (yard.engine->info().kind == EngineKind::kPodman) {
    const ToolResult plan = yard.PlanWith({{"container", id}}, "missing_limits", id);
    CHECK(Yard::IdOf(plan, "set_limits", id).empty());
    return;
  }
  const ToolResult plan = yard.PlanWith({{"container", id}}, "set_limits", id);
  const ToolResult done = yard.Execute(plan, Yard::IdOf(plan, "set_limits", id));
  INFO(done.text);
  REQUIRE_FALSE(done.is_error);
  CHECK(yard.Look(id).limits.memory_bytes == 256 * kMiB);
  CHECK(yard.Look(id).limits.pids == 256);
  CHECK(yard.Look(id).summary.state == "running");
  CHECK(Yard::IdOf(yard.Call({{"container", id}}), "set_limits", id).empty());
}

TEST_CASE("images without a name go; those with one, or named meanwhile, stay") {
  const std::string variable = GENERATE("CASEMATE_TEST_DOCKER", "CASEMATE_TEST_PODMAN");
  INFO(variable);
  Yard yard(variable);
  const std::string maker =
      yard.MakeOther("dd if=/dev/urandom of=/file bs=1048576 count=2 2>/dev/null");
  REQUIRE(yard.engine->Wait(maker, {}));
  const std::string nameless = yard.Commit(maker, "");
  const std::string named = yard.Commit(maker, "kept");
  const ToolResult plan = yard.PlanWith(json::object(), "prune_images", "");
  const ToolResult done = yard.Execute(plan, Yard::IdOf(plan, "prune_images"));
  INFO(plan.structured.dump(1) << "\n" << done.text);
  REQUIRE_FALSE(done.is_error);
  CHECK(done.structured["actions"][0]["status"] == "done");
  CHECK_FALSE(yard.HasImage(nameless));
  CHECK(yard.HasImage(named));
  CHECK(done.structured["actions"][0].contains("freed_bytes"));

  const std::string second = yard.Commit(maker, "");
  const ToolResult again = yard.PlanWith(json::object(), "prune_images", "");
  REQUIRE(yard.Post("/v1.41/images/" + second + "/tag?repo=wanted&tag=1", "").status == 201);
  const ToolResult skipped = yard.Execute(again, Yard::IdOf(again, "prune_images"));
  INFO(skipped.text);
  CHECK(skipped.structured["actions"][0]["status"] == "skipped");
  CHECK(yard.HasImage(second));
}

TEST_CASE("build cache that nothing uses is removed from Docker") {
  Yard yard("CASEMATE_TEST_DOCKER");
  const std::string steps = "FROM " + Variable("CASEMATE_TEST_IMAGE") +
                            "\nRUN dd if=/dev/zero of=/file bs=1048576 count=4\nRUN rm /file\n";
  std::string tar;
  oci::TarEntry entry;
  entry.path = "Dockerfile";
  entry.mode = 0644;
  entry.size = static_cast<std::int64_t>(steps.size());
  oci::AppendTarHeader(entry, tar);
  tar += steps;
  oci::AppendTarPadding(entry.size, tar);
  oci::AppendTarEnd(tar);
  const EngineReply built =
      yard.Post("/v1.41/build?version=2&networkmode=none&t=built:1", tar, "application/x-tar");
  INFO(built.body);
  REQUIRE(built.status == 200);
  // What the image has, too, would free nothing.
  const auto image = yard.engine->InspectImage("built:1");
  REQUIRE(image);
  REQUIRE(yard.engine->RemoveImage(image->id));
  const ToolResult plan = yard.PlanWith(json::object(), "prune_build_cache", "");
  const ToolResult done = yard.Execute(plan, Yard::IdOf(plan, "prune_build_cache"));
  INFO(plan.structured.dump(1) << "\n" << done.text);
  REQUIRE_FALSE(done.is_error);
  CHECK(done.structured["freed"]["disk_bytes"] >= 4 * kMiB);
  const auto disk = yard.engine->DiskUse();
  REQUIRE(disk);
  CHECK(disk->idle_cache_bytes == 0);
}

}  // namespace casemate::tools
