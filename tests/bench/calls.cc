// Times one sandboxed call over MCP stdio against plain fork+exec, bubblewrap and other sandboxes,
// in interleaved rounds of random order, so that the machine's drift meets all alike.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <functional>
#include <random>
#include <thread>

#include <nlohmann/json.hpp>

#include "tests/bench/client.h"
#include "tests/bench/floor.h"
#include "tests/bench/limited_bwrap.h"
#include "tests/bench/other_sandboxes.h"

namespace casemate::bench {
namespace {

constexpr int kWarmUp = 20;  // rounds that do not count
// Between two turns, so that what one still does after its end (taking down namespaces, making the
// next sandbox) costs the others nothing; it is in its own CPU time.
constexpr std::chrono::milliseconds kSettle{10};
// What takes longer has a turn only in each tenth round: the bench ends, and the others meet it
// less.
constexpr double kSlowMs = 20;
constexpr int kSlowEvery = 10;

struct Contender {
  std::string key;
  std::string name;
  std::vector<std::string> command;
  std::function<void()> run;
  std::function<void()> tidy_up = nullptr;       // after the clock has stopped
  std::function<double()> cpu_so_far = nullptr;  // none: it cannot be seen
  bool lives_on = false;  // between rounds too, and may still tidy up after its reply
  bool may_fail = false;
  int every = 1;       // has a turn in each so many rounds
  std::string absent;  // why it has no turns
  std::vector<double> ms;
  double cpu_ms = 0;
  double cpu_seen = 0;
};

enum Place : std::size_t { kForkExec, kBwrap, kLimited, kCasemate };

void TakeTurn(Contender& one, bool is_first, bool counts) {
  Adoption::Reap();  // late ones of the turn before: nobody's
  const auto cpu_so_far = [&] { return one.cpu_so_far ? one.cpu_so_far() : 0; };
  const double cpu_before = one.lives_on && !is_first ? one.cpu_seen : cpu_so_far();
  const double elapsed = TimeMs(one.run);
  if (one.tidy_up) {
    one.tidy_up();
  }
  std::this_thread::sleep_for(kSettle);
  Adoption::Reap();
  one.cpu_seen = cpu_so_far();
  if (counts) {
    one.ms.push_back(elapsed);
    one.cpu_ms += one.cpu_seen - cpu_before;
  }
}

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
      if (!one.absent.empty() || i % one.every != 0) {
        continue;
      }
      try {
        TakeTurn(one, i == -kWarmUp, i >= 0);
      } catch (const std::exception& error) {
        if (!one.may_fail) {
          throw;
        }
        one.absent = error.what();
      }
    }
  }
}

// Of the medians; 0 when either was not measured.
double Ratio(const Contender& one, const Contender& to) {
  return one.absent.empty() && to.absent.empty() ? Percentile(one.ms, 0.5) / Percentile(to.ms, 0.5)
                                                 : 0;
}

double MeanCpuMs(const Contender& one) {
  return one.cpu_ms / static_cast<double>(one.ms.size());
}

void PrintJson(const std::vector<Contender>& contenders, const Options& options) {
  const auto rounded = [](double value) { return std::round(value * 1e3) / 1e3; };
  nlohmann::ordered_json report = {{"bench", "calls"}};
  for (const Contender& one : contenders) {
    nlohmann::ordered_json& row = report[one.key];
    if (!one.command.empty()) {
      row["command"] = one.command;
    }
    if (!one.absent.empty()) {
      row["absent"] = one.absent;
      continue;
    }
    row["runs"] = one.ms.size();
    row["p50_ms"] = rounded(Percentile(one.ms, 0.5));
    row["p95_ms"] = rounded(Percentile(one.ms, 0.95));
    if (one.cpu_so_far) {
      row["cpu_ms"] = rounded(MeanCpuMs(one));
    }
    row["x_bwrap"] = rounded(Ratio(one, contenders[kBwrap]));
    if (contenders[kLimited].absent.empty()) {
      row["x_bwrap_limited"] = rounded(Ratio(one, contenders[kLimited]));
    }
    row["x_fork_exec"] = rounded(Ratio(one, contenders[kForkExec]));
  }
  report["rounds"] = options.rounds;
  std::printf("%s\n",
              report.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

// A figure in a column of `width`, or a dash.
void PrintCell(int width, bool is_known, double value) {
  is_known ? std::printf(" %*.2f", width, value) : std::printf(" %*s", width, "-");
}

void PrintText(const std::vector<Contender>& contenders, const Options& options) {
  std::printf("%-38s %4s %8s %8s %8s %8s %10s %12s\n", "/bin/true", "runs", "p50 ms", "p95 ms",
              "cpu ms", "x bwrap", "x limited", "x fork+exec");
  for (const Contender& one : contenders) {
    if (!one.absent.empty()) {
      std::printf("%-38s %s\n", one.name.c_str(), one.absent.c_str());
      continue;
    }
    std::printf("%-38s %4zu", one.name.c_str(), one.ms.size());
    PrintCell(8, true, Percentile(one.ms, 0.5));
    PrintCell(8, true, Percentile(one.ms, 0.95));
    PrintCell(8, one.cpu_so_far != nullptr, MeanCpuMs(one));
    PrintCell(8, true, Ratio(one, contenders[kBwrap]));
    PrintCell(10, contenders[kLimited].absent.empty(), Ratio(one, contenders[kLimited]));
    PrintCell(12, true, Ratio(one, contenders[kForkExec]));
    std::printf("\n");
  }
  std::printf(
      "%d rounds, random order in each; limited: bwrap with Casemate's system-call filter and "
      "limits\n"
      "target: casemate at most 0.35 x bwrap, 4 x fork+exec\n",
      options.rounds);
}

Contender Other(const OtherSandbox& other) {
  Contender one;
  one.key = other.key;
  one.name = other.name;
  one.command = other.command;
  one.absent = other.absent;
  one.run = [command = other.command] { RunQuietly(command); };
  if (other.has_cpu) {
    one.cpu_so_far = EndedChildrenCpuMs;
  }
  one.may_fail = true;
  one.every = other.first_ms > kSlowMs ? kSlowEvery : 1;
  return one;
}

}  // namespace

void BenchCalls(const Options& options) {
  const Adoption orphans;
  LimitedBwrap limited;  // before Casemate's server: see there
  CasemateClient casemate(options);
  const ScratchDirectory settings;
  std::vector<Contender> contenders(4);
  contenders[kForkExec].key = "fork_exec";
  contenders[kForkExec].name = "fork+exec+wait";
  contenders[kForkExec].run = [] { RunToEnd({"/bin/true"}); };
  contenders[kForkExec].cpu_so_far = EndedChildrenCpuMs;
  contenders[kBwrap].key = "bwrap";
  contenders[kBwrap].name = "bwrap --unshare-all";
  contenders[kBwrap].command = BwrapTrue();
  contenders[kBwrap].run = [] { RunToEnd(BwrapTrue()); };
  contenders[kBwrap].cpu_so_far = EndedChildrenCpuMs;
  contenders[kLimited].key = "bwrap_limited";
  contenders[kLimited].name = "bwrap, same filter and limits";
  contenders[kLimited].command = limited.command();
  contenders[kLimited].run = [&] { limited.Run(); };
  contenders[kLimited].tidy_up = [&] { limited.TidyUp(); };
  contenders[kLimited].cpu_so_far = [&] { return EndedChildrenCpuMs() + limited.own_cpu_ms(); };
  contenders[kLimited].may_fail = true;
  contenders[kLimited].absent = limited.absent();
  contenders[kCasemate].key = "casemate";
  contenders[kCasemate].name = "casemate, MCP stdio, policy and audit";
  contenders[kCasemate].run = [&] { casemate.Run(R"(["/bin/true"])"); };
  contenders[kCasemate].cpu_so_far = [&] { return TreeCpuMs(casemate.server().pid()); };
  contenders[kCasemate].lives_on = true;
  const auto add_floor = [&contenders](const char* key, const char* name,
                                       std::function<void()> run) {
    Contender& one = contenders.emplace_back();
    one.key = key;
    one.name = name;
    one.run = std::move(run);
    one.may_fail = true;
  };
  TwoRecords records;
  FiveHandOvers hand_overs;
  add_floor("floor_records", "floor: two records on disk", [&] { records.Run(); });
  add_floor("floor_hand_overs", "floor: five hand-overs", [&] { hand_overs.Run(); });
  add_floor("floor_namespaces", "floor: /bin/true in namespaces", RunInNamespaces);
  contenders.back().cpu_so_far = EndedChildrenCpuMs;
  for (const OtherSandbox& other : FindOtherSandboxes(settings.path())) {
    contenders.push_back(Other(other));
  }
  Measure(contenders, options);
  options.json ? PrintJson(contenders, options) : PrintText(contenders, options);
}

}  // namespace casemate::bench
