// casemate_escape [--user UID] [--served] [--json] [--list] [NAME-PATTERN]: the abuse battery over
// the real binary, CASEMATE_BIN; `casemate selftest --escape` executes it. `--user` runs all of it
// as that user; only root can. `--served` sends the attacks to one `casemate serve`, in sandboxes
// made ahead. Exit codes: 0 nothing got through, 1 something did or is in doubt, 2 nothing was
// tried.
#include <CLI/CLI.hpp>
#include <unistd.h>

#include <iostream>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "sandbox/selftest/battery/battery.h"
#include "sandbox/selftest/battery/cases.h"
#include "sandbox/selftest/battery/report.h"
#include "sandbox/selftest/battery/stop.h"

namespace casemate::escape {
namespace {

constexpr int kUnsound = 1;
constexpr int kNotTried = 2;
constexpr int kSkipped = 77;  // CTest's SKIP_RETURN_CODE
constexpr int kSignalBase = 128;

struct Options {
  uid_t user = 0;
  bool served = false;
  bool json = false;
  bool list = false;
  std::string pattern;
};

// The exit code after help or an error.
std::optional<int> Parse(int argc, char** argv, Options& options) {
  CLI::App app{"The abuse battery of Casemate", "casemate_escape"};
  app.add_option("--user", options.user, "Run the battery as this user; only root can");
  app.add_flag("--served", options.served, "By way of `casemate serve`");
  app.add_flag("--json", options.json, "Print one JSON document");
  app.add_flag("--list", options.list, "Print the names of the attacks");
  app.add_option("pattern", options.pattern, "Part of a name, or a description with * and ?");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kNotTried;
  }
  return std::nullopt;
}

int Finish(const Report& report, bool as_json) {
  if (as_json) {
    std::cout << DumpJson(ToJson(report)) << '\n' << std::flush;
  } else {
    PrintSummary(report);
  }
  if (!std::cout) {
    std::cerr << "casemate selftest: cannot write all of it to standard output\n";
    return kUnsound;
  }
  if (report.signal != 0) {
    return kSignalBase + report.signal;
  }
  return IsSound(report) ? 0 : kUnsound;
}

void TryAll(const std::vector<Case>& cases, Battery& battery, Progress& progress, Report& report) {
  for (std::size_t at = 0; at < cases.size() && std::cout; ++at) {
    CheckStop();
    progress.Start(cases[at].theme, cases[at].name);
    report.trials.push_back(TryCase(cases[at], battery));
    report.ahead = battery.ahead();
    progress.Done(report.trials.back(), at + 1 < cases.size() ? cases[at + 1].theme : "");
  }
}

// Throws Interrupted.
void TryAll(const std::vector<Case>& cases, const Options& options, Host& host, Report& report) {
  Progress progress(options.json);
  progress.Begin(report);
  std::optional<Served> served;
  if (options.served) {
    served.emplace(Battery(host).Confined({.name = {}, .attack = {}, .expect = {}}));
  }
  Battery battery(host, served.has_value() ? &*served : nullptr);
  TryAll(cases, battery, progress, report);
}

int Run(const std::vector<Case>& cases, const Options& options) {
  CatchStopSignals();
  BecomeSubreaper();
  Report report;
  Host host(options.user != 0 ? std::optional<uid_t>(options.user) : std::nullopt);
  report.casemate = host.original();
  report.root = host.root();
  report.watches_mounts = host.watches_mounts();
  report.served = options.served;
  report.whole = options.pattern.empty();
  report.selected = cases.size();
  try {
    TryAll(cases, options, host, report);
  } catch (const Interrupted& stop) {
    report.signal = stop.signal;
    KillAllChildren();
    // Reaps what a server that was killed on purpose has left.
    static_cast<void>(Battery(host).Casemate({"run", "--", "/bin/true"}));
  }
  return Finish(report, options.json);
}

int Main(int argc, char** argv) {
  Options options;
  if (const std::optional<int> code = Parse(argc, argv, options)) {
    return *code;
  }
  std::vector<Case> cases = AllCases(options.served);
  std::erase_if(cases, [&](const Case& one) { return !Matches(one, options.pattern); });
  if (cases.empty()) {
    std::cerr
        << "casemate selftest: pattern: expected a part of an attack's name, or a description "
           "like \"kernel: *\"; got `"
        << options.pattern << "`, which names none (--list prints all names)\n";
    return kNotTried;
  }
  if (options.list) {
    for (const Case& one : cases) {
      std::cout << one.theme << ": " << one.name << '\n';
    }
    return 0;
  }
  if (options.user != 0 && geteuid() != 0) {
    std::cout << "SKIPPED: only root can run the battery as another user; it runs as uid "
              << geteuid() << " in the other test\n";
    return kSkipped;
  }
  return Run(cases, options);
}

}  // namespace
}  // namespace casemate::escape

int main(int argc, char** argv) {
  try {
    return casemate::escape::Main(argc, argv);
  } catch (const casemate::escape::Interrupted& stop) {
    return casemate::escape::kSignalBase + stop.signal;
  } catch (const std::exception& error) {
    std::cerr << "casemate selftest: " << error.what() << '\n';
    return casemate::escape::kNotTried;
  }
}
