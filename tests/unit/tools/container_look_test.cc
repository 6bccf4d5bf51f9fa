// What is looked at again for each list of containers, and what once for all of them.
#include <atomic>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/unit/container/fake_engine.h"
#include "tests/unit/container/fake_proc.h"
#include "tools/container_inside.h"
#include "tools/container_meter.h"

namespace casemate::tools {
namespace {

using container::test::Answer;
using container::test::FakeEngine;
using container::test::FakeProc;
using container::test::Ok;
using nlohmann::json;

const std::string kFirst(container::test::kId);
const std::string kSecond(64, 'b');

// Two containers that run, whose first processes are 50 and 60.
class Pair {
 public:
  Pair()
      : fake_([this](FakeEngine::Peer& peer, int) {
          std::string request;
          while (!(request = peer.Request()).empty()) {
            peer.Send(AnswerTo(request.substr(0, request.find(" HTTP/"))));
          }
        }) {
    auto connected = container::Engine::Connect(fake_.socket());
    REQUIRE(connected);
    engine = *std::move(connected);
  }

  std::unique_ptr<container::Engine> engine;
  std::atomic<const char*> health = "";

 private:
  std::string AnswerTo(const std::string& line) {
    if (line == "GET /version" || line == "GET /info" || line == "GET /_ping") {
      return Ok(R"({"Components":[{"Name":"Engine"}],"Version":"20.10.24","ApiVersion":"1.41"})");
    }
    for (const auto& [id, pid] : {std::pair(kFirst, 50), {kSecond, 60}}) {
      if (line == "GET /v1.41/containers/" + id + "/json") {
        json state = {{"Status", "running"}, {"Pid", pid}};
        if (*health.load() != 0) {
          state["Health"] = {{"Status", health.load()}};
        }
        return Ok(json({{"Id", id}, {"State", std::move(state)}}).dump());
      }
    }
    return Answer("404 Not Found", R"({"message":"no such thing"})");
  }

  FakeEngine fake_;
};

TEST_CASE("processes are looked at once for all containers") {
  const Pair pair;
  const FakeProc proc;
  proc.Add({.pid = 50});
  proc.Add({.pid = 51, .parent = 50, .state = 'Z'});
  proc.Add({.pid = 60, .cgroup = "/docker/" + kSecond});
  const auto processes = container::ProcessTable::Scan(proc.path());
  proc.Add({.pid = 52});  // after that one look
  const auto signatures = container::SignatureTable::WithBuiltIn({});
  REQUIRE(signatures);
  const std::vector<std::string> ids = {kFirst, kSecond, std::string(64, 'c')};
  const auto inside = LookInsideAll(*pair.engine, &*signatures, ids, processes, {});
  REQUIRE(inside.size() == 2);
  CHECK(inside.at(kFirst).services.processes.size() == 2);
  CHECK(inside.at(kFirst).services.zombies == 1);
  CHECK(inside.at(kSecond).services.processes.size() == 1);

  const Result<container::ProcessTable> none =
      Error{ErrorCode::kUnavailable, "there is no procfs", {}, {}, 0};
  const auto blind = LookInsideAll(*pair.engine, &*signatures, ids, none, {});
  CHECK(blind.at(kFirst).services.blind_spots == std::vector<std::string>{"there is no procfs"});
}

TEST_CASE("health is that of now, though what is measured needs no request") {
  Pair pair;
  const FakeProc proc;
  proc.Add({.pid = 50});
  proc.Write("self/mountinfo", "30 23 0:26 / " + proc.path() + "/cg rw - cgroup2 cgroup2 rw\n");
  const std::string at = "cg/docker/" + kFirst + "/";
  proc.Write(at + "cpu.stat", "usage_usec 1\n");
  proc.Write(at + "memory.current", "1\n");
  proc.Write(at + "memory.stat", "inactive_file 0\n");
  ContainerMeter meter(proc.path());
  const std::vector<std::string> ids = {kFirst};
  const auto health = [&] { return meter.Measure(*pair.engine, ids, {}).at(kFirst).health; };
  CHECK(health().empty());
  ContainerMeter other(proc.path());
  pair.health = "healthy";
  const auto of_other = [&] { return other.Measure(*pair.engine, ids, {}).at(kFirst).health; };
  CHECK(of_other() == "healthy");
  pair.health = "unhealthy";
  CHECK(of_other() == "unhealthy");
  CHECK(health().empty());  // without a check it stays so: nobody was asked
}

}  // namespace
}  // namespace casemate::tools
