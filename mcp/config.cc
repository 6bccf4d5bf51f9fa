#include "mcp/config.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/yaml.h"
#include "mcp/config_containers.h"
#include "mcp/config_fields.h"
#include "mcp/config_http.h"
#include "mcp/config_packages.h"
#include "mcp/config_rego.h"
#include "mcp/config_roots.h"
#include "policies/profiles/profile.h"

namespace casemate {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;
constexpr std::int64_t kMinLineBytes = 65536;
constexpr std::int64_t kMaxLineBytes = std::int64_t{1} << 30;
constexpr std::int64_t kMaxCalls = 1024;
constexpr std::int64_t kMaxWarm = 64;
constexpr std::int64_t kMaxKept = 1'000'000;
constexpr std::int64_t kMaxKeptDays = 3650;
constexpr std::size_t kMaxToolsetBytes = 30;

// The value that counts: flag, then variable; empty when neither is set.
std::string Chosen(const std::string& flag, const char* variable) {
  return flag.empty() ? Environment(variable) : flag;
}

Result<std::string> DefaultDirectory(const char* xdg_variable, const char* below_home) {
  std::string base = Environment(xdg_variable);
  if (base.empty()) {
    const std::string home = Environment("HOME");
    if (home.empty()) {
      return Error{ErrorCode::kUnavailable,
                   std::string("neither ") + xdg_variable + " nor HOME is set", "environment",
                   "set HOME, or give --config and --state-dir", 0};
    }
    base = home + "/" + below_home;
  }
  if (!base.starts_with('/')) {
    return InvalidArgument(xdg_variable, "expected an absolute path, got `" + base + "`");
  }
  return base + "/casemate";
}

Result<void> CheckVersion(const YamlNode& root) {
  const auto node = root.Get("version");
  if (!node) {
    return InvalidArgument(root.Where(), "expected the key `version: 1`");
  }
  auto version = node->AsInt();
  if (!version) {
    return std::move(version).error();
  }
  if (*version != 1) {
    return InvalidArgument(node->Where(), "expected version 1, got " + std::to_string(*version));
  }
  return {};
}

Result<void> CheckToolset(const std::string& where, const std::string& name) {
  const bool is_name =
      !name.empty() && name.size() <= kMaxToolsetBytes && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
      });
  if (!is_name) {
    return InvalidArgument(where,
                           "expected the name of a toolset, such as `core`, got `" + name + "`");
  }
  return {};
}

Result<void> ReadRuns(const YamlNode& section, RunsConfig& runs) {
  return Steps()
      .Then([&] { return ReadSize(section, "keep", 1, kMaxKept, runs.keep); })
      .Then([&] { return ReadSize(section, "keep_days", 1, kMaxKeptDays, runs.keep_days); })
      .Then([&] { return ReadSize(section, "keep_mb", 1, kMaxKept, runs.keep_mb); })
      .Take();
}

Result<void> SetMode(const std::string& where, const std::string& text, sandbox::Mode& mode) {
  const auto named = sandbox::ModeNamed(text);
  if (!named) {
    return InvalidArgument(where, "expected `strict` or `best_effort`, got `" + text + "`");
  }
  mode = *named;
  return {};
}

Result<void> ReadMode(const YamlNode& section, sandbox::Mode& mode) {
  const auto node = section.Get("mode");
  if (!node) {
    return {};
  }
  auto text = node->AsString();
  return text ? SetMode(node->Where(), *text, mode) : Result<void>(std::move(text).error());
}

Result<void> ReadScalars(const YamlNode& root, Config& config) {
  return Steps()
      .Then([&] { return CheckVersion(root); })
      .Then([&] { return ReadText(root, "user", config.user); })
      .Then([&] { return ReadText(root, "policy_file", config.policy_file); })
      .Then([&] { return ReadText(root, "policy_shadow", config.policy_shadow); })
      .Then([&] { return ReadText(root, "default_profile", config.default_profile); })
      .Then([&] {
        return ReadSize(root, "max_line_bytes", kMinLineBytes, kMaxLineBytes,
                        config.max_line_bytes);
      })
      .Then([&] {
        return ReadSize(root, "max_concurrent_calls", 1, kMaxCalls, config.max_concurrent_calls);
      })
      .Then([&] { return ReadSize(root, "warm_sandboxes", 0, kMaxWarm, config.warm_sandboxes); })
      .Then([&] { return ReadTexts(root, "toolsets", CheckToolset, config.toolsets); })
      .Take();
}

Result<void> ApplyFile(const std::string& text, Config& config) {
  auto root = ParseYaml(text, config.config_file);
  if (!root) {
    return std::move(root).error();
  }
  if (root->kind() != YamlNode::Kind::kMap) {
    return InvalidArgument(root->Where(), "expected a map of settings");
  }
  return Steps()
      .Then([&] {
        return root->OnlyKeys({"version", "user", "workspace_roots", "policy_file", "policy_shadow",
                               "default_profile", "max_line_bytes", "max_concurrent_calls",
                               "warm_sandboxes", "toolsets", "http", "auth", "runs", "jobs",
                               "sandbox", "rego", "containers", "packages"});
      })
      .Then([&] { return ReadScalars(*root, config); })
      .Then([&] { return ReadHttp(*root, config); })
      .Then([&] {
        return ReadSection(*root, "runs", {"keep", "keep_days", "keep_mb"},
                           [&](const YamlNode& runs) { return ReadRuns(runs, config.runs); });
      })
      .Then([&] {
        return ReadSection(*root, "jobs", {"max_running"}, [&](const YamlNode& jobs) {
          return ReadSize(jobs, "max_running", 1, kMaxCalls, config.jobs.max_running);
        });
      })
      .Then([&] {
        return ReadSection(*root, "sandbox", {"mode"}, [&](const YamlNode& section) {
          return ReadMode(section, config.sandbox_mode);
        });
      })
      .Then([&] { return ReadRegoSection(*root, config); })
      .Then([&] { return ReadContainersSection(*root, config); })
      .Then([&] { return ReadPackagesSection(*root, config); })
      .Then([&] { return ReadRoots(*root, config); })
      .Take();
}

// Where the file and the state are, before the file is read.
Result<void> Locate(const ConfigOverrides& overrides, Config& config) {
  config.config_file = Chosen(overrides.config_file, "CASEMATE_CONFIG");
  if (config.config_file.empty()) {
    auto directory = DefaultDirectory("XDG_CONFIG_HOME", ".config");
    if (!directory) {
      return std::move(directory).error();
    }
    config.config_file = *directory + "/config.yaml";
  }
  config.state_dir = Chosen(overrides.state_dir, "CASEMATE_STATE_DIR");
  if (config.state_dir.empty()) {
    auto directory = DefaultDirectory("XDG_STATE_HOME", ".local/state");
    if (!directory) {
      return std::move(directory).error();
    }
    config.state_dir = *std::move(directory);
  }
  for (std::string* path : {&config.config_file, &config.state_dir}) {
    auto absolute = Absolute(*path);
    if (!absolute) {
      return std::move(absolute).error();
    }
    *path = *std::move(absolute);
  }
  return {};
}

Result<void> ReadConfigFile(bool must_exist, Config& config) {
  if (!must_exist && access(config.config_file.c_str(), F_OK) != 0 && errno == ENOENT) {
    return {};
  }
  auto text = ReadFile(config.config_file, kMaxConfigBytes);
  return text ? ApplyFile(*text, config) : Result<void>(std::move(text).error());
}

std::vector<std::string> SplitColons(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(':', begin), text.size());
    if (end > begin) {
      parts.push_back(text.substr(begin, end - begin));
    }
    begin = end + 1;
  }
  return parts;
}

Result<void> ApplyToolsets(const std::vector<std::string>& toolsets, Config& config) {
  for (const std::string& name : toolsets) {
    if (auto checked = CheckToolset("--toolsets", name); !checked) {
      return checked;
    }
  }
  if (!toolsets.empty()) {
    config.toolsets = toolsets;
  }
  return {};
}

Result<void> OverridePolicy(const ConfigOverrides& overrides, Config& config) {
  if (const std::string policy = Chosen(overrides.policy_file, "CASEMATE_POLICY");
      !policy.empty()) {
    config.policy_file = policy;
  }
  return {};
}

Result<void> OverrideMode(const ConfigOverrides& overrides, Config& config) {
  constexpr const char* kVariable = "CASEMATE_SANDBOX_MODE";
  const std::string mode = Chosen(overrides.sandbox_mode, kVariable);
  if (mode.empty()) {
    return {};
  }
  return SetMode(overrides.sandbox_mode.empty() ? kVariable : "--sandbox-mode", mode,
                 config.sandbox_mode);
}

// A name that is wrong in the file shows at the start (Runtime): not every command needs it.
Result<void> OverrideProfile(const ConfigOverrides& overrides, Config& config) {
  if (overrides.default_profile.empty()) {
    return {};
  }
  if (auto profile = policies::FindProfile(overrides.default_profile); !profile) {
    Error error = std::move(profile).error();
    error.field = "--profile";
    return error;
  }
  config.default_profile = overrides.default_profile;
  return {};
}

}  // namespace

Result<Config> LoadConfig(const ConfigOverrides& overrides) {
  Config config;
  const bool named = !Chosen(overrides.config_file, "CASEMATE_CONFIG").empty();
  auto done =
      Steps()
          .Then([&] { return Locate(overrides, config); })
          .Then([&] { return ReadConfigFile(named, config); })
          .Then([&] {
            return AddRoots("CASEMATE_WORKSPACE_ROOTS",
                            SplitColons(Environment("CASEMATE_WORKSPACE_ROOTS")), config);
          })
          .Then([&] { return AddRoots("--workspace-root", overrides.workspace_roots, config); })
          .Then([&] { return OverridePolicy(overrides, config); })
          .Then([&] { return OverrideMode(overrides, config); })
          .Then([&] { return OverrideOpa(config); })
          .Then([&] { return OverrideProfile(overrides, config); })
          .Then([&] { return RefuseUnsafeRoots(config); })
          .Then([&] { return ApplyToolsets(overrides.toolsets, config); })
          .Then([&] { return ApplyHttpFlags(overrides, config.http); })
          .Then([&] { return CheckListening(config.http, config.auth_mode); })
          .Take();
  if (!done) {
    return std::move(done).error();
  }
  GiveTlsToEndpoints(config.http);
  return config;
}

std::size_t ShareOfOne(const Config& config, std::size_t places) {
  if (config.auth_mode == AuthMode::kSimple || places <= 1) {
    return places;
  }
  return places - std::max<std::size_t>(1, places / 4);
}

}  // namespace casemate
