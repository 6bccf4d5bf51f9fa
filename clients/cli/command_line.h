// The command line of `casemate`, parsed by CLI11 into plain values. Pure; no side effects besides
// the help text that ParseCommandLine prints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "clients/cli/analyze_command.h"
#include "clients/cli/artifact_commands.h"
#include "clients/cli/containers_args.h"
#include "clients/cli/dockerfile_command.h"
#include "clients/cli/manifest_command.h"
#include "clients/cli/package_command.h"
#include "clients/cli/policy_args.h"
#include "clients/cli/policy_bundle_command.h"

namespace casemate::cli {

// Exit codes of every subcommand; `casemate --help` prints this table.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure =
    1;  // the answer is "no": doctor, selftest, audit verify, token rm, approve, policy
inline constexpr int kExitUsage = 2;       // wrong flags or configuration
inline constexpr int kExitUnknown = 123;   // run: ran, but its end is unknown, not recorded or cut
inline constexpr int kExitTimedOut = 124;  // run: stopped at its time limit
inline constexpr int kExitNotRun = 125;    // run: refused, or Casemate could not run it
inline constexpr int kExitCannotExec = 126;  // run: found but not executable
inline constexpr int kExitNotFound = 127;    // run: no such program in the sandbox
inline constexpr int kExitSignalBase = 128;  // run: 128 + number of the signal that ended it

struct GlobalFlags {
  std::string config_file;
  std::string state_dir;
  std::string policy_file;
  std::vector<std::string> workspace_roots;
  std::string sandbox_mode;
};

struct ServeArgs {
  std::vector<std::string> roots;
  std::string profile;
  std::vector<std::string> http;  // HOST:PORT or unix:PATH
  std::vector<std::string> toolsets;
  std::string tls_certificate;
  std::string tls_key;
};
struct RunArgs {
  std::vector<std::string> command;  // what follows --, word for word
  std::vector<std::string> before_dashes;
  std::optional<std::string> code;
  std::string language;
  std::optional<std::string> workspace;
  std::string profile;
  std::vector<std::string> env;    // NAME=value
  std::vector<std::string> files;  // SOURCE=PATH
  bool read_stdin = false;
  bool json = false;
  std::optional<std::int64_t> memory_mb, pids, disk_mb, io_mb_s, output_kb, timeout_ms;
  std::optional<double> cpus;
};
struct DoctorArgs {
  bool json = false;
  bool apparmor_profile = false;
};
struct SelftestArgs {
  bool escape = false;
  bool served = false;
  bool json = false;
  bool list = false;
  std::string pattern;
};
struct AuditTailArgs {
  std::int64_t count = 20;
  bool json = false;
};
struct AuditVerifyArgs {
  bool json = false;
};
struct AuditExportArgs {};
struct ProfileListArgs {
  bool json = false;
};
struct TokenAddArgs {
  std::string name;
  std::string principal = "local";
  std::vector<std::string> roles;
  std::string expires = "90d";  // 30d, 12h or never
};
struct TokenListArgs {
  bool json = false;
};
struct TokenRmArgs {
  std::string token;  // id or name
};
struct ApproveListArgs {
  bool all = false;
  bool json = false;
};
struct ApproveShowArgs {
  std::string id;
  bool json = false;
};
struct ApproveGrantArgs {
  std::string id;
  bool remember = false;
};
struct ApproveDenyArgs {
  std::string id;
  std::string reason;
};
// `client install`, `print` and `remove`: Casemate's entry in the configuration of a host.
struct ClientEntryArgs {
  enum class Action { kInstall, kPrint, kRemove };
  Action action = Action::kPrint;
  std::string host;
  std::string scope;  // user, project, local; empty: the host's usual one
  std::string name = "casemate";
  std::string file;          // instead of the host's own
  std::string project;       // directory of the project; empty: the working directory
  std::string system;        // linux, macos, windows: where the host runs; empty: see `via`
  std::string via;           // wsl, ssh, http; empty: the host starts this program
  std::string distribution;  // wsl
  std::string via_host;      // ssh
  std::string url;           // http
  std::string token_variable;
  std::string program;  // where the server runs; empty: the path of this program
  std::vector<std::string> toolsets;
  std::string profile;
  bool dry_run = false;
};
struct ClientListArgs {};
struct ClientDoctorArgs {
  std::vector<std::string> hosts;  // empty: those that are used
  std::string name = "casemate";
  std::string project;
  bool json = false;
};
using Command =
    std::variant<ServeArgs, RunArgs, DoctorArgs, SelftestArgs, AuditTailArgs, AuditVerifyArgs,
                 AuditExportArgs, ProfileListArgs, TokenAddArgs, TokenListArgs, TokenRmArgs,
                 ApproveListArgs, ApproveShowArgs, ApproveGrantArgs, ApproveDenyArgs,
                 ClientEntryArgs, ClientListArgs, ClientDoctorArgs, PolicyArgs, PolicyBundleArgs,
                 ContainersArgs, AnalyzeArgs, DockerfileLintArgs, DockerfileGenerateArgs,
                 ManifestArgs, ArtifactArgs, PackageArgs>;

struct CommandLine {
  GlobalFlags flags;
  Command command;
};

// The parsed command line, or the exit code after help, version or a usage error was printed.
std::variant<CommandLine, int> ParseCommandLine(int argc, char** argv);

}  // namespace casemate::cli
