#include "mcp/config.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>

#include "base/file.h"
#include "base/yaml.h"
#include "policies/workspace_root.h"

namespace casemate {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;
constexpr std::int64_t kMinLineBytes = 65536;
constexpr std::int64_t kMaxLineBytes = std::int64_t{1} << 30;
constexpr std::int64_t kMaxCalls = 1024;

// Called before any thread starts.
std::string Environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? std::string() : value;
}

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

Result<std::string> ExpandHome(const std::string& path) {
  if (path != "~" && !path.starts_with("~/")) {
    return path;
  }
  const std::string home = Environment("HOME");
  if (home.empty()) {
    return InvalidArgument("HOME", "expected a home directory for `" + path + "`, got none");
  }
  return home + path.substr(1);
}

Result<std::string> Absolute(const std::string& path) {
  if (path.starts_with('/')) {
    return path;
  }
  char* cwd = get_current_dir_name();
  if (cwd == nullptr) {
    return ErrnoError("cannot tell the working directory for `" + path + "`", errno);
  }
  std::string absolute = std::string(cwd) + "/" + path;
  std::free(cwd);
  return absolute;
}

bool IsSameOrBelow(const std::string& path, const std::string& directory) {
  return path == directory || path.starts_with(directory + "/");
}

// Resolves a root now, so that policy compares canonical paths with canonical paths.
Result<policies::WorkspaceRoot> ResolveRoot(const std::string& where, const std::string& path,
                                            bool writable) {
  auto expanded = ExpandHome(path);
  if (!expanded) {
    return std::move(expanded).error();
  }
  if (!expanded->starts_with('/')) {
    return InvalidArgument(where, "expected an absolute directory, got `" + path + "`");
  }
  char* resolved = realpath(expanded->c_str(), nullptr);
  if (resolved == nullptr) {
    return InvalidArgument(where, "expected an existing directory, got `" + path + "`");
  }
  policies::WorkspaceRoot root{resolved, writable};
  std::free(resolved);
  struct stat info{};
  if (stat(root.path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return InvalidArgument(where, "expected a directory, got `" + path + "`");
  }
  if (root.path == "/") {
    return InvalidArgument(where,
                           "expected a directory below `/`; the whole file system cannot "
                           "be a workspace root");
  }
  return root;
}

// The agent must not reach our own records through a workspace.
Result<void> RefuseStateDir(const Config& config) {
  char* resolved = realpath(config.state_dir.c_str(), nullptr);
  const std::string state = resolved == nullptr ? config.state_dir : resolved;
  std::free(resolved);
  for (const policies::WorkspaceRoot& root : config.workspace_roots) {
    if (IsSameOrBelow(state, root.path) || IsSameOrBelow(root.path, state)) {
      return InvalidArgument(
          "workspace_roots",
          "`" + root.path + "` would expose the state directory `" + state + "` to the sandbox");
    }
  }
  return {};
}

Result<policies::WorkspaceRoot> RootFromYaml(const YamlNode& node) {
  if (node.kind() != YamlNode::Kind::kMap) {
    auto path = node.AsString();
    if (!path) {
      return std::move(path).error();
    }
    return ResolveRoot(node.Where(), *path, true);
  }
  if (auto known = node.OnlyKeys({"path", "writable"}); !known) {
    return std::move(known).error();
  }
  const auto path_node = node.Get("path");
  if (!path_node) {
    return InvalidArgument(node.Where(), "expected the key `path`");
  }
  auto path = path_node->AsString();
  if (!path) {
    return std::move(path).error();
  }
  bool writable = true;
  if (const auto flag = node.Get("writable")) {
    auto value = flag->AsBool();
    if (!value) {
      return std::move(value).error();
    }
    writable = *value;
  }
  return ResolveRoot(path_node->Where(), *path, writable);
}

Result<void> ReadText(const YamlNode& root, std::string_view key, std::string& target) {
  if (const auto node = root.Get(key)) {
    auto value = node->AsString();
    if (!value) {
      return std::move(value).error();
    }
    target = *std::move(value);
  }
  return {};
}

Result<void> ReadSize(const YamlNode& root, std::string_view key, std::int64_t low,
                      std::int64_t high, std::size_t& target) {
  if (const auto node = root.Get(key)) {
    auto value = node->AsInt();
    if (!value) {
      return std::move(value).error();
    }
    if (*value < low || *value > high) {
      return InvalidArgument(node->Where(), "expected a number from " + std::to_string(low) +
                                                " to " + std::to_string(high) + ", got " +
                                                std::to_string(*value));
    }
    target = static_cast<std::size_t>(*value);
  }
  return {};
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

Result<void> ApplyFile(const std::string& text, Config& config) {
  auto root = ParseYaml(text, config.config_file);
  if (!root) {
    return std::move(root).error();
  }
  if (root->kind() != YamlNode::Kind::kMap) {
    return InvalidArgument(root->Where(), "expected a map of settings");
  }
  Result<void> done = root->OnlyKeys({"version", "workspace_roots", "policy_file",
                                      "default_profile", "max_line_bytes", "max_concurrent_calls"});
  const auto then = [&done](Result<void> next) {
    if (done) {
      done = std::move(next);
    }
  };
  then(CheckVersion(*root));
  then(ReadText(*root, "policy_file", config.policy_file));
  then(ReadText(*root, "default_profile", config.default_profile));
  then(ReadSize(*root, "max_line_bytes", kMinLineBytes, kMaxLineBytes, config.max_line_bytes));
  then(ReadSize(*root, "max_concurrent_calls", 1, kMaxCalls, config.max_concurrent_calls));
  const auto roots = root->Get("workspace_roots");
  if (!done || !roots) {
    return done;
  }
  if (roots->kind() != YamlNode::Kind::kSequence) {
    return InvalidArgument(roots->Where(), "expected a list of directories");
  }
  for (const YamlNode& item : roots->Items()) {
    auto entry = RootFromYaml(item);
    if (!entry) {
      return std::move(entry).error();
    }
    config.workspace_roots.push_back(*std::move(entry));
  }
  return {};
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

Result<void> AddRoots(const std::string& source, const std::vector<std::string>& paths,
                      Config& config) {
  for (const std::string& path : paths) {
    auto absolute = Absolute(path);
    if (!absolute) {
      return std::move(absolute).error();
    }
    auto root = ResolveRoot(source, path.starts_with('~') ? path : *absolute, true);
    if (!root) {
      return std::move(root).error();
    }
    config.workspace_roots.push_back(*std::move(root));
  }
  return {};
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

}  // namespace

Result<Config> LoadConfig(const ConfigOverrides& overrides) {
  Config config;
  Result<void> done = Locate(overrides, config);
  const auto then = [&done](auto&& step) {
    if (done) {
      done = step();
    }
  };
  const bool named = !Chosen(overrides.config_file, "CASEMATE_CONFIG").empty();
  then([&] { return ReadConfigFile(named, config); });
  then([&] {
    return AddRoots("CASEMATE_WORKSPACE_ROOTS",
                    SplitColons(Environment("CASEMATE_WORKSPACE_ROOTS")), config);
  });
  then([&] { return AddRoots("--workspace-root", overrides.workspace_roots, config); });
  then([&] { return RefuseStateDir(config); });
  if (!done) {
    return std::move(done).error();
  }
  if (const std::string policy = Chosen(overrides.policy_file, "CASEMATE_POLICY");
      !policy.empty()) {
    config.policy_file = policy;
  }
  return config;
}

}  // namespace casemate
