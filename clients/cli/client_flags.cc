#include "clients/cli/client_flags.h"

#include <utility>

namespace casemate::cli {
namespace {

void AddEntry(CLI::App& app, ClientEntryArgs& args) {
  app.add_option("host", args.host, "Which host; `casemate client list` names them")->required();
  app.add_option(
         "--scope", args.scope,
         "user: all its projects; project: a file in the project; local (claude-code): this "
         "project, in your own file")
      ->check(CLI::IsMember({"user", "project", "local"}));
  app.add_option("--name", args.name, "What the host calls the server")->capture_default_str();
  app.add_option("--project", args.project, "The project's directory; default: this one");
  app.add_option("--file", args.file, "The configuration file, if it is not the host's usual one");
}

void AddServer(CLI::App& app, ClientEntryArgs& args) {
  app.add_option("--via", args.via,
                 "How the host reaches this machine if it does not run on it: wsl (from Windows), "
                 "ssh or http")
      ->check(CLI::IsMember({"wsl", "ssh", "http"}));
  app.add_option("--for", args.system, "The system that the host runs on, if it is not this one")
      ->check(CLI::IsMember({"linux", "macos", "windows"}));
  app.add_option("--distribution", args.distribution,
                 "With --via wsl: the distribution; default: this one, else Windows' default");
  app.add_option("--via-host", args.via_host, "With --via ssh: [USER@]HOST");
  app.add_option("--url", args.url, "With --via http: http://HOST:PORT/mcp");
  app.add_option("--token-env", args.token_variable,
                 "With --via http: environment variable of the host with the bearer token; default "
                 "with https: CASEMATE_TOKEN");
  app.add_option("--program", args.program,
                 "Absolute path of casemate where it runs; default: of this program");
  app.add_option("--toolsets", args.toolsets, "Groups of tools to offer, as for `casemate serve`")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--profile", args.profile,
                 "Sandbox profile of calls that name none, as for `casemate serve`");
}

}  // namespace

void AddClient(CLI::App& app, ClientFlags& flags) {
  app.require_subcommand(1);
  CLI::App* install = app.add_subcommand(
      "install", "Put Casemate into a host's configuration, and change nothing else there");
  AddEntry(*install, flags.entry);
  AddServer(*install, flags.entry);
  install->add_flag("--dry-run", flags.entry.dry_run, "Show the change and make none");
  CLI::App* print =
      app.add_subcommand("print", "Print what install would write, and where it goes");
  AddEntry(*print, flags.entry);
  AddServer(*print, flags.entry);
  CLI::App* remove = app.add_subcommand("remove", "Take Casemate out of a host's configuration");
  AddEntry(*remove, flags.entry);
  remove->add_flag("--dry-run", flags.entry.dry_run, "Show the change and make none");
  app.add_subcommand("list", "The hosts, and the file of each");
  CLI::App* doctor = app.add_subcommand(
      "doctor", "Start Casemate as each host does; exit 1 if one of them would fail");
  doctor->add_option("hosts", flags.doctor.hosts, "Which hosts; default: those found here");
  doctor->add_option("--name", flags.doctor.name, "What the hosts call the server")
      ->capture_default_str();
  doctor->add_option("--project", flags.doctor.project,
                     "Look at this project's files too; default: this directory");
  doctor->add_flag("--json", flags.doctor.json, "Print JSON");
}

Command ClientCommand(const CLI::App& app, ClientFlags flags) {
  using Action = ClientEntryArgs::Action;
  if (app.got_subcommand("list")) {
    return ClientListArgs{};
  }
  if (app.got_subcommand("doctor")) {
    return std::move(flags.doctor);
  }
  flags.entry.action = app.got_subcommand("install") ? Action::kInstall
                       : app.got_subcommand("print") ? Action::kPrint
                                                     : Action::kRemove;
  return std::move(flags.entry);
}

}  // namespace casemate::cli
