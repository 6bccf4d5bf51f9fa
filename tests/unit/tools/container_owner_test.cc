// What the tools about containers take a name for, and whose a container is.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "sandbox/container/run/image_backend.h"
#include "tests/unit/tools/scripted_engine.h"

namespace casemate::tools {
namespace {

using container::test::Ok;
using nlohmann::json;
using policies::ContainerRight;
using Policy = test::ContainerPolicy;
using Scripted = test::ScriptedEngine;
using test::kDigest;
using test::kId;

TEST_CASE("engines are asked for what was judged, never for what the caller wrote") {
  Scripted engine;
  for (const char* name : {"cafe12345678", "cafe"}) {  // the beginning of an id, to engines
    const std::string written = "GET /v1.41/images/" + std::string(name) + "/json";
    engine.Say(written, Ok(R"({"Id":"sha256:)" + std::string(64, 'b') + R"("})"));
    const auto created = engine.Prepared("container_lifecycle",
                                         {{"action", "create"}, {"image", std::string(name)}});
    CHECK_FALSE(created->context()["image"].contains("id"));
    CHECK(engine.Prepared(
              "run", {{"command", {"id"}}, {"target", {{"image", std::string(name)}}}}) != nullptr);
    CHECK_FALSE(engine.WasAsked(written));
    CHECK(engine.WasAsked("GET /v1.41/images/docker.io/library/" + std::string(name) +
                          ":latest/json"));
  }
}

TEST_CASE("what is pinned is pulled and found by its digest, whatever its tag leads to") {
  Scripted engine;
  const json args = {{"action", "pull"}, {"image", "team.example/app:prod"}};
  const std::string pull =
      "POST /v1.41/images/create?fromImage=team.example%2Fapp%40sha256%3A" + kDigest.substr(7);
  engine.Say(pull, Ok("{}\n"));
  engine.Say("GET /v1.41/images/team.example/app:prod/json",
             Ok(R"({"Id":"sha256:)" + std::string(64, '0') + R"("})"));
  const std::string id = "sha256:" + std::string(64, 'b');
  const json image = {{"Id", id}, {"RepoDigests", {"team.example/app@" + kDigest}}};
  engine.Say("GET /v1.41/images/team.example/app@" + kDigest + "/json", Ok(image.dump()));
  const ToolResult pulled = engine.Call("container_lifecycle", args, {ContainerRight::kCreate});
  INFO(pulled.text);
  REQUIRE_FALSE(pulled.is_error);
  CHECK(engine.WasAsked(pull));
  CHECK(pulled.structured["image_id"] == id);
}

TEST_CASE("an approval is for the image that a name leads to") {
  Scripted engine;
  const auto facts = [&](const std::string& id) {
    engine.Say("GET /v1.41/images/docker.io/library/debian:latest/json",
               Ok(json({{"Id", id}}).dump()));
    const auto create =
        engine.Prepared("container_lifecycle", {{"action", "create"}, {"image", "debian"}});
    const auto run =
        engine.Prepared("run", {{"command", {"id"}}, {"target", {{"image", "debian"}}}});
    CHECK(create->context()["image"] == run->context()["image"]);
    return create->context()["image"]["id"];
  };
  const std::string first = "sha256:" + std::string(64, 'b');
  const std::string second = "sha256:" + std::string(64, 'c');
  CHECK(facts(first) == first);
  CHECK(facts(second) == second);  // the tag was pulled anew
}

TEST_CASE("a container is the caller's own in the tenant of its maker only") {
  Scripted engine;
  const std::vector<std::pair<const char*, json>> calls = {
      {"container_logs", {{"container", "web"}}},
      {"container_status", {{"container", "web"}}},
      {"container_lifecycle", {{"action", "stop"}, {"container", "web"}}},
      {"run", {{"command", {"id"}}, {"target", {{"container", "web"}}}}}};
  for (const auto& [tool, args] : calls) {
    INFO(tool);
    engine.HasOf("local", "tester", "service");
    CHECK(engine.Prepared(tool, args)->context()["container"]["own"] == true);
    engine.HasOf("elsewhere", "tester", "service");
    CHECK(engine.Prepared(tool, args)->context()["container"]["own"] == false);
  }
}

TEST_CASE("a running call of somebody else is not found, in the words of what is not there") {
  Scripted engine;
  const auto calls = [](const std::string& name) {
    return std::vector<std::pair<const char*, json>>{
        {"container_logs", {{"container", name}}},
        {"container_status", {{"container", name}}},
        {"container_lifecycle", {{"action", "kill"}, {"container", name}}},
        {"container_optimize", {{"container", name}}},
        {"run", {{"command", {"id"}}, {"target", {{"container", name}}}}}};
  };
  for (const auto& [tenant, principal] :
       {std::pair("local", "somebody"), {"elsewhere", "tester"}, {"", ""}}) {
    engine.HasOf(tenant, principal, "run");
    const auto hidden = calls("web");
    const auto absent = calls("ghost");
    for (std::size_t i = 0; i < hidden.size(); ++i) {
      const auto& [tool, args] = hidden[i];
      INFO(tool);
      auto prepared = engine.tool(tool).Prepare(args, {});
      REQUIRE(prepared);
      const auto bound = (*prepared)->Bind({.id = "tester"});
      REQUIRE_FALSE(bound);
      const auto missing = engine.tool(tool).Prepare(absent[i].second, {});
      REQUIRE_FALSE(missing);
      CHECK(bound.error().code == missing.error().code);
      CHECK(bound.error().field == missing.error().field);
      CHECK(bound.error().remedy == missing.error().remedy);
      CHECK(bound.error().message == "there is no container `web`");
      CHECK(missing.error().message == "there is no container `ghost`");
    }
  }
  // Its caller's it is, and labels of an image hide nothing.
  engine.HasOf("local", "tester", "run");
  for (const auto& [tool, args] : calls("web")) {
    CHECK(engine.Prepared(tool, args) != nullptr);
  }
  engine.Has("web", {{"Config", {{"Labels", {{container::kLabelPurpose, "run"}}}}}});
  CHECK(engine.Prepared("container_logs", {{"container", "web"}}) != nullptr);
}

TEST_CASE("the operator sees the running calls of others, and no tool touches them") {
  Scripted engine;
  engine.HasOf("acme", "somebody", "run");
  const policies::Principal operates;
  for (const auto& [tool, args] :
       {std::pair<const char*, json>("container_lifecycle",
                                     {{"action", "kill"}, {"container", "web"}}),
        {"run", {{"command", {"id"}}, {"target", {{"container", "web"}}}}}}) {
    auto prepared = engine.tool(tool).Prepare(args, {});
    REQUIRE(prepared);
    REQUIRE((*prepared)->Bind(operates));
    CHECK((*prepared)->context()["container"]["own"] == false);
    CallContext context;
    const ToolResult refused =
        (*prepared)->Run(Policy::GrantOf({ContainerRight::kUse, ContainerRight::kUnlimited,
                                          ContainerRight::kPrivilegedTargets}),
                         context);
    INFO(refused.text);
    REQUIRE(refused.is_error);
    CHECK(refused.structured["error"]["kind"] == "permission_denied");
    CHECK(refused.text.find("running call of somebody else") != std::string::npos);
  }
  for (const std::string& line : engine.asked()) {
    CHECK(line.starts_with("GET "));
  }
}

TEST_CASE("a list leaves out the running calls of others, not what only has their labels") {
  Scripted engine;
  const auto row = [](const std::string& id, const char* name, const char* principal) {
    return json{{"Id", id},
                {"Names", {std::string("/") + name}},
                {"Image", "debian"},
                {"State", "exited"},
                {"Status", "Exited (0)"},
                {"Labels",
                 {{container::kLabelTenant, "local"},
                  {container::kLabelPrincipal, principal},
                  {container::kLabelPurpose, "run"}}}};
  };
  const std::string posing(64, 'd');
  engine.HasOf("local", "somebody", "run");
  engine.Say("GET /v1.41/containers/" + posing + "/json",
             Ok(json({{"Id", posing}, {"Name", "/posing"}}).dump()));
  engine.Say(
      "GET /v1.41/containers/json?all=1",
      Ok(json::array({row(kId, "theirs", "somebody"), row(std::string(64, 'e'), "mine", "tester"),
                      row(posing, "posing", "somebody"),
                      row(std::string(64, 'f'), "gone", "somebody")})
             .dump()));
  const ToolResult result = engine.Call("container_status", json::object());
  INFO(result.text);
  CHECK(result.text == "mine  Exited (0)  debian\nposing  Exited (0)  debian\n");
  CHECK(result.structured["total"] == 2);
}

}  // namespace
}  // namespace casemate::tools
