#include "mcp/config_roots.h"

#include <sys/stat.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "mcp/config_fields.h"
#include "policies/source/policy_files.h"

namespace casemate {
namespace {

bool IsSameOrBelow(const std::string& path, const std::string& directory) {
  return path == directory || path.starts_with(directory + "/");
}

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
  if (auto read = ReadFlag(node, "writable", writable); !read) {
    return std::move(read).error();
  }
  return ResolveRoot(path_node->Where(), *path, writable);
}

}  // namespace

Result<void> ReadRoots(const YamlNode& root, Config& config) {
  const auto roots = root.Get("workspace_roots");
  if (!roots) {
    return {};
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

namespace {

constexpr int kMaxLinks = 40;  // as the kernel's

// Where `path` leads to, whether it exists yet or not, and every symbolic link on the way there:
// who can replace one of those decides where it leads to next time.
struct Place {
  std::string path;
  std::vector<std::string> links;
};

std::deque<std::string> PartsOf(const std::filesystem::path& path) {
  std::deque<std::string> parts;
  for (const auto& part : path.relative_path()) {
    parts.push_back(part.string());
  }
  return parts;
}

Result<Place> Resolve(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path reached = "/";
  std::deque<std::string> parts = PartsOf(fs::absolute(path, error));
  Place place;
  while (!error && !parts.empty()) {
    const std::string part = std::move(parts.front());
    parts.pop_front();
    if (part.empty() || part == ".") {
      continue;
    }
    if (part == "..") {
      reached = reached.parent_path();
      continue;
    }
    const fs::path next = reached / part;
    std::error_code absent;  // what is not there is no link
    if (!fs::is_symlink(fs::symlink_status(next, absent))) {
      reached = next;
      continue;
    }
    place.links.push_back(next.string());
    if (place.links.size() > kMaxLinks) {
      error = std::make_error_code(std::errc::too_many_symbolic_link_levels);
      break;
    }
    const fs::path target = fs::read_symlink(next, error);
    if (target.is_absolute()) {
      reached = "/";
    }
    auto more = PartsOf(target);
    parts.insert(parts.begin(), more.begin(), more.end());
  }
  if (error) {
    return InvalidArgument("workspace_roots",
                           "cannot tell where `" + path + "` is: " + error.message());
  }
  place.path = reached.string();
  return place;
}

// What decides about later calls must not be open to a call.
Result<void> RefuseChangeable(const Config& config, const std::vector<std::string>& paths,
                              const char* what) {
  for (const policies::WorkspaceRoot& root : config.workspace_roots) {
    for (const std::string& path : paths) {
      if (root.writable && IsSameOrBelow(path, root.path)) {
        return InvalidArgument("workspace_roots",
                               "`" + root.path + "` would let the sandbox change the " + what +
                                   " `" + path + "`; move one of them, or make the root read-only");
      }
    }
  }
  return {};
}

}  // namespace

Result<void> RefuseExposed(const Config& config, const std::string& file, const char* what) {
  if (file.empty()) {
    return {};
  }
  auto place = Resolve(file);
  if (!place) {
    return std::move(place).error();
  }
  place->links.push_back(std::move(place->path));
  return RefuseChangeable(config, place->links, what);
}

namespace {

// A root inside of a directory of policy would let a call change that, too.
Result<void> RefuseInside(const Config& config, const std::string& directory) {
  auto place = directory.empty() ? Result<Place>(Place{}) : Resolve(directory);
  if (!place) {
    return std::move(place).error();
  }
  for (const policies::WorkspaceRoot& root : config.workspace_roots) {
    if (!directory.empty() && root.writable && IsSameOrBelow(root.path, place->path)) {
      return InvalidArgument("workspace_roots", "`" + root.path + "` lies in the policy bundle `" +
                                                    place->path +
                                                    "`; move one of them, or make the root "
                                                    "read-only");
    }
  }
  return {};
}

// A root is mounted as a whole: a read-only one inside a writable one would not be read-only.
Result<void> RefuseOverlaps(const Config& config) {
  for (const policies::WorkspaceRoot& narrow : config.workspace_roots) {
    for (const policies::WorkspaceRoot& wide : config.workspace_roots) {
      if (!narrow.writable && wide.writable && IsSameOrBelow(narrow.path, wide.path)) {
        return InvalidArgument("workspace_roots",
                               "`" + narrow.path + "` is to be read-only, but lies in `" +
                                   wide.path + "`, which is writable; make both alike");
      }
    }
  }
  return {};
}

}  // namespace

Result<void> RefuseUnsafeRoots(const Config& config) {
  auto state = Resolve(config.state_dir);
  if (!state) {
    return std::move(state).error();
  }
  for (const policies::WorkspaceRoot& root : config.workspace_roots) {
    if (IsSameOrBelow(state->path, root.path) || IsSameOrBelow(root.path, state->path)) {
      return InvalidArgument("workspace_roots", "`" + root.path +
                                                    "` would expose the state directory `" +
                                                    state->path + "` to the sandbox");
    }
  }
  if (auto links = RefuseChangeable(config, state->links, "way to the state directory"); !links) {
    return links;
  }
  if (auto file = RefuseExposed(config, config.config_file, "configuration"); !file) {
    return file;
  }
  for (const std::string& policy : {config.policy_file, config.policy_shadow}) {
    auto file =
        policies::IsShippedName(policy) ? Result<void>() : RefuseExposed(config, policy, "policy");
    if (!file) {
      return file;
    }
  }
  for (const auto& [path, what] : {std::pair(&config.rego.bundle, "policy bundle"),
                                   {&config.rego.opa, "program"},
                                   {&config.rego.verification_key, "verification key"}}) {
    if (auto file = RefuseExposed(config, *path, what); !file) {
      return file;
    }
  }
  if (auto inside = RefuseInside(config, config.rego.bundle); !inside) {
    return inside;
  }
  return RefuseOverlaps(config);
}

}  // namespace casemate
