// What Casemate costs over an engine's own command line: a command in a container that exists and
// in a fresh one, and the status of 100 containers; in interleaved rounds. Needs a Docker of its
// own:
// `./dev bench` starts one (tests/engines/with-engines).
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/bench/child.h"
#include "tests/bench/stats.h"

namespace casemate::bench {
namespace {

using nlohmann::json;

constexpr int kMany = 100;
constexpr int kMostRounds = 40;
constexpr int kStatusRounds = 5;
constexpr const char* kDocker = "/usr/bin/docker";

class Client {
 public:
  Client(const Options& options, const std::string& socket)
      : server_({options.casemate, "serve", "--state-dir", place_.path() + "/state", "--config",
                 Config(socket)},
                {}, Child::Stderr::kOurs) {
    Ask("initialize", {{"protocolVersion", "2025-06-18"},
                       {"capabilities", json::object()},
                       {"clientInfo", {{"name", "bench"}, {"version", "1"}}}});
    server_.Write("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
  }
  // Dies unless the call succeeds.
  json Call(const std::string& tool, const json& arguments) {
    const json reply = Ask("tools/call", {{"name", tool}, {"arguments", arguments}});
    if (!reply.contains("result") || reply["result"].value("isError", false)) {
      Die(tool + ": " + reply.dump());
    }
    return reply["result"];
  }

 private:
  std::string Config(const std::string& socket) const {
    std::string path = place_.path() + "/config.yaml";
    std::ofstream(path) << "version: 1\ntoolsets: [core, containers]\npolicy_file: developer\n"
                        << "containers:\n  socket: " << socket
                        << "\n  images: [\"casemate-test/**\"]\n";
    return path;
  }
  json Ask(const std::string& method, const json& params) {
    const json request = {
        {"jsonrpc", "2.0"}, {"id", ++id_}, {"method", method}, {"params", params}};
    server_.Write(request.dump() + "\n");
    while (true) {
      json reply = json::parse(server_.ReadLine());
      if (reply.value("id", 0) == id_) {
        return reply;
      }
    }
  }

  ScratchDirectory place_;
  Child server_;
  int id_ = 0;
};

}  // namespace

void BenchContainers(const Options& options) {
  const char* socket = std::getenv("CASEMATE_TEST_DOCKER");
  const char* image = std::getenv("CASEMATE_TEST_IMAGE");
  if (socket == nullptr || image == nullptr) {
    std::cerr << "casemate_bench: containers: not measured, no engine was given\n";
    return;
  }
  const auto docker = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {kDocker, "--host", std::string("unix://") + socket});
    RunQuietly(words);
  };
  Client client(options, socket);
  client.Call("container_lifecycle", {{"action", "create"},
                                      {"image", image},
                                      {"name", "bench"},
                                      {"command", {"sleep", "100000"}}});
  const std::string name = "bench";
  const int rounds = std::min(options.rounds, kMostRounds);
  const auto calls = MediansMs(
      {[&] { client.Call("run", {{"command", {"true"}}, {"target", {{"container", name}}}}); },
       [&] { docker({"exec", name, "true"}); },
       [&] { client.Call("run", {{"command", {"true"}}, {"target", {{"image", image}}}}); },
       [&] {
         docker({"run",
                 "--rm",
                 "--network",
                 "none",
                 "--read-only",
                 "--cap-drop",
                 "ALL",
                 "--security-opt",
                 "no-new-privileges",
                 "--memory",
                 "512m",
                 "--cpus",
                 "1",
                 "--pids-limit",
                 "128",
                 "--user",
                 "65532:65532",
                 "--tmpfs",
                 "/workspace",
                 image,
                 "true"});
       }},
      rounds);
  for (int i = 1; i < kMany; ++i) {
    docker({"run", "-d", "--network", "none", "--name", "bench" + std::to_string(i), image, "sleep",
            "100000"});
  }
  const auto status = MediansMs({[&] { client.Call("container_status", json::object()); },
                                 [&] {
                                   docker({"ps"});
                                   docker({"stats", "--no-stream"});
                                 }},
                                kStatusRounds);
  Print("containers, against Docker's own command line",
        {{"exec_ms", "run in a container that exists; peer: docker exec", calls[0], "ms", calls[1],
          "<= 1.0 x"},
         {"fresh_ms", "run in a fresh container; peer: docker run --rm", calls[2], "ms", calls[3],
          "<= 1.0 x"},
         {"status_ms", "container_status of 100; peer: docker ps, docker stats", status[0], "ms",
          status[1], "<= 0.2 x"}},
        options);
}

}  // namespace casemate::bench
