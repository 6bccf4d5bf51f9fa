#include "tools/run_workspace.h"

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "sandbox/native/launcher_client.h"
#include "tools/arguments/args.h"

namespace casemate::tools {

namespace {

using policies::WorkspaceRoot;

bool IsBelow(std::string_view path, std::string_view root) {
  while (root.size() > 1 && root.ends_with('/')) {
    root.remove_suffix(1);
  }
  if (root == "/") {
    return path.starts_with('/');
  }
  // By components: /srv/app-secrets is not below /srv/app.
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

std::string Tidied(const std::string& path) {
  std::string tidy = std::filesystem::path(path).lexically_normal().string();
  while (tidy.size() > 1 && tidy.ends_with('/')) {
    tidy.pop_back();
  }
  return tidy;
}

}  // namespace

const WorkspaceRoot* RootOf(std::string_view path, std::span<const WorkspaceRoot> roots) {
  const WorkspaceRoot* innermost = nullptr;
  for (const WorkspaceRoot& root : roots) {
    const bool deeper = innermost == nullptr || root.path.size() > innermost->path.size();
    if (deeper && IsBelow(path, root.path)) {
      innermost = &root;
    }
  }
  return innermost;
}

Result<OpenedWorkspace> OpenWorkspace(sandbox::SandboxRunner& runner, const std::string& path,
                                      std::span<const WorkspaceRoot> roots) {
  OpenedWorkspace opened;
  opened.path = Tidied(path);
  auto found = runner.OpenDirectory(path, opened.path);
  if (!found) {
    return std::move(found).error();
  }
  if (found->directory.valid()) {
    opened.path = std::move(found->path);
    opened.root = RootOf(opened.path, roots);
    opened.directory = std::move(found->directory);
    return opened;
  }
  if (found->reason != 0) {
    Error error = InvalidArgument(
        "args.workspace", "expected an existing directory, got " + Quoted(opened.path) + ": " +
                              std::generic_category().message(found->reason));
    error.sys_errno = found->reason;
    error.remedy =
        "use a directory that exists (mkdir in the one above it makes one), or leave `workspace` "
        "out";
    return error;
  }
  return opened;
}

Result<sandbox::WorkspaceKind> MountKind(policies::WorkspaceMode asked,
                                         policies::WorkspaceAccess granted) {
  using sandbox::WorkspaceKind;
  if (granted == policies::WorkspaceAccess::kPrivateOnly) {
    Error error;
    error.code = ErrorCode::kPermissionDenied;
    error.field = "args.workspace";
    error.message = "policy grants this call a private workspace only";
    error.remedy = "leave `workspace` out; your user can change `workspace:` of the allowing rule";
    return error;
  }
  switch (asked) {
    case policies::WorkspaceMode::kOverlay:
      return WorkspaceKind::kOverlay;
    case policies::WorkspaceMode::kReadOnly:
      return WorkspaceKind::kReadOnly;
    case policies::WorkspaceMode::kReadWrite:
      break;
  }
  return granted == policies::WorkspaceAccess::kHostWrite ? WorkspaceKind::kReadWrite
                                                          : WorkspaceKind::kReadOnly;
}

std::string_view ToString(sandbox::WorkspaceKind kind) {
  switch (kind) {
    case sandbox::WorkspaceKind::kPrivate:
      return "private";
    case sandbox::WorkspaceKind::kReadWrite:
      return "host_read_write";
    case sandbox::WorkspaceKind::kReadOnly:
      return "host_read_only";
    case sandbox::WorkspaceKind::kOverlay:
      return "host_overlay";
  }
  return "private";
}

}  // namespace casemate::tools
