// An engine with containers, images and build cache as a test wants them, and the tool
// container_optimize on it. Test-only; the engine answers on threads of its own.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "policies/engine/policy_engine.h"
#include "tests/unit/container/fake_engine.h"
#include "tools/container_tools.h"

namespace casemate::tools::test {

using nlohmann::json;

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
const std::string kWeb(64, 'a');    // of ann; its memory is at its limit
const std::string kOther(64, 'b');  // of nobody; likewise
const std::string kOld(64, 'c');    // of ann; has stopped
const std::string kImage = "sha256:" + std::string(64, 'd');

class Grants : public policies::PolicyEngine {
 public:
  static policies::Grant Of(const std::vector<policies::ContainerRight>& rights,
                            std::int64_t memory_mb = 4096) {
    policies::Rights all;
    all.limits = {.memory_mb = memory_mb, .cpu_millis = 1000, .pids = 512};
    for (const auto right : rights) {
      all.containers.Add(right);
    }
    return Issue(all, "test-decision", {.id = "ann", .tenant = "acme"});
  }
  static policies::Grant Usual() {
    return Of({policies::ContainerRight::kUse, policies::ContainerRight::kReclaim});
  }
};

class World {
 public:
  World()
      : fake_([this](auto& peer, int) {
          std::string request;
          while (!(request = peer.Request()).empty()) {
            const std::string line = request.substr(0, request.find(" HTTP/"));
            const std::size_t body = request.find("\r\n\r\n");
            peer.Send(AnswerTo(line, request.substr(body + 4)));
          }
        }),
        containers_(Options()),
        tool_(MakeContainerOptimizeTool(containers_, [this] { return now_ns; })) {
    context.principal = ann;
    Add(kWeb, "web", "running", true);
    Add(kOther, "other", "running", false);
    Add(kOld, "old", "exited", true);
    disk = {{"LayersSize", 1000},
            {"Images", {{{"Id", kImage}, {"Containers", 0}, {"Size", 300}, {"SharedSize", 100}}}},
            {"Containers", {{{"Id", kOld}, {"SizeRw", 77}}}},
            {"Volumes", json::array()},
            {"BuildCache", {{{"Size", 40}, {"InUse", false}, {"Shared", false}}}}};
    dangling = {{{"Id", kImage}}};
  }

  // As the engine has them; lock while calls run.
  std::mutex mutex;
  std::map<std::string, json> details;          // by id
  std::map<std::string, std::int64_t> memory;   // by id
  std::map<std::string, std::string> refusals;  // by the beginning of a request: its answer
  bool dies_at_restart = false;                 // with exit code 5
  json disk;
  json dangling;
  json image_tags = json::array();
  std::vector<std::string> changes;  // requests that are no GET, with their bodies

  policies::Principal ann{"ann", "acme", {}, {}};
  CallContext context;
  std::int64_t now_ns = 1;

  [[nodiscard]] const Tool& tool() const { return *tool_; }
  Result<std::unique_ptr<PreparedCall>> Prepare(const json& args,
                                                const policies::Principal& who) const {
    auto call = tool_->Prepare(args, {});
    if (call) {
      if (auto bound = (*call)->Bind(who); !bound) {
        return std::move(bound).error();
      }
    }
    return call;
  }
  ToolResult Call(const json& args, const policies::Grant& grant = Grants::Usual()) {
    auto call = Prepare(args, context.principal);
    INFO((call ? std::string() : Describe(call.error())));
    REQUIRE(call);
    return (*call)->Run(grant, context);
  }
  // The id of the action of that kind about that container.
  static std::string IdOf(const ToolResult& plan, const std::string& kind,
                          const std::string& container = "") {
    for (const json& action : plan.structured["actions"]) {
      if (action["kind"] == kind &&
          (container.empty() || action.value("container", "") == container)) {
        return action["id"];
      }
    }
    FAIL("no action " << kind << " in " << plan.structured.dump(1));
    return {};
  }
  void Add(const std::string& id, const std::string& name, const std::string& state, bool own) {
    json container = {{"Id", id},
                      {"Name", "/" + name},
                      {"Created", "2020-01-01T00:00:00Z"},
                      {"State",
                       {{"Status", state},
                        {"Pid", state == "running" ? kNoPid : 0},
                        {"ExitCode", 0},
                        {"StartedAt", "2020-01-01T00:00:00Z"}}},
                      {"Config", {{"Image", "img:1"}, {"Labels", json::object()}}},
                      {"HostConfig",
                       {{"Memory", 512 * kMiB},
                        {"MemorySwap", 768 * kMiB},
                        {"PidsLimit", 100},
                        {"NetworkMode", "none"}}},
                      {"Mounts", json::array()}};
    if (own) {
      container["Config"]["Labels"] = {{"io.casemate.principal", "ann"},
                                       {"io.casemate.tenant", "acme"},
                                       {"io.casemate.purpose", "service"}};
      container["Mounts"] = {{{"Type", "bind"},
                              {"Source", "/state/containers/guard-1"},
                              {"Destination", "/.casemate"},
                              {"RW", false}}};
    }
    details[id] = std::move(container);
    memory[id] = 500 * kMiB;
  }

 private:
  static constexpr int kNoPid = 4'194'304;  // beyond what Linux gives

  container::ContainersOptions Options() const {
    container::ContainersOptions options;
    options.socket = fake_.socket();
    options.directory = "/state/containers";
    options.engine_directory = "/state/containers";
    return options;
  }
  std::string AnswerTo(const std::string& line, const std::string& body) {
    using container::test::Answer;
    using container::test::Ok;
    const std::lock_guard lock(mutex);
    if (!line.starts_with("GET ")) {
      changes.push_back(line + body);
    }
    for (const auto& [begin, answer] : refusals) {
      if (line.starts_with(begin)) {
        return answer;
      }
    }
    if (line == "GET /version" || line == "GET /info" || line == "GET /_ping") {
      return Ok(R"({"Components":[{"Name":"Engine"}],"Version":"20.10.24","ApiVersion":"1.41",)"
                R"("MemTotal":17179869184})");
    }
    if (line.starts_with("GET /v1.41/containers/json")) {
      json rows = json::array();
      for (const auto& [id, container] : details) {
        rows.push_back({{"Id", id}, {"State", container["State"]["Status"]}});
      }
      return Ok(rows.dump());
    }
    if (line.starts_with("GET /v1.41/system/df")) {
      return Ok(disk.dump());
    }
    if (line.starts_with("GET /v1.41/images/json")) {
      return Ok(dangling.dump());
    }
    if (line.starts_with("GET /v1.41/images/")) {
      return Ok(json({{"Id", kImage}, {"RepoTags", image_tags}}).dump());
    }
    if (line.starts_with("DELETE /v1.41/images/")) {
      disk["LayersSize"] = 800;
      return Ok("[]");
    }
    if (line == "POST /v1.41/build/prune") {
      return Ok(R"({"SpaceReclaimed":40})");
    }
    return AnswerAbout(line);
  }
  std::string AnswerAbout(const std::string& line) {
    using container::test::Answer;
    using container::test::Ok;
    for (auto& [id, container] : details) {
      const std::string at = "/v1.41/containers/" + id;
      const std::string by_name =
          "/v1.41/containers/" + container["Name"].get<std::string>().substr(1);
      if (line == "GET " + at + "/json" || line == "GET " + by_name + "/json") {
        return Ok(container.dump());
      }
      if (line.starts_with("GET " + at + "/stats")) {
        return Ok(json({{"read", "2026-01-01T00:00:00Z"},
                        {"memory_stats", {{"usage", memory[id]}, {"limit", 512 * kMiB}}},
                        {"pids_stats", {{"current", 5}}}})
                      .dump());
      }
      if (line.starts_with("POST " + at + "/restart")) {
        container["State"]["StartedAt"] = "2026-01-01T00:00:00Z";
        memory[id] = 100 * kMiB;
        if (dies_at_restart) {
          container["State"] = {{"Status", "exited"}, {"Pid", 0}, {"ExitCode", 5}};
        }
        return Answer("204 No Content", "");
      }
      if (line == "POST " + at + "/update") {
        return Ok("{}");
      }
      if (line.starts_with("DELETE " + at)) {
        details.erase(id);
        return Answer("204 No Content", "");
      }
    }
    return Answer("404 Not Found", R"({"message":"no such thing"})");
  }

  container::test::FakeEngine fake_;
  container::Containers containers_;
  std::unique_ptr<Tool> tool_;
};

}  // namespace casemate::tools::test
