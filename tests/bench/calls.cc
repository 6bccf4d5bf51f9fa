// Times one sandboxed call over MCP stdio against plain fork+exec and a bubblewrap process, in
// interleaved rounds of random order, so that the machine's drift meets all three alike.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <random>
#include <thread>

#include "tests/bench/client.h"

namespace casemate::bench {
namespace {

constexpr int kWarmUp = 20;  // rounds that do not count
// Between two turns, so that what one still does after its end (taking down namespaces, making the
// next sandbox) costs the others nothing; it is in its own CPU time.
constexpr std::chrono::milliseconds kSettle{10};

struct Contender {
  std::string key;
  std::string name;
  std::function<void()> run;
  std::function<double()> cpu_so_far;
  bool lives_on = false;  // between rounds too, and may still tidy up after its reply
  std::vector<double> ms;
  double cpu_ms = 0;
  double cpu_seen = 0;
};

void Measure(std::vector<Contender>& contenders, const Options& options) {
  std::mt19937 order(std::random_device{}());
  std::vector<std::size_t> round(contenders.size());
  for (std::size_t i = 0; i < round.size(); ++i) {
    round[i] = i;
  }
  for (int i = -kWarmUp; i < options.rounds; ++i) {
    std::shuffle(round.begin(), round.end(), order);
    for (const std::size_t index : round) {
      Contender& one = contenders[index];
      const double cpu_before = one.lives_on && i > -kWarmUp ? one.cpu_seen : one.cpu_so_far();
      const double elapsed = TimeMs(one.run);
      one.cpu_seen = one.cpu_so_far();
      std::this_thread::sleep_for(kSettle);
      if (i >= 0) {
        one.ms.push_back(elapsed);
        one.cpu_ms += one.cpu_seen - cpu_before;
      }
    }
  }
}

void PrintCalls(const std::vector<Contender>& contenders, const Options& options) {
  const double spawn = Percentile(contenders[0].ms, 0.5);
  const double bwrap = Percentile(contenders[1].ms, 0.5);
  if (options.json) {
    std::printf("{\"bench\":\"calls\",");
    for (const Contender& one : contenders) {
      const double p50 = Percentile(one.ms, 0.5);
      std::printf(
          "\"%s\":{\"p50_ms\":%.3f,\"p95_ms\":%.3f,\"cpu_ms\":%.3f,\"x_bwrap\":%.3f,"
          "\"x_fork_exec\":%.3f},",
          one.key.c_str(), p50, Percentile(one.ms, 0.95), one.cpu_ms / options.rounds, p50 / bwrap,
          p50 / spawn);
    }
    std::printf("\"rounds\":%d}\n", options.rounds);
    return;
  }
  std::printf("%-46s %8s %8s %8s %9s %11s\n", "/bin/true", "p50 ms", "p95 ms", "cpu ms", "x bwrap",
              "x fork+exec");
  for (const Contender& one : contenders) {
    const double p50 = Percentile(one.ms, 0.5);
    std::printf("%-46s %8.2f %8.2f %8.2f %9.2f %11.2f\n", one.name.c_str(), p50,
                Percentile(one.ms, 0.95), one.cpu_ms / options.rounds, p50 / bwrap, p50 / spawn);
  }
  std::printf(
      "%d rounds, random order in each; target: casemate at most 0.35 x bwrap, 4 x fork+exec\n",
      options.rounds);
}

}  // namespace

void BenchCalls(const Options& options) {
  CasemateClient casemate(options);
  std::vector<Contender> contenders(3);
  contenders[0].key = "fork_exec";
  contenders[0].name = "fork+exec+wait";
  contenders[0].run = [] { RunToEnd({"/bin/true"}); };
  contenders[0].cpu_so_far = EndedChildrenCpuMs;
  contenders[1].key = "bwrap";
  contenders[1].name = "bwrap --unshare-all";
  contenders[1].run = [] { RunToEnd(BwrapTrue()); };
  contenders[1].cpu_so_far = EndedChildrenCpuMs;
  contenders[2].key = "casemate";
  contenders[2].name = "casemate run over MCP stdio, policy and audit";
  contenders[2].run = [&] { casemate.Run(R"(["/bin/true"])"); };
  contenders[2].cpu_so_far = [&] { return TreeCpuMs(casemate.server().pid()); };
  contenders[2].lives_on = true;
  Measure(contenders, options);
  PrintCalls(contenders, options);
}

}  // namespace casemate::bench
