// container_optimize on an engine whose answers a test decides: planning changes nothing, and what
// is executed is what was planned, judged and still holds.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "fixtures.h"
#include "optimize_world.h"

namespace casemate::tools::test {
namespace {

using Catch::Contains;
using policies::ContainerRight;

json Execute(const ToolResult& plan, const std::vector<std::string>& ids) {
  return {{"plan_id", plan.structured["plan_id"]}, {"actions", ids}};
}

bool IsNotFound(const ToolResult& result) {
  return result.is_error && result.structured["error"]["kind"] == "not_found" &&
         result.structured["error"]["field"] == "args.plan_id";
}

TEST_CASE("a plan names all there is to do, and changes nothing") {
  World world;
  const ToolResult plan = world.Call(json::object());
  INFO(plan.text);
  REQUIRE_FALSE(plan.is_error);
  CheckConforms(plan.structured, world.tool().spec().output_schema);
  CHECK(plan.structured["status"] == "planned");
  CHECK(plan.structured.contains("expires_at"));
  for (const char* kind : {"set_limits", "restart_container"}) {
    World::IdOf(plan, kind, kWeb);
    World::IdOf(plan, kind, kOther);
  }
  World::IdOf(plan, "remove_stopped", kOld);
  World::IdOf(plan, "prune_images");
  World::IdOf(plan, "prune_build_cache");
  CHECK_THAT(plan.text, Contains("Nothing was changed") && Contains("interrupts") &&
                            Contains("Not seen: processes of 2 containers"));
  CHECK(world.changes.empty());
}

TEST_CASE("a plan for one container says nothing of others") {
  World world;
  auto call = world.Prepare({{"container", "other"}}, world.ann);
  REQUIRE(call);
  CHECK((*call)->normalised() == json({{"phase", "plan"}, {"container", kOther}}));
  CHECK((*call)->context()["container"]["own"] == false);
  const ToolResult plan = (*call)->Run(Grants::Of({}), world.context);
  REQUIRE_FALSE(plan.is_error);
  for (const json& action : plan.structured["actions"]) {
    CHECK(action["container"] == kOther);
  }
  CHECK(plan.structured["actions"].size() == 2);
  const auto missing = world.Prepare({{"container", "none"}}, world.ann);
  CHECK(missing.error().code == ErrorCode::kNotFound);
}

TEST_CASE("nothing to execute leaves no plan") {
  World world;
  world.memory[kWeb] = 1 * kMiB;
  const ToolResult plan = world.Call({{"container", "web"}});
  CHECK_FALSE(plan.structured.contains("plan_id"));
  CHECK_THAT(plan.text, Contains("Nothing to execute in 1 container."));
}

TEST_CASE("policy, approver and trail see the actions in full, and whose containers they concern") {
  World world;
  const ToolResult plan = world.Call(json::object());
  const std::string own = World::IdOf(plan, "restart_container", kWeb);
  const std::string removal = World::IdOf(plan, "remove_stopped", kOld);
  const std::string other = World::IdOf(plan, "restart_container", kOther);
  const std::string images = World::IdOf(plan, "prune_images");
  auto call = world.Prepare(Execute(plan, {removal, own}), world.ann);
  REQUIRE(call);
  json args = (*call)->normalised();
  json facts = (*call)->context();
  CHECK(args["phase"] == "execute");
  REQUIRE(args["actions"].size() == 2);
  for (const json& action : args["actions"]) {
    CHECK(std::ranges::count(plan.structured["actions"], action) == 1);
  }
  CHECK(facts["plan"]["valid"] == true);
  CHECK(facts["containers_all_own"] == true);
  CHECK(facts["engine_wide"] == false);
  CHECK(facts["interrupts"] == true);
  CHECK(facts["containers"].size() == 2);
  CHECK_FALSE(facts.contains("container"));

  const auto policy = ShippedPolicy();
  const policies::Principal local;
  const auto decide = [&](const json& actions_of, const json& context) {
    return policy->Decide({"container_optimize", local, actions_of, context, policies::NoHistory()})
        .effect;
  };
  CHECK(decide(args, facts) == policies::Effect::kAllow);

  call = world.Prepare(Execute(plan, {own, other}), world.ann);
  CHECK((*call)->context()["containers_all_own"] == false);
  CHECK(decide((*call)->normalised(), (*call)->context()) == policies::Effect::kDeny);
  call = world.Prepare(Execute(plan, {other}), world.ann);
  CHECK((*call)->context()["container"]["own"] == false);
  CHECK(decide((*call)->normalised(), (*call)->context()) == policies::Effect::kDeny);
  // Images are nobody's own.
  call = world.Prepare(Execute(plan, {images}), world.ann);
  CHECK((*call)->context()["containers_all_own"] == false);
  CHECK((*call)->context()["engine_wide"] == true);
  CHECK((*call)->normalised()["actions"][0]["images"] == json::array({kImage}));
  CHECK(decide((*call)->normalised(), (*call)->context()) == policies::Effect::kDeny);
  call = world.Prepare(json::object(), world.ann);
  CHECK(decide((*call)->normalised(), (*call)->context()) == policies::Effect::kAllow);
  CHECK(world.changes.empty());
}

TEST_CASE("whoever made a container is who Casemate says, not a label alone") {
  World world;
  const auto may_remove = [&] {
    const ToolResult plan = world.Call(json::object());
    return plan.text.find("remove_stopped-cccccccccccc old") != std::string::npos;
  };
  CHECK(may_remove());
  world.details[kOld]["Config"]["Labels"]["io.casemate.principal"] = "bob";
  CHECK_FALSE(may_remove());
  world.details[kOld]["Config"]["Labels"]["io.casemate.principal"] = "ann";
  CHECK(may_remove());
  world.details[kOld]["Config"]["Labels"]["io.casemate.tenant"] = "globex";
  CHECK_FALSE(may_remove());
  world.details[kOld]["Config"]["Labels"]["io.casemate.tenant"] = "acme";
  world.details[kOld]["Mounts"] = json::array();  // an image's label
  CHECK_FALSE(may_remove());
}

TEST_CASE("running calls of others are in no plan") {
  World world;
  world.details[kWeb]["Config"]["Labels"]["io.casemate.purpose"] = "run";
  const auto looked_at = [&](const char* count) {
    const std::string text = world.Call(json::object()).structured.dump();
    return text.find("processes of " + std::string(count) + " containers") != std::string::npos;
  };
  CHECK(looked_at("2"));
  CHECK(world.Prepare({{"container", "web"}}, world.ann));
  world.details[kWeb]["Config"]["Labels"]["io.casemate.principal"] = "bob";
  CHECK(looked_at("1"));
  const auto named = world.Prepare({{"container", "web"}}, world.ann);
  REQUIRE_FALSE(named);
  CHECK(named.error().code == ErrorCode::kNotFound);
}

TEST_CASE("what was chosen is done, nothing else, and what it freed is measured") {
  World world;
  const ToolResult plan = world.Call(json::object());
  const ToolResult done = world.Call(Execute(
      plan,
      {World::IdOf(plan, "restart_container", kOther), World::IdOf(plan, "remove_stopped", kOld),
       World::IdOf(plan, "prune_images"), World::IdOf(plan, "prune_build_cache")}));
  INFO(done.text);
  REQUIRE_FALSE(done.is_error);
  CheckConforms(done.structured, world.tool().spec().output_schema);
  CHECK(done.structured["status"] == "completed");
  for (const json& action : done.structured["actions"]) {
    CHECK(action["status"] == "done");
  }
  CHECK(done.structured["freed"]["memory_bytes"] == 400 * kMiB);
  CHECK(done.structured["freed"]["disk_bytes"] == 200 + 77 + 40);
  CHECK(done.audit["actions"].size() == 4);
  std::ranges::sort(world.changes);
  CHECK(world.changes ==
        std::vector<std::string>{"DELETE /v1.41/containers/" + kOld + "?v=1",
                                 "DELETE /v1.41/images/" + kImage, "POST /v1.41/build/prune",
                                 "POST /v1.41/containers/" + kOther + "/restart?t=10"});
}

TEST_CASE("limits are set as planned, before a restart that is then not needed") {
  World world;
  const ToolResult plan = world.Call({{"container", "web"}});
  // Named the other way round.
  const json execute = Execute(
      plan, {World::IdOf(plan, "restart_container", kWeb), World::IdOf(plan, "set_limits", kWeb)});
  const ToolResult done = world.Call(execute);
  REQUIRE(world.changes.size() == 2);
  CHECK(world.changes[0] == "POST /v1.41/containers/" + kWeb +
                                "/update{\"Memory\":805306368,\"MemorySwap\":1073741824}");
  CHECK(done.structured["actions"][0]["kind"] == "set_limits");
}

TEST_CASE("a plan of somebody else, an unknown, an expired and a used one are all not found") {
  World world;
  ToolResult plan = world.Call(json::object());
  const std::string id = World::IdOf(plan, "restart_container", kWeb);
  const json execute = Execute(plan, {id});

  world.context.principal = {"eve", "acme", {}, {}};
  auto of_eve = world.Prepare(execute, world.context.principal);
  REQUIRE(of_eve);
  // The trail of the other holds nothing of it.
  CHECK((*of_eve)->normalised()["actions"] == json::array({{{"id", id}}}));
  CHECK((*of_eve)->context() == json({{"plan", {{"valid", false}}}}));
  CHECK(IsNotFound((*of_eve)->Run(Grants::Usual(), world.context)));
  // Bound to one, run for another.
  auto stolen = world.Prepare(execute, world.ann);
  CHECK(IsNotFound((*stolen)->Run(Grants::Usual(), world.context)));
  world.context.principal = world.ann;

  CHECK(IsNotFound(world.Call({{"plan_id", "0123"}, {"actions", {id}}})));
  auto late = world.Prepare(execute, world.ann);
  world.now_ns += 600'000'000'000;
  CHECK(IsNotFound((*late)->Run(Grants::Usual(), world.context)));
  CHECK(IsNotFound(world.Call(execute)));
  CHECK(world.changes.empty());

  plan = world.Call(json::object());
  const json once = Execute(plan, {World::IdOf(plan, "prune_build_cache")});
  auto replayed = world.Prepare(once, world.ann);
  CHECK_FALSE(world.Call(once).is_error);
  CHECK(world.changes.size() == 1);
  CHECK(IsNotFound((*replayed)->Run(Grants::Usual(), world.context)));
  CHECK(IsNotFound(world.Call(once)));
  CHECK(IsNotFound(world.Call(Execute(plan, {id}))));
  CHECK(world.changes.size() == 1);
}

TEST_CASE("a call that was never bound to a caller does nothing") {
  World world;
  const ToolResult plan = world.Call(json::object());
  const auto call = world.tool().Prepare(Execute(plan, {World::IdOf(plan, "prune_images")}), {});
  CHECK((*call)->context()["plan"]["valid"] == false);
  CHECK((*call)->Run(Grants::Usual(), world.context).is_error);
  CHECK(world.changes.empty());
}

TEST_CASE("ids that are none, and advice, are refused by name") {
  World world;
  world.details[kWeb]["RestartCount"] = 9;
  const ToolResult plan = world.Call(json::object());
  const std::string good = World::IdOf(plan, "prune_images");
  const std::string advice = World::IdOf(plan, "many_restarts", kWeb);
  for (const std::string& id : {std::string("a99"), std::string("A1"), advice}) {
    CAPTURE(id);
    auto call = world.Prepare(Execute(plan, {good, id}), world.ann);
    CHECK((*call)->context()["plan"]["valid"] == false);
    const ToolResult refused = (*call)->Run(Grants::Usual(), world.context);
    CHECK(refused.structured["error"]["kind"] == "invalid_arguments");
    CHECK(refused.structured["error"]["field"] == "args.actions.1");
  }
  CHECK_THAT(world.Call(Execute(plan, {advice})).text, Contains("which is advice"));
  CHECK(world.changes.empty());
  const auto field = [&](const json& args) {
    auto call = world.tool().Prepare(args, {});
    return call ? std::string("none") : call.error().field;
  };
  CHECK(field({{"plan_id", "x"}}) == "args.actions");
  CHECK(field({{"plan_id", "x"}, {"actions", json::array()}}) == "args.actions");
  CHECK(field({{"actions", {"a1"}}}) == "args.plan_id");
  CHECK(field({{"plan_id", "x"}, {"actions", {"a1"}}, {"container", "web"}}) == "args.container");
  CHECK(field({{"plan_id", "x"}, {"actions", {"a1", "a1"}}}) == "args.actions.1");
  CHECK(field({{"plan_id", "x"}, {"actions", {7}}}) == "args.actions.0");
  CHECK(field({{"plan", "x"}}) == "args.plan");
}

TEST_CASE("without the rights nothing is done, and the plan stays") {
  World world;
  world.details[kWeb]["HostConfig"]["Privileged"] = true;
  const ToolResult plan = world.Call(json::object());
  const auto refused = [&](const json& execute, const policies::Grant& grant) {
    const ToolResult result = world.Call(execute, grant);
    CHECK(result.structured["error"]["kind"] == "permission_denied");
    return result.structured["error"]["message"].get<std::string>();
  };
  const json cache = Execute(plan, {World::IdOf(plan, "prune_build_cache")});
  const json other = Execute(
      plan, {World::IdOf(plan, "prune_build_cache"), World::IdOf(plan, "set_limits", kOther)});
  const json web = Execute(plan, {World::IdOf(plan, "restart_container", kWeb)});
  CHECK_THAT(refused(cache, Grants::Of({ContainerRight::kUse})), Contains("`reclaim`"));
  CHECK_THAT(refused(other, Grants::Of({ContainerRight::kReclaim})), Contains("`use`"));
  CHECK_THAT(refused(web, Grants::Usual()), Contains("`privileged_targets`"));
  // 768 MiB are asked for.
  CHECK_THAT(refused(other, Grants::Of({ContainerRight::kUse, ContainerRight::kReclaim}, 767)),
             Contains("at most 767"));
  CHECK(world.changes.empty());
  CHECK_FALSE(world.Call(cache, Grants::Of({ContainerRight::kReclaim})).is_error);
}

TEST_CASE("what has changed meanwhile is skipped and said") {
  World world;
  const ToolResult plan = world.Call(json::object());
  const json execute = Execute(
      plan, {World::IdOf(plan, "restart_container", kWeb), World::IdOf(plan, "set_limits", kOther),
             World::IdOf(plan, "remove_stopped", kOld), World::IdOf(plan, "prune_images")});
  // Made anew under the same name; eased; started; given a name.
  world.Add(std::string(64, 'e'), "web", "running", true);
  world.details.erase(kWeb);
  world.memory[kOther] = 10 * kMiB;
  world.details[kOld]["State"]["Status"] = "running";
  world.image_tags = {"wanted:1"};
  const ToolResult done = world.Call(execute);
  INFO(done.text);
  CHECK_FALSE(done.is_error);
  for (const json& action : done.structured["actions"]) {
    CHECK(action["status"] == "skipped");
  }
  CHECK_THAT(done.text, Contains("removed meanwhile") && Contains("its reason has gone") &&
                            Contains("it was exited and is running") &&
                            Contains("have a name or a container now"));
  CHECK(world.changes.empty());
  CHECK(done.structured["freed"].empty());
}

TEST_CASE("an id of one plan is the same action in the next one, or none") {
  World world;
  const ToolResult first = world.Call(json::object());
  world.memory[kOther] = 511 * kMiB;  // it comes before the other now
  world.details.erase(kOld);
  const ToolResult second = world.Call(json::object());
  for (const std::string& id : {kWeb, kOther}) {
    for (const char* kind : {"restart_container", "set_limits"}) {
      CHECK(World::IdOf(first, kind, id) == World::IdOf(second, kind, id));
    }
  }
  CHECK(World::IdOf(first, "prune_images") == World::IdOf(second, "prune_images"));
  CHECK(World::IdOf(first, "restart_container", kWeb) == "restart_container-aaaaaaaaaaaa");
  const ToolResult gone = world.Call(Execute(second, {World::IdOf(first, "remove_stopped", kOld)}));
  CHECK(gone.structured["error"]["kind"] == "invalid_arguments");
  CHECK(world.changes.empty());
}

TEST_CASE("what a container reaches by another one takes the right for it, in each plan") {
  World world;
  world.details[kWeb]["HostConfig"]["NetworkMode"] = "host";
  world.details[kOther]["HostConfig"]["NetworkMode"] = "container:" + kWeb;
  for (const json& args : {json::object(), json{{"container", "other"}}}) {
    const ToolResult plan = world.Call(args);
    const json execute = Execute(plan, {World::IdOf(plan, "restart_container", kOther)});
    CHECK(world.Prepare(execute, world.ann).value()->context()["container"]["dangers"] ==
          json({"host_network"}));
    CHECK_THAT(world.Call(execute).text, Contains("`privileged_targets`"));
  }
  CHECK(world.changes.empty());
}

TEST_CASE("what reaches more of the host than policy was told is left alone") {
  World world;
  world.details[kOther]["HostConfig"]["NetworkMode"] = "container:" + kWeb;
  const ToolResult plan = world.Call(json::object());
  const json execute = Execute(plan, {World::IdOf(plan, "restart_container", kOther)});
  world.details[kWeb]["HostConfig"]["NetworkMode"] = "host";
  const ToolResult done = world.Call(execute);
  CHECK(done.structured["actions"][0]["status"] == "skipped");
  CHECK_THAT(done.text, Contains("reaches more of the host"));
  CHECK(world.changes.empty());
}

TEST_CASE("build cache that has grown since the plan is left alone") {
  const auto status_with = [](int entries, int bytes) {
    World world;
    const auto cache_of = [](int count, int size) {
      json cache = json::array();
      for (int i = 0; i < count; ++i) {
        cache.push_back({{"Size", size / count}, {"InUse", false}, {"Shared", false}});
      }
      return cache;
    };
    world.disk["BuildCache"] = cache_of(20, 40'000);
    const ToolResult plan = world.Call(json::object());
    world.disk["BuildCache"] = cache_of(entries, bytes);
    const ToolResult done = world.Call(Execute(plan, {World::IdOf(plan, "prune_build_cache")}));
    INFO(done.text);
    const std::string status = done.structured["actions"][0]["status"];
    CHECK(world.changes.size() == (status == "done" ? 1 : 0));
    CHECK((status == "done" || done.text.find("has grown to") != std::string::npos));
    return status;
  };
  CHECK(status_with(20, 40'000) == "done");
  CHECK(status_with(22, 44'000) == "done");
  CHECK(status_with(10, 20'000) == "done");
  CHECK(status_with(23, 40'000) == "skipped");
  CHECK(status_with(20, 44'020) == "skipped");
}

TEST_CASE("logs that are not seen are said, and containers that the engine cannot describe") {
  World world;
  world.details[kOld]["LogPath"] = "/no/such/directory/log";
  CHECK_THAT(world.Call(json::object()).text, Contains("logs of 1 containers"));
  CHECK_THAT(world.Call({{"container", "old"}}).text, Contains("logs of 1 containers"));
  world.refusals["GET /v1.41/containers/" + kOld + "/json"] =
      container::test::Answer("500 Internal Server Error", R"({"message":"broken"})");
  const ToolResult plan = world.Call(json::object());
  REQUIRE_FALSE(plan.is_error);
  CHECK_THAT(plan.text, Contains("Not seen: ") && Contains("broken"));
}

TEST_CASE("an image that a container uses now is left alone") {
  World world;
  const ToolResult plan = world.Call(json::object());
  world.disk["Images"][0]["Containers"] = 1;
  const ToolResult done = world.Call(Execute(plan, {World::IdOf(plan, "prune_images")}));
  CHECK(done.structured["actions"][0]["status"] == "skipped");
  CHECK(world.changes.empty());
}

TEST_CASE("an action that fails is an error, and the others are done") {
  World world;
  const ToolResult plan = world.Call(json::object());
  world.refusals["POST /v1.41/containers/" + kWeb + "/restart"] =
      container::test::Answer("500 Internal Server Error", R"({"message":"stuck"})");
  const ToolResult done = world.Call(Execute(plan, {World::IdOf(plan, "restart_container", kWeb),
                                                    World::IdOf(plan, "prune_build_cache")}));
  CHECK(done.is_error);
  CHECK(done.structured["status"] == "failed");
  CHECK(done.structured["actions"][0]["status"] == "failed");
  CHECK(done.structured["actions"][1]["status"] == "done");
  CHECK_THAT(done.text, Contains("stuck"));
}

TEST_CASE("a service that does not come up again is told") {
  World world;
  const ToolResult plan = world.Call({{"container", "web"}});
  world.dies_at_restart = true;
  const ToolResult done = world.Call(Execute(plan, {World::IdOf(plan, "restart_container", kWeb)}));
  CHECK(done.is_error);
  CHECK(done.structured["actions"][0]["status"] == "failed");
  CHECK_THAT(done.text,
             Contains("has ended again with exit code 5") && Contains("see container_status"));
}

TEST_CASE("after a cancellation nothing further is begun") {
  World world;
  const ToolResult plan = world.Call(json::object());
  std::stop_source stop;
  stop.request_stop();
  world.context.stop = stop.get_token();
  const ToolResult done = world.Call(
      Execute(plan, {World::IdOf(plan, "prune_build_cache"), World::IdOf(plan, "prune_images")}));
  CHECK(done.is_error);
  CHECK(done.structured["status"] == "cancelled");
  CHECK(done.structured["actions"][0]["status"] == "not_begun");
  CHECK(world.changes.empty());
}

TEST_CASE("one that its engine has locked is in no plan, which says so") {
  World world;
  world.refusals["GET /v1.41/containers/" + kOther + "/json"] = "";  // no answer
  const ToolResult plan = world.Call(json::object());
  REQUIRE_FALSE(plan.is_error);
  World::IdOf(plan, "restart_container", kWeb);
  CHECK_THAT(plan.text, Contains("inspecting the container " + kOther.substr(0, 12)));
}

TEST_CASE("an engine that does not tell its disk use still gets a plan, which says so") {
  World world;
  world.refusals["GET /v1.41/system/df"] =
      container::test::Answer("500 Internal Server Error", R"({"message":"already running"})");
  const ToolResult plan = world.Call(json::object());
  REQUIRE_FALSE(plan.is_error);
  World::IdOf(plan, "restart_container", kWeb);
  CHECK_THAT(plan.text, Contains("disk use") && Contains("already running"));
}

}  // namespace
}  // namespace casemate::tools::test
