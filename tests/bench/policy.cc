// What a decision costs: by opa over its socket against a bare request on the same socket, and by
// YAML with 1,000 rules against opa with the same 1,000 rules; in interleaved rounds, so that the
// machine's drift meets all alike.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/unique_fd.h"
#include "policies/engine/policy_json.h"
#include "policies/engine/yaml_policy.h"
#include "policies/opa/opa_engine.h"
#include "sandbox/native/launcher_client.h"
#include "sandbox/native/runner.h"
#include "tests/bench/child.h"
#include "tests/bench/stats.h"

namespace casemate::bench {
namespace {

using nlohmann::json;
using policies::OpaEngine;

constexpr int kRules = 1000;
constexpr int kWarmUp = 50;
constexpr int kReloads = 3;  // rounds
constexpr int kTurns = 10;   // of each contender in a round

std::string ProgramOf(int rule) {
  return "program-" + std::to_string(rule) + "-";  // none begins like another
}

// The same rules in both languages: each allows one program, or all whose names begin so. Rego
// finds the former by an index, and has to look at each of the latter.
enum class Kind { kEqual, kPrefix };

// With `examples`, one call that each rule must match.
std::string YamlRules(Kind kind, bool examples = false) {
  std::string text = "version: 1\nrules:\n";
  for (int i = 0; i < kRules; ++i) {
    text +=
        "  - {id: r-" + std::to_string(i) +
        ", effect: allow, tools: [run], when: {all: [{path: args.network, eq: none}, "
        "{path: args.command.0, " +
        (kind == Kind::kEqual ? "eq: " : "prefix: ") + ProgramOf(i) + "}]}" +
        (examples ? ", match: [{tool: run, args: {network: none, command: [" + ProgramOf(i) + "]}}]"
                  : "") +
        "}\n";
  }
  return text;
}

std::string RegoRules(Kind kind, int count) {
  std::string text =
      "package casemate\n\nimport rego.v1\n\n"
      "decision := {\"effect\": \"allow\", \"rules\": sort(allowed)} if count(allowed) > 0\n";
  for (int i = 0; i < count; ++i) {
    text += "\nallowed contains \"r-" + std::to_string(i) +
            "\" if {\n\tinput.tool == \"run\"\n\tinput.args.network == \"none\"\n\t" +
            (kind == Kind::kEqual ? "input.args.command[0] == \"" + ProgramOf(i) + "\""
                                  : "startswith(input.args.command[0], \"" + ProgramOf(i) + "\")") +
            "\n}\n";
  }
  return text;
}

// One question and no more: a kept connection, prepared bytes, and no look at the answer.
class BareRequest {
 public:
  BareRequest(const std::string& socket_path, const json& input) {
    const std::string body = json({{"input", input}}).dump();
    request_ =
        "POST /v1/data/casemate/decision HTTP/1.1\r\nHost: opa\r\n"
        "Content-Type: application/json\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof(address.sun_path)) {
      Die("too long a path for a socket: " + socket_path);
    }
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    socket_.Reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      Die("cannot connect to " + socket_path);
    }
  }
  void Run() {
    char answer[4096];
    if (send(socket_.get(), request_.data(), request_.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(request_.size()) ||
        recv(socket_.get(), answer, sizeof(answer), 0) <= 0) {
      Die("opa does not answer");
    }
  }

 private:
  std::string request_;
  UniqueFd socket_;
};

std::unique_ptr<OpaEngine> StartOpa(const Options& options, const std::string& place,
                                    const std::string& rules, sandbox::SandboxRunner& runner) {
  std::filesystem::create_directories(place + "/bundle");
  std::ofstream(place + "/bundle/policy.rego") << rules;
  auto sources =
      OpaEngine::ReadSources({.bundle = place + "/bundle", .opa = options.opa, .budget_ms = 1000});
  if (!sources) {
    Die(Describe(sources.error()));
  }
  auto engine = OpaEngine::Start(*std::move(sources), runner, place + "/opa");
  if (!engine) {
    Die(Describe(engine.error()));
  }
  return *std::move(engine);
}

struct Question {
  json args = {{"command", {ProgramOf(0), "--flag", "file.txt"}},
               {"network", "none"},
               {"profile", "default"},
               {"timeout_ms", 60000}};
  json context = {{"profile", "default"}};
  policies::PolicyInput input{"run", {}, args, context, policies::NoHistory()};
};

void Decide(const policies::PolicyEngine& engine, const Question& question) {
  const policies::Decision decision = engine.Decide(question.input);
  if (!decision.grant) {
    Die("refused: " + decision.reason);
  }
}

// Of one turn each, in microseconds, in turns.
std::vector<double> MediansUs(const std::vector<std::function<void()>>& contenders, int rounds) {
  std::vector<std::vector<double>> us(contenders.size());
  for (int round = -kWarmUp; round < rounds; ++round) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      for (int turn = 0; turn < kTurns; ++turn) {
        const double ms = TimeMs(contenders[i]);
        if (round >= 0) {
          us[i].push_back(ms * 1000);
        }
      }
    }
  }
  std::vector<double> medians;
  std::ranges::transform(us, std::back_inserter(medians),
                         [](const std::vector<double>& each) { return Percentile(each, 0.5); });
  return medians;
}

}  // namespace

void BenchPolicy(const Options& options) {
  const ScratchDirectory scratch;
  const std::string place = std::filesystem::canonical(scratch.path());
  const std::vector<policies::WorkspaceRoot> roots = {{place, true}};
  auto launcher =
      sandbox::LauncherClient::Start("bench-" + RandomHex(8), sandbox::Mode::kBestEffort, 0, roots);
  if (!launcher) {
    Die(Describe(launcher.error()));
  }
  sandbox::SandboxRunner runner(**launcher);
  const Question question;
  {
    const auto one = StartOpa(options, place + "/one", RegoRules(Kind::kEqual, 1), runner);
    BareRequest bare(place + "/one/opa/server-1/opa.sock", policies::InputJson(question.input));
    const auto us =
        MediansUs({[&] { Decide(*one, question); }, [&] { bare.Run(); }}, options.rounds);
    Print("a decision by opa",
          {{"opa_decision_p50_us", "one rule; peer: a bare request", us[0], "us", us[1], "<= 1.3"}},
          options);
  }
  std::vector<Figure> figures;
  for (const Kind kind : {Kind::kEqual, Kind::kPrefix}) {
    const bool equal = kind == Kind::kEqual;
    auto yaml = policies::LoadYamlPolicy(YamlRules(kind), "bench.yaml");
    if (!yaml) {
      Die(Describe(yaml.error()));
    }
    const auto opa =
        StartOpa(options, place + (equal ? "/equal" : "/prefix"), RegoRules(kind, kRules), runner);
    const auto us = MediansUs({[&] { Decide(**yaml, question); }, [&] { Decide(*opa, question); }},
                              options.rounds);
    figures.push_back({equal ? "yaml_1000_p50_us" : "yaml_1000_prefix_p50_us",
                       equal ? "YAML, by equality; peer: Rego" : "YAML, by prefix; peer: Rego",
                       us[0], "us", us[1], "<= 0.1"});
  }
  Print("a decision by the same 1,000 rules", figures, options);
  const std::string rego = place + "/check.rego";
  std::ofstream(rego) << RegoRules(Kind::kEqual, kRules);
  const std::string yaml = YamlRules(Kind::kEqual, true);
  const auto ms = MediansUs({[&] {
                               if (!policies::LoadYamlPolicy(yaml, "bench.yaml")) {
                                 Die("the rules do not load");
                               }
                             },
                             [&] { RunToEnd({options.opa, "check", rego}); }},
                            kReloads);
  Print("reading 1,000 rules anew",
        {{"yaml_reload_ms", "1,000 examples tested; peer: opa check", ms[0] / 1000, "ms",
          ms[1] / 1000, "report"}},
        options);
}

}  // namespace casemate::bench
