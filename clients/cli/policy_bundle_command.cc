#include "clients/cli/policy_bundle_command.h"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <system_error>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/result.h"
#include "clients/cli/command_line.h"
#include "policies/opa/bundle_signature.h"
#include "sandbox/native/launcher_client.h"
#include "sandbox/native/runner.h"

namespace casemate::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxKeyBytes = 65536;

// Where opa works; gone with all in it afterwards.
class WorkDirectory {
 public:
  static Result<WorkDirectory> Make() {
    std::error_code error;
    std::string path = (fs::canonical(fs::temp_directory_path(error), error) / "casemate-XXXXXX");
    if (error || mkdtemp(path.data()) == nullptr) {
      return ErrnoError("cannot make " + path, error ? error.value() : errno);
    }
    return WorkDirectory(path);
  }
  WorkDirectory(WorkDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  WorkDirectory& operator=(WorkDirectory&&) = delete;
  ~WorkDirectory() {
    std::error_code ignored;
    if (!path_.empty()) {
      fs::remove_all(path_, ignored);
    }
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit WorkDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

Result<std::string> ReadKey(const PolicyBundleArgs& args) {
  auto key = ReadFile(args.key, kMaxKeyBytes);
  if (!key) {
    return std::move(key).error();
  }
  const char* const kind =
      args.action == PolicyBundleArgs::Action::kSign ? "PRIVATE KEY-----" : "PUBLIC KEY-----";
  if (!key->starts_with("-----BEGIN ") || key->find(kind) == std::string::npos) {
    return InvalidArgument(
        "--key", std::string("expected a ") +
                     (args.action == PolicyBundleArgs::Action::kSign ? "private" : "public") +
                     " key in PEM in " + args.key);
  }
  return key;
}

Result<void> Perform(const PolicyBundleArgs& args, const std::string& key, const std::string& opa,
                     sandbox::Mode mode) {
  auto program = policies::OpaProgram::Find(opa);
  if (!program) {
    return std::move(program).error();
  }
  auto work = WorkDirectory::Make();
  if (!work) {
    return std::move(work).error();
  }
  const std::vector<policies::WorkspaceRoot> roots = {{work->path(), true}};
  auto launcher = sandbox::LauncherClient::Start("policy-" + RandomHex(8), mode, 0, roots);
  if (!launcher) {
    return std::move(launcher).error();
  }
  sandbox::SandboxRunner runner(**launcher);
  auto sandbox = policies::OpaSandbox::Create(runner, *program, work->path() + "/opa");
  if (!sandbox) {
    return std::move(sandbox).error();
  }
  return args.action == PolicyBundleArgs::Action::kSign
             ? policies::SignBundle(*sandbox, args.directory, key)
             : policies::VerifyBundle(*sandbox, args.directory, key);
}

}  // namespace

void AddPolicyBundle(CLI::App& policy, PolicyBundleArgs& args) {
  CLI::App* bundle = policy.add_subcommand("bundle", "Signatures of Rego bundles");
  bundle->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, const char* key,
                       PolicyBundleArgs::Action action) {
    CLI::App* command = bundle->add_subcommand(name, what);
    command->add_option("DIR", args.directory, "The bundle: a directory with *.rego")->required();
    command->add_option("--key", args.key, key)->required();
    command->callback([&args, action] { args.action = action; });
  };
  add("sign", "Write DIR/.signatures.json, over every file of the bundle",
      "The private key (PEM, P-256)", PolicyBundleArgs::Action::kSign);
  add("verify", "Check the signature of a directory or .tar.gz; exit 1 if it does not hold",
      "The public key (PEM)", PolicyBundleArgs::Action::kVerify);
}

int PolicyBundleCommand(const PolicyBundleArgs& args, const std::string& opa, sandbox::Mode mode) {
  auto key = ReadKey(args);
  if (!key) {
    std::cerr << "casemate: policy bundle: " << Describe(key.error()) << '\n';
    return kExitUsage;
  }
  if (auto done = Perform(args, *key, opa, mode); !done) {
    std::cerr << "casemate: policy bundle: " << Describe(done.error()) << '\n';
    return kExitFailure;
  }
  std::cout << args.directory
            << (args.action == PolicyBundleArgs::Action::kSign ? ": signed\n"
                                                               : ": the signature holds\n");
  return kExitOk;
}

}  // namespace casemate::cli
