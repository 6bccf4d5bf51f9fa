#include "clients/cli/containers_flags.h"

#include <iostream>
#include <utility>

namespace casemate::cli {
namespace {

constexpr const char* kNameHelp = "Name or id of a container, or the beginning of its id";
constexpr std::int64_t kMaxTail = 10'000;
constexpr std::int64_t kMaxTimeoutS = 86'400;

void AddList(CLI::App& app, ContainersListArgs& args) {
  CLI::App* list = app.add_subcommand("ls", "The containers, a line each");
  list->add_flag("--all", args.all, "Also those that do not run");
  list->add_flag("--watch", args.watch, "Look again each 2 seconds, until Ctrl-C");
  list->add_flag("--json", args.json, "Print JSON; with --watch a document a line");
  list->footer("Example: casemate containers ls --watch");
}

void AddStatus(CLI::App& app, ContainersStatusArgs& args) {
  CLI::App* status = app.add_subcommand(
      "status", "All about one: state, health, use, services inside; what is wrong comes first");
  status->add_option("name", args.name, kNameHelp)->required();
  status->add_flag("--json", args.json, "Print JSON");
  status->footer("Example: casemate containers status web");
}

void AddLogs(CLI::App& app, ContainersLogsArgs& args) {
  CLI::App* logs = app.add_subcommand("logs", "The last lines that a container wrote");
  logs->add_option("name", args.name, kNameHelp)->required();
  logs->add_option("--tail", args.tail,
                   "Last lines, 100 without it; with --grep, of those that match")
      ->check(CLI::Range(std::int64_t{0}, kMaxTail));
  logs->add_option("--since", args.since,
                   "Seconds or a duration ago (10m, 1h30m), or a time of RFC 3339");
  logs->add_option("--grep", args.grep, "RE2 pattern, found anywhere in a line");
  logs->add_flag("--follow,-f", args.follow,
                 "Then each new line as it comes, until Ctrl-C; --grep looks at the last --tail "
                 "lines then");
  logs->add_flag("--json", args.json, "Print JSON; with --follow an object a line");
  logs->footer("Example: casemate containers logs web --since 10m --grep 'error|timeout' --follow");
}

void AddExec(CLI::App& app, ContainersExecArgs& args) {
  CLI::App* exec = app.add_subcommand(
      "exec", "Run a command in a container that runs; exits as `casemate run` does");
  exec->add_option("name", args.name, kNameHelp)->required();
  exec->add_option("command", args.before_dashes, "Program and arguments, after --");
  exec->add_option("--timeout", args.timeout_s, "Wall-clock limit in seconds")
      ->check(CLI::Range(std::int64_t{1}, kMaxTimeoutS));
  exec->add_option("--env", args.env, "NAME=value to set inside; repeatable")
      ->allow_extra_args(false);
  exec->add_flag("--stdin", args.read_stdin, "Feed standard input (at most 16 MiB) to the command");
  exec->footer("Example: casemate containers exec web --env LANG=C -- ls -l /srv");
}

void AddOptimize(CLI::App& app, ContainersOptimizeArgs& args) {
  CLI::App* optimize = app.add_subcommand(
      "optimize", "What would free memory or disk, and why; does nothing without consent");
  optimize->add_option("name", args.name, std::string(kNameHelp) + "; default: all containers");
  optimize
      ->add_option("--yes", args.yes,
                   "Do these: `all`, kinds, or ids that a plan showed, e.g. "
                   "prune_images,remove_stopped-3f2a9c1b04de: the same id is the same action in "
                   "each plan; without it, a terminal is asked for each")
      ->delimiter(',')
      ->allow_extra_args(false);
  optimize->add_flag("--json", args.json, "Print JSON, and ask nothing");
  optimize->footer("Example: casemate containers optimize --yes remove_stopped,prune_images");
}

}  // namespace

void AddContainers(CLI::App& app, ContainersFlags& flags) {
  app.require_subcommand(1);
  AddList(app, flags.list);
  AddStatus(app, flags.status);
  AddLogs(app, flags.logs);
  AddExec(app, flags.exec);
  AddOptimize(app, flags.optimize);
}

std::optional<ContainersArgs> ContainersWork(const CLI::App& app, ContainersFlags flags,
                                             std::vector<std::string> command) {
  if (app.got_subcommand("exec")) {
    if (command.empty() || !flags.exec.before_dashes.empty()) {
      std::cerr << "casemate: command: expected it after --: casemate containers exec NAME "
                   "[options] -- PROGRAM [ARGUMENT…]\n";
      return std::nullopt;
    }
    flags.exec.command = std::move(command);
    return ContainersArgs{std::move(flags.exec)};
  }
  if (!command.empty()) {
    std::cerr << "casemate: expected nothing after --; only `containers exec` takes a command\n";
    return std::nullopt;
  }
  if (app.got_subcommand("ls")) {
    return ContainersArgs{flags.list};
  }
  if (app.got_subcommand("status")) {
    return ContainersArgs{std::move(flags.status)};
  }
  if (app.got_subcommand("logs")) {
    return ContainersArgs{std::move(flags.logs)};
  }
  return ContainersArgs{std::move(flags.optimize)};
}

}  // namespace casemate::cli
