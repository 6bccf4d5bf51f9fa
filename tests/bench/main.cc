// The benchmarks: `./dev bench` runs them all. Each compares ratios within one run, for machines
// differ and drift.
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>

#include "tests/bench/child.h"
#include "tests/bench/stats.h"

namespace casemate::bench {
namespace {

constexpr const char* kUsage =
    "usage: casemate_bench [calls|load|stdio|http|policy|containers|analysis|package]… "
    "[--casemate PATH] [--n ROUNDS] [--json]\n"
    "                      [--node PATH --everything DIR] [--opa PATH]";

struct Chosen {
  Options options;
  std::vector<std::string> parts;

  [[nodiscard]] bool Has(const std::string& part) const {
    return parts.empty() || std::ranges::find(parts, part) != parts.end();
  }
};

Chosen Parse(const std::vector<std::string>& args) {
  Chosen chosen;
  Options& options = chosen.options;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const bool has_value = i + 1 < args.size();
    if (args[i] == "--json") {
      options.json = true;
    } else if (args[i] == "--casemate" && has_value) {
      options.casemate = args[++i];
    } else if (args[i] == "--node" && has_value) {
      options.node = args[++i];
    } else if (args[i] == "--everything" && has_value) {
      options.everything = args[++i];
    } else if (args[i] == "--opa" && has_value) {
      options.opa = args[++i];
    } else if (args[i] == "--n" && has_value) {
      options.rounds = std::max(1, std::atoi(args[++i].c_str()));  // NOLINT(cert-err34-c)
    } else if (args[i] == "calls" || args[i] == "load" || args[i] == "stdio" || args[i] == "http" ||
               args[i] == "policy" || args[i] == "containers" || args[i] == "analysis" ||
               args[i] == "package") {
      chosen.parts.push_back(args[i]);
    } else {
      Die(kUsage);
    }
  }
  return chosen;
}

void Run(const Chosen& chosen) {
  if (chosen.Has("calls")) {
    BenchCalls(chosen.options);
  }
  if (chosen.Has("load")) {
    BenchLoad(chosen.options);
  }
  if (chosen.Has("stdio")) {
    BenchStdio(chosen.options);
  }
  if (chosen.Has("http")) {
    BenchHttp(chosen.options);
  }
  if (chosen.Has("policy")) {
    BenchPolicy(chosen.options);
  }
  if (chosen.Has("containers")) {
    BenchContainers(chosen.options);
  }
  if (chosen.Has("analysis")) {
    BenchAnalysis(chosen.options);
  }
  if (chosen.Has("package")) {
    BenchPackage(chosen.options);
  }
}

}  // namespace
}  // namespace casemate::bench

int main(int argc, char** argv) {
  try {
    casemate::bench::Run(casemate::bench::Parse(std::vector<std::string>(argv + 1, argv + argc)));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "casemate_bench: " << error.what() << '\n';
    return 1;
  }
}
