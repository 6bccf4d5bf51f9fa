// An engine that says what a test wants, by the first line of each request, and the tools about
// containers on it. Test-only; the engine answers on threads of its own.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "policies/engine/policy_engine.h"
#include "sandbox/container/guard/protocol.h"
#include "sandbox/native/launcher_client.h"
#include "sandbox/native/runner.h"
#include "tests/unit/container/fake_engine.h"
#include "tests/unit/tools/fixtures.h"
#include "tools/container_tools.h"
#include "tools/run.h"

namespace casemate::tools::test {

using container::test::Answer;
using container::test::FakeEngine;
using container::test::Ok;
using nlohmann::json;
using policies::ContainerRight;

inline const std::string kId(64, 'a');
inline const std::string kDigest = "sha256:" + std::string(64, 'c');
inline const std::string kEngineDirectory = "/state/containers";

class ContainerPolicy : public policies::PolicyEngine {
 public:
  static policies::Grant GrantOf(const std::vector<ContainerRight>& rights) {
    policies::Rights all;
    all.limits = {.memory_mb = 256,
                  .cpu_millis = 1000,
                  .pids = 64,
                  .wall_ms = 60'000,
                  .output_kb = 64,
                  .disk_mb = 64};
    for (const ContainerRight right : rights) {
      all.containers.Add(right);
    }
    return Issue(all, "test-decision", {.id = "tester"});
  }
};

// Answers by the request's first line ("GET /v1.41/containers/web/json"); the rest is not found.
class ScriptedEngine {
 public:
  ScriptedEngine()
      : fake_([this](FakeEngine::Peer& peer, int) { Serve(peer); }),
        containers_(Options(fake_.socket())) {
    auto started = sandbox::LauncherClient::Start("unit-ctools-" + RandomHex(8),
                                                  sandbox::Mode::kStrict, 0, {});
    REQUIRE(started);
    launcher_ = *std::move(started);
    runner_ = std::make_unique<sandbox::SandboxRunner>(*launcher_);
    Say("GET /version", Ok(R"({"Components":[{"Name":"Engine"}],"Version":"20.10.24",)"
                           R"("ApiVersion":"1.41"})"));
    Say("GET /info", Ok(R"({"Driver":"overlay2","MemTotal":1073741824})"));
    Say("GET /_ping", Ok("OK"));
    for (auto& tool : MakeContainerTools(containers_, *runner_, {})) {
      tools_[tool->spec().name] = std::move(tool);
    }
    tools_["run"] = MakeRunTool(*runner_, {.containers = &containers_});
  }

  void Say(const std::string& line, std::string answer) {
    const std::lock_guard lock(mutex_);
    answers_[line] = std::move(answer);
  }
  // A container, by id and by name.
  void Has(const std::string& name, json more = json::object()) {
    json body = {{"Id", kId},
                 {"Name", "/" + name},
                 {"Image", "sha256:" + std::string(64, 'b')},
                 {"State", {{"Status", "exited"}, {"ExitCode", 3}, {"Error", ""}}},
                 {"Config", {{"Image", "debian"}, {"Labels", json::object()}}},
                 {"HostConfig", {{"NetworkMode", "none"}}}};
    body.merge_patch(more);
    Say("GET /v1.41/containers/" + name + "/json", Ok(body.dump()));
    Say("GET /v1.41/containers/" + kId + "/json", Ok(body.dump()));
  }
  // One of Casemate's, as its labels and mounts say.
  void HasOf(const std::string& tenant, const std::string& principal, const std::string& purpose) {
    Has("web", {{"Config",
                 {{"Labels",
                   {{container::kLabelTenant, tenant},
                    {container::kLabelPrincipal, principal},
                    {container::kLabelPurpose, purpose}}}}},
                {"Mounts",
                 {{{"Type", "bind"},
                   {"Source", kEngineDirectory + "/guard"},
                   {"Destination", container::guard::kDirectory},
                   {"RW", false}}}}});
  }
  [[nodiscard]] std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  [[nodiscard]] bool WasAsked(const std::string& line) {
    const auto all = asked();
    return std::ranges::find(all, line) != all.end();
  }
  [[nodiscard]] const Tool& tool(const std::string& name) const { return *tools_.at(name); }

  [[nodiscard]] std::unique_ptr<PreparedCall> Prepared(const std::string& name,
                                                       const json& args) const {
    auto prepared = tool(name).Prepare(args, {});
    INFO((prepared ? std::string() : Describe(prepared.error())));
    REQUIRE(prepared);
    const auto bound = (*prepared)->Bind(policies::Principal{.id = "tester"});
    INFO((bound ? std::string() : Describe(bound.error())));
    REQUIRE(bound);
    return *std::move(prepared);
  }
  [[nodiscard]] ToolResult Call(const std::string& name, const json& args,
                                const std::vector<ContainerRight>& rights = {},
                                ProgressSink* progress = nullptr) const {
    CallContext context;
    context.principal.id = "tester";
    context.progress = progress;
    ToolResult result = Prepared(name, args)->Run(ContainerPolicy::GrantOf(rights), context);
    INFO(result.text);
    CheckConforms(result.structured, tool(name).spec().output_schema);
    return result;
  }

 private:
  static container::ContainersOptions Options(const std::string& socket) {
    container::ContainersOptions options;
    options.socket = socket;
    options.engine_directory = kEngineDirectory;
    const std::vector<std::string> rules = {"debian", "cafe*", "team.example/app:prod@" + kDigest};
    for (const std::string& rule : rules) {
      options.images.push_back(*container::ParseImageRule(rule, "images"));
    }
    return options;
  }
  void Serve(FakeEngine::Peer& peer) {
    std::string request;
    while (!(request = peer.Request()).empty()) {
      const std::string line = request.substr(0, request.find(" HTTP/"));
      std::string answer = Answer("404 Not Found", R"({"message":"no such thing"})");
      {
        const std::lock_guard lock(mutex_);
        asked_.push_back(line);
        const auto found = answers_.find(line);
        answer = found == answers_.end() ? answer : found->second;
      }
      if (answer.empty()) {
        peer.Hold();  // it hangs with this one
        return;
      }
      if (!peer.Send(answer) || answer.find("Content-Length") == std::string::npos) {
        return;  // its end is that of the connection
      }
    }
  }

  std::mutex mutex_;
  std::map<std::string, std::string> answers_;
  std::vector<std::string> asked_;
  FakeEngine fake_;
  container::Containers containers_;
  std::unique_ptr<sandbox::LauncherClient> launcher_;
  std::unique_ptr<sandbox::SandboxRunner> runner_;
  std::map<std::string, std::unique_ptr<Tool>> tools_;
};

}  // namespace casemate::tools::test
