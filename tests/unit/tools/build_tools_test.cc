// The tools of the toolset `build` over directories of this test.
#include "tools/build_tools.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "fixtures.h"
#include "policies/engine/policy_engine.h"
#include "sandbox/native/launcher_client.h"
#include "tools/catalog.h"
#include "tools/dockerfile/syntax.h"
#include "tools/places.h"
#include "tools/reply_budget.h"

namespace casemate::tools {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;
using nlohmann::json;
using policies::WorkspaceAccess;

class WorkspacePolicy : public policies::PolicyEngine {
 public:
  static policies::Grant GrantOf(WorkspaceAccess access) {
    policies::Rights rights;
    rights.workspace = access;
    return Issue(rights, "test-decision", {.id = "tester"});
  }
};

// `root` can be written to, `library` is only read, `outside` is not for tools.
struct Bench {
  test::TempDir directory;
  std::unique_ptr<sandbox::LauncherClient> launcher;
  std::unique_ptr<sandbox::SandboxRunner> runner;
  std::map<std::string, std::unique_ptr<Tool>> tools;

  Bench() {
    for (const char* name : {"root", "library", "outside"}) {
      fs::create_directories(At(name));
    }
    const std::vector<policies::WorkspaceRoot> roots = {{At("root"), true}, {At("library"), false}};
    auto started = sandbox::LauncherClient::Start("unit-build-" + RandomHex(8),
                                                  sandbox::Mode::kStrict, 0, roots);
    REQUIRE(started);
    launcher = *std::move(started);
    runner = std::make_unique<sandbox::SandboxRunner>(*launcher);
    for (auto& tool : MakeBuildTools(*runner, {.roots = roots, .config_file = "/etc/c.yaml"})) {
      tools[tool->spec().name] = std::move(tool);
    }
  }
  [[nodiscard]] std::string At(const std::string& name) const {
    return directory.path() + "/" + name;
  }
  void Write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(At(name)).parent_path());
    std::ofstream(At(name), std::ios::binary) << text;
  }
  void WriteService(const std::string& name, int port = 3000) const {
    Write(name + "/package.json", R"({"name": "svc", "scripts": {"start": "node server.js"},)"
                                  R"( "dependencies": {"express": "4"}})");
    Write(name + "/server.js", "require('express')().listen(process.env.PORT || " +
                                   std::to_string(port) + ")\nprocess.env.DATABASE_URL\n");
  }
  [[nodiscard]] std::unique_ptr<PreparedCall> Prepared(const std::string& name,
                                                       const json& args) const {
    auto prepared = tools.at(name)->Prepare(args, {});
    INFO((prepared ? std::string() : Describe(prepared.error())));
    REQUIRE(prepared);
    return *std::move(prepared);
  }
  [[nodiscard]] ToolResult Call(const std::string& name, const json& args,
                                WorkspaceAccess access = WorkspaceAccess::kHostRead,
                                const std::stop_token& stop = {}) const {
    CallContext context;
    context.stop = stop;
    ToolResult result = Prepared(name, args)->Run(WorkspacePolicy::GrantOf(access), context);
    INFO(result.text);
    CHECK(IsValidUtf8(result.text));
    CHECK(DumpJson(result.structured) == result.structured.dump());  // valid UTF-8
    if (!result.is_error) {
      test::CheckConforms(result.structured, tools.at(name)->spec().output_schema);
      CHECK(result.audit["status"] == "completed");
    }
    return result;
  }
  [[nodiscard]] Error Refusal(const std::string& name, const json& args) const {
    const auto prepared = tools.at(name)->Prepare(args, {});
    REQUIRE_FALSE(prepared);
    return prepared.error();
  }
};

json ErrorOf(const ToolResult& result) {
  REQUIRE(result.is_error);
  return result.structured["error"];
}

TEST_CASE("the tools of builds describe themselves within what models can afford") {
  const Bench bench;
  std::size_t bytes = 0;
  for (const auto& [name, tool] : bench.tools) {
    INFO(name);
    const ToolSpec& spec = tool->spec();
    CHECK(spec.toolset == "build");
    CHECK(spec.annotations.read_only == !name.starts_with("generate_"));
    CHECK(spec.annotations.destructive == name.starts_with("generate_"));
    CHECK(spec.input_schema["additionalProperties"] == false);
    bytes += spec.description.size() + spec.input_schema.dump().size() +
             spec.output_schema.dump().size();
  }
  CHECK(bench.tools.size() == 4);
  CHECK(bytes < 11'000);
}

TEST_CASE("a project is analysed, with where each value was read") {
  const Bench bench;
  bench.WriteService("root/shop");
  const ToolResult result = bench.Call("project_analyze", {{"workspace", bench.At("root/shop")}});
  CHECK_THAT(result.text, Contains(".: svc, a service") && Contains("(package.json, express)"));
  const json& app = result.structured["apps"][0];
  CHECK(app["framework"]["value"] == "express");
  CHECK(app["ports"][0]["value"] == 3000);
  CHECK(result.structured["total_apps"] == 1);
  CHECK(result.audit["apps"] == 1);
}

TEST_CASE("one application of several is picked by its path") {
  const Bench bench;
  bench.WriteService("root/admin", 3001);
  bench.WriteService("root/backend", 3002);
  const std::string workspace = bench.At("root");
  for (const char* path : {"backend", "./backend/", "backend//"}) {
    const ToolResult one = bench.Call("project_analyze", {{"workspace", workspace}, {"app", path}});
    REQUIRE(one.structured["apps"].size() == 1);
    CHECK(one.structured["apps"][0]["ports"][0]["value"] == 3002);
  }
  CHECK(bench.Prepared("project_analyze", {{"workspace", workspace}, {"app", "./backend/"}})
            ->normalised()["app"] == "backend");
  const json error =
      ErrorOf(bench.Call("project_analyze", {{"workspace", workspace}, {"app", "back-end"}}));
  CHECK(error["kind"] == "not_found");
  CHECK(error["field"] == "args.app");
  CHECK_THAT(error["message"].get<std::string>(), Contains("did you mean `backend`"));
  CHECK_THAT(error["remedy"].get<std::string>(), Contains("`admin`, `backend`"));
  bench.Write("root/backend/empty/notes.txt", "");
  CHECK_THAT(ErrorOf(bench.Call("project_analyze", {{"workspace", bench.At("root/backend/empty")},
                                                    {"app", ""}}))["message"]
                 .get<std::string>(),
             Contains("at `.`"));
}

TEST_CASE("the analysis of a large project says how to ask for the rest") {
  const Bench bench;
  constexpr int kApps = 150;
  for (int i = 0; i < kApps; ++i) {
    bench.WriteService("root/services/number-" + std::to_string(1000 + i), 3000 + i);
  }
  const ToolResult result = bench.Call("project_analyze", {{"workspace", bench.At("root")}});
  CHECK(result.text.size() < 20'000);
  CHECK(result.structured.dump().size() < 70'000);
  CHECK(result.structured["total_apps"] == kApps);
  const json& apps = result.structured["apps"];
  CHECK(apps[0].contains("ports"));
  CHECK_FALSE(apps.back().contains("ports"));
  CHECK(apps.back()["name"]["value"] == "svc");
  CHECK_THAT(result.text, Contains("in brief") && Contains("are left out: call again with `app`"));
  CHECK_THAT(result.structured["notes"][0].get<std::string>(), Contains("call again with `app`"));
  const ToolResult one = bench.Call(
      "project_analyze", {{"workspace", bench.At("root")}, {"app", "services/number-1149"}});
  CHECK(one.structured["apps"][0]["ports"][0]["value"] == 3149);
  CHECK(one.structured["notes"].empty());
}

TEST_CASE("what a hostile project is full of does not come along") {
  const Bench bench;
  json package = {{"name", "x"}, {"scripts", {{"start", "node " + std::string(1 << 20, 'x')}}}};
  for (int i = 0; i < 5000; ++i) {
    package["dependencies"]["dependency-" + std::to_string(i)] = "1";
  }
  bench.Write("root/package.json", package.dump());
  bench.Write("root/\xff\xfe/Dockerfile", "FROM debian:12\nUSER 1\n");
  const ToolResult result = bench.Call("project_analyze", {{"workspace", bench.At("root")}});
  CHECK(result.text.size() < 20'000);
  CHECK(result.structured.dump().size() < 70'000);
  CHECK_THAT(result.text, Contains("note: .: `dependencies`: 100 of "));
  CHECK(result.structured["apps"][0]["name"].contains("value"));
}

TEST_CASE("a workspace outside of the roots is read by nobody, whatever policy says") {
  const Bench bench;
  bench.WriteService("outside");
  bench.Write("outside/Dockerfile", "FROM scratch\n");
  fs::create_directory_symlink(bench.At("outside"), bench.At("root/escape"));
  for (const auto& [tool, made] : bench.tools) {
    for (const char* name : {"outside", "root/escape", "outside/missing"}) {
      INFO(tool << " " << name);
      const json args = {{"workspace", bench.At(name)}};
      const auto call = bench.Prepared(tool, args);
      CHECK(call->context()["workspace"] == bench.At(name));
      CHECK(call->context()["config_file"] == "/etc/c.yaml");
      CHECK_FALSE(call->context().contains("workspace_root"));
      const auto ways = call->OtherWays();
      REQUIRE(ways.size() == 2);
      CHECK(ways[0].normalised["workspace"] == bench.At("root"));
      CHECK(ways[0].context["workspace_root"] == bench.At("root"));
      CHECK(ways[1].context["untrusted"] == true);
      const json error = ErrorOf(bench.Call(tool, args, WorkspaceAccess::kHostWrite));
      CHECK(error["kind"] == "permission_denied");
      CHECK(error["field"] == "args.workspace");
    }
  }
}

TEST_CASE("a grant without directories of the host reads none") {
  const Bench bench;
  bench.WriteService("root");
  bench.Write("root/Dockerfile", "FROM scratch\n");
  for (const auto& [tool, made] : bench.tools) {
    const json error =
        ErrorOf(bench.Call(tool, {{"workspace", bench.At("root")}}, WorkspaceAccess::kPrivateOnly));
    CHECK(error["kind"] == "permission_denied");
    CHECK(error["field"] == "args.workspace");
  }
  CHECK_FALSE(
      bench.Call("dockerfile_lint", {{"text", "FROM scratch\n"}}, WorkspaceAccess::kPrivateOnly)
          .is_error);
}

TEST_CASE("a Dockerfile is shown, and written where policy and root allow it") {
  const Bench bench;
  for (const char* place : {"root/shop", "library/shop"}) {
    bench.WriteService(place);
  }
  const std::string root = bench.At("root/shop");
  const ToolResult shown = bench.Call("generate_dockerfile", {{"workspace", root}});
  REQUIRE_FALSE(shown.is_error);
  CHECK_THAT(shown.text, Contains("USER 10001:10001") && Contains("it needs DATABASE_URL"));
  CHECK(shown.structured["port"] == 3000);
  CHECK(shown.structured["command"] == json({"node", "server.js"}));
  CHECK(shown.structured["written"].empty());
  CHECK_FALSE(fs::exists(root + "/Dockerfile"));
  // Policy sees whether something would be written.
  CHECK_FALSE(bench.Prepared("generate_dockerfile", {{"workspace", root}, {"save", false}})
                  ->normalised()
                  .contains("save"));
  const json save = {{"workspace", root}, {"save", true}};
  CHECK(bench.Prepared("generate_dockerfile", save)->normalised()["save"] == true);
  CHECK(ErrorOf(bench.Call("generate_dockerfile", save))["field"] == "args.save");
  CHECK_FALSE(fs::exists(root + "/Dockerfile"));
  const json elsewhere = {{"workspace", bench.At("library/shop")}, {"save", true}};
  CHECK(ErrorOf(bench.Call("generate_dockerfile", elsewhere,
                           WorkspaceAccess::kHostWrite))["field"] == "args.save");

  const ToolResult saved = bench.Call("generate_dockerfile", save, WorkspaceAccess::kHostWrite);
  REQUIRE_FALSE(saved.is_error);
  CHECK(saved.structured["written"] == json({".dockerignore", "Dockerfile"}));
  bench.Write("root/shop/Dockerfile", "FROM mine\n");
  const json there = ErrorOf(bench.Call("generate_dockerfile", save, WorkspaceAccess::kHostWrite));
  CHECK(there["field"] == "args.overwrite");
  json replace = save;
  replace["overwrite"] = true;
  const ToolResult replaced =
      bench.Call("generate_dockerfile", replace, WorkspaceAccess::kHostWrite);
  CHECK(replaced.structured["written"] == json({"Dockerfile"}));
  CHECK(replaced.structured["kept"] == json({".dockerignore"}));  // it is what it would be
}

TEST_CASE("a manifest is shown, and written where policy and root allow it") {
  const Bench bench;
  bench.WriteService("root/My Shop");
  bench.WriteService("library/shop");
  const std::string root = bench.At("root/My Shop");
  const std::string file = root + "/casemate.json";
  const ToolResult shown = bench.Call("generate_manifest", {{"workspace", root}});
  REQUIRE_FALSE(shown.is_error);
  CHECK(shown.structured["manifest"]["project"]["name"] == "my-shop");
  CHECK(shown.structured["manifest"]["applications"][0]["port"] == 3000);
  CHECK(shown.structured["path"] == "casemate.json");
  CHECK(shown.structured["written"].empty());
  CHECK(shown.structured["identity"]["files"] == 2);
  CHECK_THAT(shown.structured["notes"].dump(), Contains("needs the variable DATABASE_URL"));
  CHECK(json::parse(shown.text.substr(0, shown.text.find("\n["))) == shown.structured["manifest"]);
  CHECK(bench.Prepared("generate_manifest", {{"workspace", root}, {"save", false}})->normalised() ==
        json({{"workspace", root}}));
  const json save = {{"workspace", root}, {"name", "other"}, {"save", true}};
  CHECK(bench.Prepared("generate_manifest", save)->normalised() == save);
  CHECK(ErrorOf(bench.Call("generate_manifest", save))["field"] == "args.save");
  CHECK_FALSE(fs::exists(file));
  const json elsewhere = {{"workspace", bench.At("library/shop")}, {"save", true}};
  CHECK(ErrorOf(bench.Call("generate_manifest", elsewhere, WorkspaceAccess::kHostWrite))["field"] ==
        "args.save");
  CHECK_FALSE(fs::exists(bench.At("library/shop/casemate.json")));

  const ToolResult saved = bench.Call("generate_manifest", save, WorkspaceAccess::kHostWrite);
  REQUIRE_FALSE(saved.is_error);
  CHECK(saved.structured["written"] == json({"casemate.json"}));
  // The manifest is no source of itself.
  CHECK(saved.structured["identity"]["source_hash"] == shown.structured["identity"]["source_hash"]);
  CHECK(saved.structured["identity"]["hash"] != shown.structured["identity"]["hash"]);
  CHECK(json::parse(std::ifstream(file)) == saved.structured["manifest"]);
  const ToolResult again = bench.Call("generate_manifest", save, WorkspaceAccess::kHostWrite);
  CHECK(again.structured["kept"] == json({"casemate.json"}));
  bench.Write("root/My Shop/casemate.json", "{}");
  const json there = ErrorOf(bench.Call("generate_manifest", save, WorkspaceAccess::kHostWrite));
  CHECK(there["field"] == "args.overwrite");
  CHECK(json::parse(std::ifstream(file)) == json::object());
  json replace = save;
  replace["overwrite"] = true;
  CHECK(
      bench.Call("generate_manifest", replace, WorkspaceAccess::kHostWrite).structured["written"] ==
      json({"casemate.json"}));
}

TEST_CASE("a manifest says what it could not say") {
  const Bench bench;
  bench.Write("root/empty/notes.txt", "");
  const json none =
      ErrorOf(bench.Call("generate_manifest", {{"workspace", bench.At("root/empty")}}));
  CHECK(none["kind"] == "not_found");
  CHECK(none["field"] == "args.workspace");
  // The identity needs rules that can be read; the manifest does not.
  bench.WriteService("root/odd");
  fs::create_directories(bench.At("root/odd/.dockerignore"));
  const ToolResult odd = bench.Call("generate_manifest", {{"workspace", bench.At("root/odd")}});
  CHECK_FALSE(odd.structured.contains("identity"));
  CHECK_THAT(odd.structured["notes"].back().get<std::string>(), Contains("no identity: "));
  for (int i = 0; i < 200; ++i) {
    bench.WriteService("root/many/services/number-" + std::to_string(1000 + i), 3000 + i);
  }
  const ToolResult many = bench.Call("generate_manifest", {{"workspace", bench.At("root/many")}});
  CHECK(many.text.size() + many.structured.dump().size() < 80'000);
  CHECK_FALSE(many.structured.contains("manifest"));
  CHECK_THAT(many.structured["notes"].dump(), Contains("`save` writes it"));
}

TEST_CASE("below a root that is only read, what the files say is somebody else's") {
  const Bench bench;
  const auto own = bench.Prepared("project_analyze", {{"workspace", bench.At("root")}});
  CHECK_FALSE(own->context().contains("untrusted"));
  CHECK(own->context()["workspace_writable"] == true);
  const auto other = bench.Prepared("project_analyze", {{"workspace", bench.At("library")}});
  CHECK(other->context()["untrusted"] == true);
  CHECK(other->context()["workspace_root"] == bench.At("library"));
}

TEST_CASE("wrong arguments are named") {
  const Bench bench;
  const std::string root = bench.At("root");
  const auto field = [&](const char* tool, const json& args) {
    const Error error = bench.Refusal(tool, args);
    CHECK(error.code == ErrorCode::kInvalidArgument);
    return error.field;
  };
  CHECK(field("project_analyze", json::object()) == "args.workspace");
  CHECK(field("project_analyze", {{"workspace", "here"}}) == "args.workspace");
  CHECK(field("generate_dockerfile", {{"app", "x"}}) == "args.workspace");
  CHECK(field("generate_dockerfile", {{"workspace", root}, {"overwrite", true}}) ==
        "args.overwrite");
  CHECK(field("generate_dockerfile", {{"workspace", root}, {"pin", "maybe"}}) == "args.pin");
  CHECK(field("generate_dockerfile", {{"workspace", root}, {"base_map", {"node"}}}) ==
        "args.base_map");
  CHECK(field("generate_dockerfile", {{"workspace", root}, {"save", "yes"}}) == "args.save");
  CHECK(field("generate_manifest", json::object()) == "args.workspace");
  CHECK(field("generate_manifest", {{"workspace", root}, {"overwrite", true}}) == "args.overwrite");
  CHECK(field("generate_manifest", {{"workspace", root}, {"name", ""}}) == "args.name");
  CHECK(field("project_analyze", {{"workspace", root + "/missing"}}) == "args.workspace");
  CHECK(field("project_analyze", {{"workspace", root}, {"app", "/etc"}}) == "args.app");
  CHECK(field("project_analyze", {{"workspace", root}, {"app", "a/../../b"}}) == "args.app");
  CHECK(field("project_analyze", {{"workspace", root}, {"ap", "a"}}) == "args.ap");
  CHECK(field("dockerfile_lint", json::object()) == "args");
  CHECK(field("dockerfile_lint", {{"workspace", root}, {"text", "x"}}) == "args");
  CHECK(field("dockerfile_lint", {{"text", "x"}, {"path", "x"}}) == "args.path");
  CHECK(field("dockerfile_lint", {{"workspace", root}, {"path", "../x"}}) == "args.path");
  CHECK(field("dockerfile_lint", {{"text", "x"}, {"ignore", {"DL3006", "DL306"}}}) ==
        "args.ignore");
  CHECK(field("dockerfile_lint", {{"text", "x"}, {"enable", {"no-rule"}}}) == "args.enable");
  CHECK(field("dockerfile_lint", {{"text", "x"}, {"allowed_registries", {1}}}) ==
        "args.allowed_registries.0");
}

TEST_CASE("an analysis that is cancelled says so") {
  const Bench bench;
  bench.WriteService("root");
  std::stop_source stop;
  stop.request_stop();
  const json error = ErrorOf(bench.Call("project_analyze", {{"workspace", bench.At("root")}},
                                        WorkspaceAccess::kHostRead, stop.get_token()));
  CHECK(error["kind"] == "cancelled");
}

TEST_CASE("who finds no place waits for one, or is cancelled") {
  Places places(1);
  std::stop_source stop;
  std::optional<Place> first(std::in_place, places, stop.get_token());
  CHECK(first->is_taken());
  bool second = false;
  std::jthread waits([&] { second = Place(places, {}).is_taken(); });
  std::jthread cancelled([&] { CHECK_FALSE(Place(places, stop.get_token()).is_taken()); });
  stop.request_stop();
  cancelled.join();
  first.reset();
  waits.join();
  CHECK(second);
  CHECK(Place(places, {}).is_taken());  // they were given back, those that were never taken not
}

TEST_CASE("a text is checked, and each finding explained") {
  const Bench bench;
  const ToolResult result =
      bench.Call("dockerfile_lint", {{"text", "FROM debian:12\nRUN apt-get install curl\n"}});
  CHECK(result.structured["ok"] == false);
  bool is_there = false;
  for (const json& finding : result.structured["findings"]) {
    is_there = is_there || (finding["rule"] == "DL3008" && finding["line"] == 2);
    for (const char* name : {"severity", "what", "why", "fix"}) {
      CHECK_FALSE(finding[name].get<std::string>().empty());
    }
  }
  CHECK(is_there);
  CHECK_THAT(result.text, Contains("Dockerfile:2: warning DL3008"));
  const ToolResult clean =
      bench.Call("dockerfile_lint",
                 {{"text", "FROM scratch\nCOPY app /app\nUSER 10001\nENTRYPOINT [\"/app\"]\n"}});
  CHECK(clean.structured["ok"] == true);
  CHECK(clean.structured["findings"].empty());
  CHECK(clean.text == "nothing to object to\n");
}

TEST_CASE("rules are left out, asked for, and given registries") {
  const Bench bench;
  const json text = "FROM docker.io/library/debian:12\nRUN apt-get install curl\nUSER 1\n";
  const auto has = [&](const json& args, const char* rule) {
    return bench.Call("dockerfile_lint", args).structured["findings"].dump().find(rule) !=
           std::string::npos;
  };
  CHECK(has({{"text", text}}, "DL3008"));
  CHECK_FALSE(has({{"text", text}, {"ignore", {"DL3008"}}}, "DL3008"));
  CHECK_FALSE(has({{"text", text}}, "DL3026"));
  CHECK(has({{"text", text}, {"allowed_registries", {"ghcr.io"}}}, "DL3026"));
}

TEST_CASE("a file is checked with the .dockerignore beside it") {
  const Bench bench;
  bench.Write("root/app/Dockerfile", "FROM scratch\nCOPY secret /x\nUSER 1\n");
  const json args = {{"workspace", bench.At("root")}, {"path", "app/Dockerfile"}};
  CHECK(bench.Call("dockerfile_lint", args).structured.dump().find("CopyIgnoredFile") ==
        std::string::npos);
  bench.Write("root/app/.dockerignore", "secret\n");
  const ToolResult result = bench.Call("dockerfile_lint", args);
  CHECK_THAT(result.text, Contains("app/Dockerfile:2: ") && Contains("CopyIgnoredFile"));
}

TEST_CASE("nothing but a regular file of the workspace is read") {
  const Bench bench;
  bench.Write("outside/Dockerfile", "FROM secret-base\n");
  bench.Write("root/real", "FROM scratch\nUSER 1\n");
  fs::create_symlink(bench.At("outside/Dockerfile"), bench.At("root/Dockerfile"));
  fs::create_symlink("../outside/Dockerfile", bench.At("root/climbs"));
  fs::create_symlink("real", bench.At("root/inner"));
  fs::create_directories(bench.At("root/directory"));
  REQUIRE(mkfifo(bench.At("root/pipe").c_str(), 0600) == 0);
  bench.Write("root/long", std::string(dockerfile::kMaxDockerfileBytes + 1, '#'));
  const auto kind = [&](const char* path) {
    const json error =
        ErrorOf(bench.Call("dockerfile_lint", {{"workspace", bench.At("root")}, {"path", path}}));
    CHECK(error["field"] == "args.path");
    CHECK(error.dump().find("secret-base") == std::string::npos);
    return error["kind"].get<std::string>();
  };
  CHECK(kind("Dockerfile") == "permission_denied");
  CHECK(kind("climbs") == "permission_denied");
  CHECK(kind("missing") == "not_found");
  CHECK(kind("directory") == "invalid_arguments");
  CHECK(kind("pipe") == "invalid_arguments");
  CHECK(kind("long") == "resource_exhausted");
  CHECK_FALSE(
      bench.Call("dockerfile_lint", {{"workspace", bench.At("root")}, {"path", "inner"}}).is_error);
  // Likewise of an ignore file, which is as if it were not there.
  bench.Write("outside/ignore", "app\n");
  bench.Write("root/one/Dockerfile", "FROM scratch\nCOPY app /app\nUSER 1\n");
  fs::create_symlink(bench.At("outside/ignore"), bench.At("root/one/.dockerignore"));
  CHECK(bench.Call("dockerfile_lint", {{"workspace", bench.At("root/one")}})
            .structured.dump()
            .find("CopyIgnoredFile") == std::string::npos);
}

TEST_CASE("what a builder refuses is an error that names the line") {
  const Bench bench;
  const std::string text = "FROM scratch\nRUN x\nFRO y\n";
  json error = ErrorOf(bench.Call("dockerfile_lint", {{"text", text}}));
  CHECK(error["kind"] == "invalid_arguments");
  CHECK(error["field"] == "args.text");
  CHECK_THAT(error["message"].get<std::string>(), Contains("line 3"));
  bench.Write("root/Dockerfile", text);
  error = ErrorOf(bench.Call("dockerfile_lint", {{"workspace", bench.At("root")}}));
  CHECK(error["field"] == "args.path");
}

TEST_CASE("of very many findings the worst are told") {
  const Bench bench;
  std::string text = "FROM debian:12\n";
  for (int i = 0; i < 3000; ++i) {
    text += "RUN apt-get install " + std::string(200, 'x') + "\n";
  }
  text += "WORKDIR relative\nUSER 1\n";
  const ToolResult result = bench.Call("dockerfile_lint", {{"text", text}});
  CHECK(result.text.size() < 20'000);
  CHECK(result.structured.dump().size() < 50'000);
  CHECK(result.structured["left_out"] > 2000);
  CHECK(result.structured["counts"]["warning"] > 2000);
  CHECK(result.structured["findings"].dump().find("DL3000") != std::string::npos);  // an error
  CHECK_THAT(result.text, Contains("more findings are left out"));
}

TEST_CASE("the trail keeps a digest of a text, and policy learns of secrets in it") {
  const Bench bench;
  const std::string text = "FROM scratch\n#" + std::string(9000, 'x') + "\n";
  const auto call = bench.Prepared("dockerfile_lint", {{"text", text}});
  CHECK(call->normalised()["text"]["bytes"] == text.size());
  CHECK(call->normalised()["text"]["excerpt"].get<std::string>().size() == 4096);
  CHECK_FALSE(call->context().contains("secrets"));
  CHECK(bench
            .Prepared("dockerfile_lint",
                      {{"text", "FROM a\nENV T=ghp_" + std::string(36, 'a') + "\n"}})
            ->context()["secrets"] == 1);
  CHECK(bench.Prepared("dockerfile_lint", {{"workspace", bench.At("root")}, {"path", "x/.env"}})
            ->context()["secrets"] == 1);
}

TEST_CASE("the prompt speaks of the tools that are there") {
  const auto text_of = [](const Prompt& prompt, const PromptArguments& arguments) {
    CallContext context;
    const auto got = prompt.Get(arguments, context);
    REQUIRE(got);
    return std::get<TextContent>(got->messages.at(0).content).text;
  };
  const auto plain = MakeContainerizeProjectPrompt({{{"/src", true}, {"/srv", false}}, {}});
  const std::string without = text_of(*plain, {{"workspace", "/src/app"}});
  CHECK_THAT(without, Contains(R"({"workspace":"/src/app"})") && Contains("dockerfile_lint") &&
                          Contains("ask me which"));
  CHECK_THAT(without, !Contains("generate_") && !Contains("container_lifecycle"));
  const auto whole = MakeContainerizeProjectPrompt({{}, [](std::string_view) { return true; }});
  const std::string with = text_of(*whole, {{"workspace", "/src/app"}, {"app", "api\n```"}});
  CHECK_THAT(with, Contains(R"("app":"api\n```")") && Contains("generate_dockerfile") &&
                       Contains("generate_manifest") && Contains("container_lifecycle") &&
                       !Contains("ask me which"));
  CallContext context;
  const auto wrong = plain->Get({{"workspace", "app"}}, context);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().field == "arguments.workspace");
  CHECK(plain->Complete("workspace", "/sr", {}, {}) == std::vector<std::string>{"/src", "/srv"});
  CHECK(plain->Complete("app", "", {}, {}).empty());
  Catalog catalog;
  CHECK(catalog.Add(MakeContainerizeProjectPrompt({})));
}

TEST_CASE("values are shortened until they fit") {
  std::vector<std::string> cuts;
  const json small = {{"a", "b"}, {"list", {1, 2}}};
  CHECK(Fitted(small, 1000, cuts) == small);
  CHECK(cuts.empty());
  json large = {{"texts", json::array()}, {"one", {{"value", std::string(5000, 'x')}}}};
  for (int i = 0; i < 500; ++i) {
    large["texts"].push_back({{"value", std::string(900, 'y')}, {"file", "f"}});
  }
  const json fitted = Fitted(large, 6000, cuts);
  CHECK(fitted.dump().size() <= 6000);
  CHECK(fitted["texts"][0]["file"] == "f");
  CHECK(fitted["one"]["value"].get<std::string>().ends_with("…"));
  REQUIRE(cuts.size() == 1);
  CHECK_THAT(cuts[0], Contains("`texts`: ") && Contains(" of 500"));
}

TEST_CASE("lines are whole, and what is left out is counted") {
  CHECK(FittedLines("a\nb\n", 100) == "a\nb\n");
  CHECK(FittedLines("a", 100) == "a\n");
  CHECK(FittedLines("", 100).empty());
  CHECK(FittedLines("aaaa\nbbbb\ncccc\ndddd", 10) == "aaaa\nbbbb\n[2 more lines are left out]\n");
  const std::string shortened = FittedLines(std::string(5000, 'x') + "\nend\n", 1000);
  CHECK(shortened.size() < 400);
  CHECK_THAT(shortened, Contains("…\nend\n"));
}

}  // namespace
}  // namespace casemate::tools
