#include "sandbox/native/spec.h"

#include <algorithm>
#include <array>
#include <set>

#include "sandbox/native/launcher/wire.h"

namespace casemate::sandbox {
namespace {

using policies::WorkspaceAccess;

constexpr std::string_view kGeneratedFiles = "/run/casemate/";
constexpr std::size_t kMaxPath = 4095;      // PATH_MAX without its NUL
constexpr std::size_t kMaxComponent = 255;  // NAME_MAX
// Far above any machine, and small enough that no unit conversion overflows.
constexpr std::int64_t kMaxLimit = std::int64_t{1} << 29;
constexpr std::int64_t kMaxCpuMillis = 10'000'000;
// Ten years: what serves us in a sandbox has no other end than ours.
constexpr std::int64_t kMaxWallMs = std::int64_t{3650} * 24 * 3600 * 1000;
// What the launcher takes (launcher/request.h).
constexpr std::size_t kMaxStrings = 65536;

bool HasNul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

Result<void> CheckCommand(const std::vector<std::string>& argv) {
  if (argv.empty() || argv.front().empty()) {
    return InvalidArgument("args.command", "expected a command, got none");
  }
  if (argv.size() > kMaxStrings) {
    return InvalidArgument("args.command", "expected at most " + std::to_string(kMaxStrings) +
                                               " arguments, got " + std::to_string(argv.size()));
  }
  for (std::size_t i = 0; i < argv.size(); ++i) {
    if (HasNul(argv[i])) {
      return InvalidArgument("args.command." + std::to_string(i),
                             "expected text without NUL bytes");
    }
  }
  return {};
}

Result<void> CheckVariable(const std::string& name, const std::string& value) {
  if (name.empty() || HasNul(name) || name.find('=') != std::string::npos) {
    return InvalidArgument("args.env",
                           "expected variable names without `=` and NUL, got `" + name + "`");
  }
  if (HasNul(value)) {
    return InvalidArgument("args.env." + name, "expected text without NUL bytes");
  }
  return {};
}

// "a/b", each component a plain name. `..` would climb out of the directory it is meant for.
bool IsPlainRelativePath(std::string_view path) {
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view component = path.substr(0, slash);
    if (component.empty() || component == "." || component == ".." ||
        component.size() > kMaxComponent) {
      return false;
    }
    if (slash == std::string_view::npos) {
      return true;
    }
    path.remove_prefix(slash + 1);
  }
}

Result<void> CheckFile(const InjectedFile& file, WorkspaceKind workspace,
                       const std::string& field) {
  std::string_view below = file.path;
  const bool generated = below.starts_with(kGeneratedFiles);
  if (generated) {
    below.remove_prefix(kGeneratedFiles.size());
  }
  if (HasNul(file.path) || file.path.size() > kMaxPath || !IsPlainRelativePath(below)) {
    return InvalidArgument(field + ".path",
                           "expected a relative path without `.`, `..` and empty parts, got `" +
                               file.path.substr(0, kMaxComponent) + "`");
  }
  if (!generated && workspace == WorkspaceKind::kReadOnly) {
    return InvalidArgument(field + ".path", "a read-only workspace takes no files");
  }
  // Set-uid bits have no use in a sandbox and would stay behind in a host workspace.
  if ((file.mode & ~0777U) != 0) {
    return InvalidArgument(field + ".mode", "expected permission bits within 0777");
  }
  return {};
}

Result<void> CheckFiles(const std::vector<InjectedFile>& files, WorkspaceKind workspace) {
  if (files.size() > kMaxStrings) {
    return InvalidArgument("args.files", "expected at most " + std::to_string(kMaxStrings) +
                                             " files, got " + std::to_string(files.size()));
  }
  std::set<std::string_view> paths;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string field = "args.files." + std::to_string(i);
    if (auto ok = CheckFile(files[i], workspace, field); !ok) {
      return ok;
    }
    if (!paths.insert(files[i].path).second) {
      return InvalidArgument(field + ".path", "expected each path once");
    }
  }
  return {};
}

Result<void> CheckLimits(const policies::Limits& limits, WorkspaceKind workspace) {
  struct Field {
    const char* name;
    std::int64_t value;
    std::int64_t most = kMaxLimit;
    std::int64_t least = 1;
  };
  const std::array<Field, 7> fields = {{
      {"args.limits.memory_mb", limits.memory_mb},
      {"args.limits.cpus", limits.cpu_millis, kMaxCpuMillis},
      {"args.limits.pids", limits.pids},
      {"args.timeout_ms", limits.wall_ms, kMaxWallMs},
      {"args.limits.output_kb", limits.output_kb},
      {"args.limits.disk_mb", limits.disk_mb},
      {"args.limits.io_mb_s", limits.io_mb_s, kMaxLimit, 0},
  }};
  for (const auto& [name, value, most, least] : fields) {
    if (value < least || value > most) {
      return InvalidArgument(name, "expected " + std::to_string(least) + " to " +
                                       std::to_string(most) + ", got " + std::to_string(value));
    }
  }
  const bool in_memory =
      workspace == WorkspaceKind::kPrivate || workspace == WorkspaceKind::kOverlay;
  if (in_memory && limits.disk_mb > limits.memory_mb) {
    Error error = InvalidArgument("args.limits.disk_mb",
                                  "the workspace lives in memory: expected at most memory_mb (" +
                                      std::to_string(limits.memory_mb) + "), got " +
                                      std::to_string(limits.disk_mb));
    error.remedy = "lower disk_mb or raise memory_mb";
    return error;
  }
  return {};
}

Result<void> CheckWorkspace(const SandboxSpec& spec, WorkspaceAccess access) {
  if (spec.workspace == WorkspaceKind::kPrivate) {
    if (spec.workspace_fd.valid()) {
      return InvalidArgument("args.workspace", "a private workspace has no host directory");
    }
    return {};
  }
  if (!spec.workspace_fd.valid() || !spec.workspace_path.starts_with('/') ||
      HasNul(spec.workspace_path)) {
    return InvalidArgument("args.workspace", "expected an open directory and its absolute path");
  }
  const bool covered =
      access == WorkspaceAccess::kHostWrite ||
      (access == WorkspaceAccess::kHostRead && spec.workspace != WorkspaceKind::kReadWrite);
  if (!covered) {
    return Error{ErrorCode::kPermissionDenied,
                 spec.workspace == WorkspaceKind::kReadWrite
                     ? "policy granted no write access to a host workspace"
                     : "policy granted no access to a host workspace",
                 "args.workspace",
                 "leave the workspace out to get a private one, or change the policy", 0};
  }
  return {};
}

}  // namespace

SandboxSpecBuilder::SandboxSpecBuilder(const policies::Grant& grant)
    : ceiling_(grant.limits()),
      access_(grant.workspace_access()),
      env_{{"PATH", CASEMATE_PROGRAM_PATH},
           {"HOME", "/tmp"},
           {"LANG", "C.UTF-8"},
           {"TMPDIR", "/tmp"},
           {"USER", "casemate"},
           {"PWD", "/workspace"}} {
  spec_.must_be_strict = grant.strict_sandbox();
  spec_.limits = ceiling_;
}

SandboxSpecBuilder& SandboxSpecBuilder::Command(std::vector<std::string> argv) {
  spec_.argv = std::move(argv);
  return *this;
}

SandboxSpecBuilder& SandboxSpecBuilder::Env(std::string name, std::string value) {
  const auto same = std::find_if(env_.begin(), env_.end(),
                                 [&name](const auto& entry) { return entry.first == name; });
  if (same != env_.end()) {
    same->second = std::move(value);
  } else {
    env_.emplace_back(std::move(name), std::move(value));
  }
  return *this;
}

SandboxSpecBuilder& SandboxSpecBuilder::Stdin(std::string data) {
  spec_.stdin_data = std::move(data);
  return *this;
}

SandboxSpecBuilder& SandboxSpecBuilder::File(InjectedFile file) {
  spec_.files.push_back(std::move(file));
  return *this;
}

SandboxSpecBuilder& SandboxSpecBuilder::HostWorkspace(UniqueFd dir, std::string canonical_path,
                                                      WorkspaceKind kind) {
  spec_.workspace_fd = std::move(dir);
  spec_.workspace_path = std::move(canonical_path);
  spec_.workspace = kind;
  return *this;
}

SandboxSpecBuilder& SandboxSpecBuilder::Limits(const policies::Limits& requested) {
  spec_.limits = policies::Intersect(requested, ceiling_);
  return *this;
}

SandboxSpecBuilder& SandboxSpecBuilder::MustHoldCpus() {
  spec_.must_hold_cpus = true;
  return *this;
}

Result<SandboxSpec> SandboxSpecBuilder::Build() && {
  if (auto ok = CheckCommand(spec_.argv); !ok) {
    return std::move(ok).error();
  }
  if (auto ok = CheckWorkspace(spec_, access_); !ok) {
    return std::move(ok).error();
  }
  if (auto ok = CheckLimits(spec_.limits, spec_.workspace); !ok) {
    return std::move(ok).error();
  }
  if (env_.size() > kMaxStrings) {
    return InvalidArgument("args.env", "expected at most " + std::to_string(kMaxStrings) +
                                           " variables, got " + std::to_string(env_.size()));
  }
  for (const auto& [name, value] : env_) {
    if (auto ok = CheckVariable(name, value); !ok) {
      return std::move(ok).error();
    }
    spec_.env.emplace_back(name).append("=").append(value);
  }
  if (auto ok = CheckFiles(spec_.files, spec_.workspace); !ok) {
    return std::move(ok).error();
  }
  return std::move(spec_);
}

}  // namespace casemate::sandbox
