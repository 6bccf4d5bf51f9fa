#include "mcp/rego.h"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/unique_fd.h"
#include "mcp/config_roots.h"
#include "sandbox/native/launcher_client.h"

namespace casemate {
namespace {

constexpr std::size_t kMaxWatched = 2000;

std::string Directory(const std::string& state_dir) {
  return state_dir + "/rego";
}

// A server that was to obey Rego never serves without it.
Error Refused(Error error) {
  error.message = "the Rego policy cannot decide, so nothing is served: " + error.message;
  if (error.remedy.empty()) {
    error.remedy = "see `casemate doctor`; without the key `rego` the YAML policy alone decides";
  }
  return error;
}

std::string Describe(const policies::OpaStatus& status) {
  return "opa " + status.version + " at " + status.path + " (sha256 " +
         status.sha256.substr(0, 12) + "…), bundle " + status.bundle +
         (status.is_signed ? ", signature verified" : ", not signed") + ", revision " +
         status.revision.substr(0, 12) + "…, pid " + std::to_string(status.process.pid) +
         ", started in " + std::to_string(status.start_ms) + " ms";
}

}  // namespace

Result<std::optional<policies::OpaSources>> ReadRego(const Config& config) {
  if (config.rego.bundle.empty()) {
    return std::optional<policies::OpaSources>();
  }
  auto sources = policies::OpaEngine::ReadSources(config.rego);
  if (!sources) {
    return Refused(std::move(sources).error());
  }
  if (auto safe = RefuseExposed(config, sources->program.path(), "program"); !safe) {
    return safe.error();
  }
  return std::optional(*std::move(sources));
}

Result<std::vector<policies::WorkspaceRoot>> LauncherRoots(
    const Config& config, const std::optional<policies::OpaSources>& rego,
    const std::string& state_dir) {
  std::vector<policies::WorkspaceRoot> roots = config.workspace_roots;
  if (!rego.has_value()) {
    return roots;
  }
  const std::string directory = Directory(state_dir);
  if (auto made = MakePrivateDirectories(directory); !made) {
    return std::move(made).error();
  }
  // By descriptor: the state directory may lie where this process may not enter any more.
  const UniqueFd opened(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  std::error_code error(opened.valid() ? 0 : errno, std::generic_category());
  const auto path =
      error ? std::filesystem::path()
            : std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(opened.get()), error);
  if (error) {
    return ErrnoError("cannot tell where " + directory + " is", error.value());
  }
  roots.push_back({path.string(), true});
  return roots;
}

Result<std::shared_ptr<policies::OpaEngine>> StartRego(policies::OpaSources rego,
                                                       sandbox::SandboxRunner& runner,
                                                       const std::string& state_dir,
                                                       const std::string& incarnation, int number) {
  auto started = policies::OpaEngine::Start(
      std::move(rego), runner,
      Directory(state_dir) + "/" + incarnation + "/" + std::to_string(number));
  if (!started) {
    return Refused(std::move(started).error());
  }
  return std::shared_ptr<policies::OpaEngine>(*std::move(started));
}

std::vector<std::string> RegoFiles(const Config& config) {
  if (config.rego.bundle.empty()) {
    return {};
  }
  std::vector<std::string> files = {config.rego.bundle};
  if (!config.rego.verification_key.empty()) {
    files.push_back(config.rego.verification_key);
  }
  std::error_code failure;
  std::filesystem::recursive_directory_iterator at(config.rego.bundle, failure);
  for (; !failure && at != std::filesystem::recursive_directory_iterator() &&
         files.size() < kMaxWatched;
       at.increment(failure)) {
    files.push_back(at->path().string());
  }
  return files;
}

void ForgetRego(const std::string& state_dir, const std::string& incarnation) {
  std::error_code ignored;
  std::filesystem::remove_all(Directory(state_dir) + "/" + incarnation, ignored);
}

std::vector<sandbox::Probe> ProbeRego(const Config& config,
                                      Result<std::optional<policies::OpaSources>> rego,
                                      const std::string& state_dir,
                                      const std::string& incarnation) {
  if (rego && !rego->has_value()) {
    return {};
  }
  sandbox::Probe probe;
  probe.layer = "rego";
  const auto missing = [&](const Error& error) {
    probe.detail = error.message;
    probe.remedy = error.remedy.empty() ? "see docs/policy/rego.md" : error.remedy;
    return std::vector<sandbox::Probe>{probe};
  };
  if (!rego) {
    return missing(rego.error());
  }
  std::optional<policies::OpaSources> sources = *std::move(rego);
  auto roots = LauncherRoots(config, sources, state_dir);
  if (!roots) {
    return missing(roots.error());
  }
  auto launcher = sandbox::LauncherClient::Start(incarnation, config.sandbox_mode, 0, *roots);
  if (!launcher) {
    return missing(launcher.error());
  }
  sandbox::SandboxRunner runner(**launcher);
  auto engine = sources.has_value()
                    ? policies::OpaEngine::Start(*std::move(sources), runner,
                                                 Directory(state_dir) + "/" + incarnation)
                    : Result<std::unique_ptr<policies::OpaEngine>>(Error{});
  if (!engine) {
    return missing(engine.error());
  }
  probe.present = true;
  probe.detail = Describe((*engine)->status());
  return {probe};
}

}  // namespace casemate
