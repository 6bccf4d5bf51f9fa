#include "clients/cli/command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <string_view>

#include "clients/cli/client_flags.h"
#include "clients/cli/containers_flags.h"
#include "clients/cli/policy_flags.h"

namespace casemate::cli {
namespace {

constexpr const char* kFooter = R"(Examples:
  casemate serve                                     an MCP server on stdin and stdout
  casemate serve ~/projects                          the same; agents may work in there
  casemate serve --http 127.0.0.1:8765               an MCP server over HTTP, for this machine
  casemate run -- python3 -c 'print(6 * 7)'          one sandboxed command
  casemate doctor                                    what this machine can enforce
  casemate selftest --escape                         attacks the sandbox: does it hold here?
  casemate audit verify                              is the trail whole?
  casemate policy test my.yaml --coverage            does the policy say what I mean?
  casemate analyze                                   how is this project built and started?
  casemate dockerfile lint                           what is wrong with this Dockerfile?
  casemate manifest init --save                      what this project consists of, as a file
  casemate package                                   its containers as images, and nothing is run
  casemate artifact verify shop                      is what I packaged still what I signed?
  casemate containers ls --watch                     what runs in Docker or Podman, live
  casemate client install cursor                     connects Cursor; `client list` names the others

Exit codes: 0 done; 1 the answer is no (doctor, selftest, audit verify, token rm, approve, policy,
client, containers, analyze, dockerfile, manifest, package, artifact); 2 wrong flags or
configuration, or a selftest that could not begin.
`run` and `containers exec` exit with the command's own code, or 123 ran, but its end is unknown, not on record or could
not be written; 124 timed out; 125 not run; 126 not executable; 127 not found; 128+N ended by
signal N, or taken back by it.)";

void AddRun(CLI::App& app, RunArgs& args) {
  app.add_option("command", args.before_dashes, "Program and arguments, after --");
  app.add_option("--code", args.code, "Source text to run instead of a command");
  app.add_option("--language", args.language,
                 "Language of --code: python, javascript, bash, c, cpp");
  app.add_option("--workspace", args.workspace,
                 "Host directory to work in; must lie below a workspace root");
  app.add_option("--profile", args.profile, "Sandbox profile; see `casemate profile list`");
  app.add_option("--env", args.env, "NAME=value to set inside; repeatable")
      ->allow_extra_args(false);
  app.add_option("--file", args.files,
                 "SOURCE=PATH: copy a host file into the workspace; repeatable")
      ->allow_extra_args(false);
  app.add_flag("--stdin", args.read_stdin, "Feed standard input (at most 16 MiB) to the command");
  app.add_option("--timeout-ms", args.timeout_ms, "Wall-clock limit in milliseconds");
  app.add_option("--memory-mb", args.memory_mb, "Memory limit in MiB, private files included");
  app.add_option("--cpus", args.cpus, "CPU limit in processors, e.g. 0.5");
  app.add_option("--pids", args.pids, "Limit of processes and threads");
  app.add_option("--disk-mb", args.disk_mb, "Size of the private workspace in MiB");
  app.add_option("--io-mb-s", args.io_mb_s,
                 "MiB a second read from, and written to, each disk; default any");
  app.add_option("--output-kb", args.output_kb, "KiB of stdout and of stderr that are kept");
  app.add_flag("--json", args.json, "Print the structured result instead of the output");
}

void AddServe(CLI::App& app, ServeArgs& args) {
  app.add_option("roots", args.roots,
                 "Directories below which workspaces may lie; as --workspace-root");
  app.add_option("--profile", args.profile,
                 "The sandbox profile of calls that name none; see `casemate profile list`");
  app.add_option("--http", args.http,
                 "Serve Streamable HTTP at ADDRESS:PORT or unix:PATH; repeatable; instead of "
                 "http.listen in the configuration. Beyond this machine: auth.mode enterprise")
      ->allow_extra_args(false);
  app.add_option("--toolsets", args.toolsets, "Groups of tools to offer, e.g. core,build")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--tls-certificate", args.tls_certificate,
                 "Serve HTTPS with this certificate (PEM, with its chain)");
  app.add_option("--tls-key", args.tls_key, "The certificate's private key (PEM)");
}

void AddSelftest(CLI::App& app, SelftestArgs& args) {
  app.add_flag("--escape", args.escape,
               "Run some 200 attacks in sandboxes, and each once more outside, as its control");
  app.add_flag("--served", args.served,
               "Send the attacks to a server, into sandboxes made ahead of their calls");
  app.add_flag("--json", args.json, "Print one JSON document");
  app.add_flag("--list", args.list, "Print the names of the attacks and run none");
  app.add_option("pattern", args.pattern,
                 "Only attacks with this in their name, or of a form like \"kernel: *\"");
}

// The self-test is about this program as it is shipped, in a place of its own.
bool SelftestIsComplete(const SelftestArgs& args, const GlobalFlags& flags) {
  if (!flags.config_file.empty() || !flags.state_dir.empty() || !flags.policy_file.empty() ||
      !flags.workspace_roots.empty()) {
    std::cerr << "casemate: selftest: expected none of --config, --state-dir, --policy and "
                 "--workspace-root: it runs with the shipped policy in a directory of its own\n";
    return false;
  }
  if (!args.escape) {
    std::cerr << "casemate: selftest: expected what to test:\n"
                 "  --escape    attacks on the sandbox, each with an unconfined control\n";
  }
  return args.escape;
}

struct TokenArgs {
  TokenAddArgs add;
  TokenListArgs list;
  TokenRmArgs rm;
};

void AddToken(CLI::App& app, TokenArgs& args) {
  app.require_subcommand(1);
  CLI::App* add =
      app.add_subcommand("add", "Make a token and print it, once: only its hash is kept");
  add->add_option("name", args.add.name, "What the token is for, e.g. laptop")->required();
  add->add_option("--principal", args.add.principal,
                  "Who its holder is to the policy; `local` is the owner of this server")
      ->capture_default_str();
  add->add_option("--role", args.add.roles,
                  "A role of that principal; repeatable; of `local` without any: owner")
      ->allow_extra_args(false);
  add->add_option("--expires", args.add.expires, "When it ends: 30d, 12h or never")
      ->capture_default_str();
  CLI::App* list = app.add_subcommand("list", "The tokens, without their secrets");
  list->add_flag("--json", args.list.json, "Print JSON");
  CLI::App* rm = app.add_subcommand("rm", "End a token at once; exit 1 if there is none such");
  rm->add_option("token", args.rm.token, "Its id or name")->required();
}

// Which of the subcommands of `token` was given.
Command TokenCommand(const CLI::App& app, TokenArgs args) {
  if (app.got_subcommand("add")) {
    return std::move(args.add);
  }
  if (app.got_subcommand("list")) {
    return args.list;
  }
  return std::move(args.rm);
}

struct ApproveArgs {
  ApproveListArgs list;
  ApproveShowArgs show;
  ApproveGrantArgs grant;
  ApproveDenyArgs deny;
};

void AddApprove(CLI::App& app, ApproveArgs& args) {
  constexpr const char* kId = "Its id, as the refused call or `approve list` says";
  app.require_subcommand(1);
  CLI::App* list =
      app.add_subcommand("list", "The calls that wait, and those granted but not made");
  list->add_flag("--all", args.list.all, "Also what was denied or used, or is over");
  list->add_flag("--json", args.list.json, "Print JSON");
  CLI::App* show = app.add_subcommand("show", "What exactly would run");
  show->add_option("id", args.show.id, kId)->required();
  show->add_flag("--json", args.show.json, "Print JSON");
  CLI::App* grant =
      app.add_subcommand("grant", "Let that call run, once; exit 1 if you may not or it is none");
  grant->add_option("id", args.grant.id, kId)->required();
  grant->add_flag("--remember", args.grant.remember,
                  "As far as the rule allows it, for the rest of the caller's session");
  CLI::App* deny = app.add_subcommand("deny", "Refuse it; also takes back a grant not yet used");
  deny->add_option("id", args.deny.id, kId)->required();
  deny->add_option("--reason", args.deny.reason, "What the caller is told");
}

// Which of the subcommands of `approve` was given.
Command ApproveCommand(const CLI::App& app, ApproveArgs args) {
  if (app.got_subcommand("list")) {
    return args.list;
  }
  if (app.got_subcommand("show")) {
    return std::move(args.show);
  }
  if (app.got_subcommand("grant")) {
    return std::move(args.grant);
  }
  return std::move(args.deny);
}

// Where the first "--" stands; argc: nowhere. What follows it is the command, word for word: CLI11
// would take a word like "[a,b]" apart, and another command than the given one would run.
int DashesAt(int argc, char** argv) {
  const auto* end = argv + argc;
  return static_cast<int>(std::find(argv, argv + argc, std::string_view("--")) - end + argc);
}

bool HasCommandBehindDashes(const RunArgs& args) {
  if (args.before_dashes.empty()) {
    return true;
  }
  std::cerr << "casemate: command: expected it after --, got `" << args.before_dashes.front()
            << "` before: casemate run [options] -- PROGRAM [ARGUMENT…]\n";
  return false;
}

// Which of the subcommands of `dockerfile` was given.
Command DockerfileWork(const CLI::App& app, const DockerfileLintArgs& lint,
                       const DockerfileGenerateArgs& generate,
                       const DockerfileGenerateArgs& explain) {
  if (app.got_subcommand("lint")) {
    return lint;
  }
  return app.got_subcommand("explain") ? explain : generate;
}

// What is done with projects and what was made of them.
struct ProjectFlags {
  AnalyzeArgs analyze;
  DockerfileLintArgs lint;
  DockerfileGenerateArgs generate;
  DockerfileGenerateArgs explain;
  ManifestArgs manifest;
  PackageArgs package;
  ArtifactFlags artifact;
};

void AddProject(CLI::App& app, ProjectFlags& flags) {
  AddAnalyze(
      *app.add_subcommand("analyze", "What a project is, how it is built and how it is started"),
      flags.analyze);
  AddDockerfile(*app.add_subcommand("dockerfile", "Write and check Dockerfiles"), flags.lint,
                flags.generate, flags.explain);
  AddManifest(*app.add_subcommand("manifest",
                                  "What a project consists of, for `package`: write, check, hash "
                                  "and compare it"),
              flags.manifest);
  AddPackage(
      *app.add_subcommand(
          "package", "The containers of a manifest as images, without an engine; `build` over MCP"),
      flags.package);
  AddArtifact(*app.add_subcommand("artifact", "What was packaged here: list, get, verify"),
              flags.artifact);
}

// nullopt: it is none of these.
std::optional<Command> ProjectWork(const CLI::App& app, ProjectFlags& flags) {
  if (app.got_subcommand("analyze")) {
    return std::move(flags.analyze);
  }
  if (app.got_subcommand("dockerfile")) {
    return DockerfileWork(*app.get_subcommand("dockerfile"), flags.lint, flags.generate,
                          flags.explain);
  }
  if (app.got_subcommand("manifest")) {
    return std::move(flags.manifest);
  }
  if (app.got_subcommand("package")) {
    return std::move(flags.package);
  }
  if (app.got_subcommand("artifact")) {
    return ArtifactWork(*app.get_subcommand("artifact"), std::move(flags.artifact));
  }
  return std::nullopt;
}

}  // namespace

// NOLINTNEXTLINE(readability-function-size): one declarative table of flags
std::variant<CommandLine, int> ParseCommandLine(int argc, char** argv) {
  CommandLine line;
  ServeArgs serve_args;
  TokenArgs token_args;
  ApproveArgs approve_args;
  ClientFlags client_flags;
  PolicyFlags policy_flags;
  RunArgs run_args;
  DoctorArgs doctor_args;
  SelftestArgs selftest_args;
  AuditTailArgs tail_args;
  AuditVerifyArgs verify_args;
  ProfileListArgs profile_args;

  CLI::App app{"Casemate runs code for AI agents: confined, judged by policy, and on record.",
               "casemate"};
  app.footer(kFooter);
  app.set_version_flag("--version", "casemate " CASEMATE_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--config", line.flags.config_file, "Configuration file (CASEMATE_CONFIG)");
  app.add_option("--state-dir", line.flags.state_dir,
                 "Where the audit trail and locks live (CASEMATE_STATE_DIR)");
  app.add_option("--policy", line.flags.policy_file, "Policy file (CASEMATE_POLICY)");
  app.add_option("--workspace-root", line.flags.workspace_roots,
                 "Allow workspaces below this directory; repeatable (CASEMATE_WORKSPACE_ROOTS)")
      ->allow_extra_args(false);

  app.add_option("--sandbox-mode", line.flags.sandbox_mode,
                 "strict: refuse what this machine cannot enforce; best_effort: run without "
                 "Landlock or /proc where there is none (CASEMATE_SANDBOX_MODE)");

  CLI::App* serve =
      app.add_subcommand("serve", "Serve MCP on standard input and output, or over HTTP");
  AddServe(*serve, serve_args);
  CLI::App* run = app.add_subcommand("run", "Run one command or snippet in the sandbox");
  AddRun(*run, run_args);
  CLI::App* doctor =
      app.add_subcommand("doctor", "Probe each layer of the sandbox; exit 1 if one is missing");
  doctor->add_flag("--json", doctor_args.json, "Print JSON");
  doctor->add_flag("--apparmor-profile", doctor_args.apparmor_profile,
                   "Print an AppArmor profile that lets this very binary make user namespaces, and "
                   "probe nothing");
  CLI::App* selftest = app.add_subcommand(
      "selftest", "Attack this sandbox on this machine; exit 1 if one got through");
  AddSelftest(*selftest, selftest_args);
  CLI::App* audit = app.add_subcommand("audit", "Read and check the audit trail");
  audit->require_subcommand(1);
  CLI::App* tail = audit->add_subcommand("tail", "The newest records");
  tail->add_option("-n,--count", tail_args.count, "How many")->check(CLI::Range(1, 100000));
  tail->add_flag("--json", tail_args.json, "Print the records as they are stored");
  CLI::App* verify =
      audit->add_subcommand("verify", "Check the hash chain; exit 1 if it is broken");
  verify->add_flag("--json", verify_args.json, "Print JSON");
  CLI::App* export_cmd = audit->add_subcommand("export", "Write every record to standard output");
  bool jsonl = true;
  export_cmd->add_flag("--jsonl", jsonl, "One JSON object a line (the only format, the default)");
  CLI::App* profile = app.add_subcommand("profile", "Sandbox profiles");
  profile->require_subcommand(1);
  CLI::App* list = profile->add_subcommand("list", "The profiles and what each requests");
  list->add_flag("--json", profile_args.json, "Print JSON");

  CLI::App* token = app.add_subcommand("token", "Bearer tokens for HTTP (auth.mode enterprise)");
  AddToken(*token, token_args);

  CLI::App* approve = app.add_subcommand("approve", "Calls for which policy says `ask`");
  AddApprove(*approve, approve_args);

  CLI::App* client = app.add_subcommand(
      "client", "Connect Casemate to Claude, VS Code, Cursor, Codex and other hosts");
  AddClient(*client, client_flags);

  CLI::App* policy = app.add_subcommand("policy", "Write, test and understand policies");
  AddPolicy(*policy, policy_flags);
  PolicyBundleArgs bundle_args;
  AddPolicyBundle(*policy, bundle_args);

  CLI::App* containers =
      app.add_subcommand("containers", "Containers of Docker or Podman: states, logs, commands");
  ContainersFlags containers_flags;
  AddContainers(*containers, containers_flags);

  ProjectFlags project_flags;
  AddProject(app, project_flags);

  const int dashes = DashesAt(argc, argv);
  std::vector<std::string> command(argv + std::min(dashes + 1, argc), argv + argc);
  try {
    app.parse(dashes, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kExitOk : kExitUsage;
  }
  if (serve->parsed()) {
    line.command = std::move(serve_args);
  } else if (token->parsed()) {
    line.command = TokenCommand(*token, std::move(token_args));
  } else if (approve->parsed()) {
    line.command = ApproveCommand(*approve, std::move(approve_args));
  } else if (policy->got_subcommand("bundle")) {
    line.command = std::move(bundle_args);
  } else if (policy->parsed()) {
    line.command = PolicyWork(*policy, std::move(policy_flags));
  } else if (containers->parsed()) {
    auto work = ContainersWork(*containers, std::move(containers_flags), std::move(command));
    if (!work) {
      return kExitUsage;
    }
    line.command = *std::move(work);
  } else if (auto work = ProjectWork(app, project_flags)) {
    line.command = *std::move(work);
  } else if (client->parsed()) {
    line.command = ClientCommand(*client, std::move(client_flags));
  } else if (run->parsed()) {
    if (!HasCommandBehindDashes(run_args)) {
      return kExitUsage;
    }
    run_args.command = std::move(command);
    line.command = std::move(run_args);
  } else if (doctor->parsed()) {
    line.command = doctor_args;
  } else if (selftest->parsed()) {
    if (!SelftestIsComplete(selftest_args, line.flags)) {
      return kExitUsage;
    }
    line.command = std::move(selftest_args);
  } else if (tail->parsed()) {
    line.command = tail_args;
  } else if (verify->parsed()) {
    line.command = verify_args;
  } else if (export_cmd->parsed()) {
    line.command = AuditExportArgs{};
  } else {
    line.command = profile_args;
  }
  return line;
}

}  // namespace casemate::cli
