#include "clients/cli/policy_flags.h"

#include <utility>

namespace casemate::cli {
namespace {

constexpr const char* kPolicyHelp =
    "A policy file, or the name of a shipped policy; default: that of the configuration";

void AddSuites(CLI::App& app, std::vector<std::string>& suites) {
  app.add_option("--suite", suites,
                 "Test suite; repeatable; NAME.test.yaml beside NAME.yaml is found by itself")
      ->allow_extra_args(false);
}

void AddExplain(CLI::App& app, PolicyExplainArgs& args) {
  app.add_option("policy", args.policy, kPolicyHelp);
  app.add_option("--tool", args.tool, "The tool that is called, e.g. run")->required();
  app.add_option("--args", args.args,
                 "Its arguments as policy sees them: JSON, @FILE, or - for standard input. A real "
                 "call is normalised first (of `run`: network, profile, limits …) and comes with "
                 "facts in --context; `casemate audit tail --json` shows both")
      ->capture_default_str();
  app.add_option("--context", args.context,
                 "Facts about it: JSON, such as {\"workspace\": …, \"workspace_root\": …}")
      ->capture_default_str();
  app.add_option("--history", args.history, "What came before: JSON; unstated facts are zero")
      ->capture_default_str();
  app.add_option("--principal", args.principal, "Who calls")->capture_default_str();
  app.add_option("--tenant", args.tenant, "Their tenant")->capture_default_str();
  app.add_option("--role", args.roles,
                 "A role of theirs; repeatable; of `local` without any: owner")
      ->allow_extra_args(false);
  app.add_flag("--json", args.json, "Print JSON");
}

void AddSimulate(CLI::App& app, PolicySimulateArgs& args) {
  app.add_option("policy", args.policy, kPolicyHelp);
  app.add_option("--from", args.from, "audit: the trail; or a file of `casemate audit export`")
      ->capture_default_str();
  app.add_option("--since", args.since,
                 "Only calls since then: 30m, 2h, 7d; a day in UTC, 2026-11-20; or a number of the "
                 "trail");
  app.add_option("--limit", args.limit, "Only the newest so many of them")
      ->check(CLI::Range(1, 100'000'000));
  app.add_flag("--fail-on-flips", args.fail_on_flips, "Exit 1 if a decision would be another");
  app.add_flag("--json", args.json, "Print JSON");
}

}  // namespace

void AddPolicy(CLI::App& app, PolicyFlags& flags) {
  app.require_subcommand(1);
  CLI::App* lint = app.add_subcommand("lint", "Print all that is wrong; exit 1 if anything is");
  lint->add_option("policy", flags.lint.policy, kPolicyHelp);
  lint->add_flag("--json", flags.lint.json, "Print JSON");

  CLI::App* test =
      app.add_subcommand("test",
                         "Run its test suites; exit 1 if a test fails or too few rules "
                         "are covered");
  test->add_option("policy", flags.test.policy, kPolicyHelp);
  AddSuites(*test, flags.test.suites);
  test->add_flag("--coverage", flags.test.coverage,
                 "Show which rules and comparisons no example and no test exercises");
  test->add_option("--threshold", flags.test.threshold, "Percent of the rules that must be covered")
      ->check(CLI::Range(0, 100));
  test->add_flag("--json", flags.test.json, "Print JSON");

  AddExplain(*app.add_subcommand("explain", "Why a call is decided as it is, rule by rule"),
             flags.explain);

  CLI::App* diff = app.add_subcommand("diff", "What changes from one policy to another");
  diff->add_option("before", flags.diff.before, "A file or the name of a shipped policy")
      ->required();
  diff->add_option("after", flags.diff.after, "The same")->required();
  AddSuites(*diff, flags.diff.suites);
  diff->add_flag("--json", flags.diff.json, "Print JSON");

  AddSimulate(
      *app.add_subcommand("simulate", "Replay recorded calls: whose decision would be another?"),
      flags.simulate);
}

PolicyArgs PolicyWork(const CLI::App& app, PolicyFlags flags) {
  if (app.got_subcommand("lint")) {
    return {std::move(flags.lint)};
  }
  if (app.got_subcommand("test")) {
    return {std::move(flags.test)};
  }
  if (app.got_subcommand("explain")) {
    return {std::move(flags.explain)};
  }
  if (app.got_subcommand("diff")) {
    return {std::move(flags.diff)};
  }
  return {std::move(flags.simulate)};
}

}  // namespace casemate::cli
