#include "tools/run_workspace.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "tools/args.h"

namespace casemate::tools {

namespace {

using policies::WorkspaceRoot;

constexpr int kDirectoryFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;

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

// The path by which the kernel knows the open directory.
std::optional<std::string> CanonicalPath(int directory) {
  std::array<char, PATH_MAX + 1> target{};
  const std::string link = "/proc/self/fd/" + std::to_string(directory);
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  if (length <= 0 || static_cast<std::size_t>(length) >= target.size() || target[0] != '/') {
    return std::nullopt;
  }
  std::string path(target.data(), static_cast<std::size_t>(length));
  // A removed directory reads as "/path (deleted)": neither path nor directory can be used.
  if (path.ends_with(" (deleted)")) {
    return std::nullopt;
  }
  return path;
}

std::string Tidied(const std::string& path) {
  std::string tidy = std::filesystem::path(path).lexically_normal().string();
  while (tidy.size() > 1 && tidy.ends_with('/')) {
    tidy.pop_back();
  }
  return tidy;
}

// Why `path` cannot be opened below `root`, by a look-up that never leaves the root: 0 when that
// look-up succeeds or leaves it, so that links out of a root tell nothing about what they point to.
int ErrnoBeneath(const std::string& path, const WorkspaceRoot& root) {
  const UniqueFd base(::open(root.path.c_str(), kDirectoryFlags));
  if (!base.valid()) {
    return 0;
  }
  std::string relative = path.substr(std::min(path.size(), root.path.size()));
  relative.erase(0, relative.find_first_not_of('/'));
  if (relative.empty()) {
    return 0;
  }
  open_how how{};
  how.flags = kDirectoryFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const UniqueFd found(
      static_cast<int>(::syscall(SYS_openat2, base.get(), relative.c_str(), &how, sizeof(how))));
  if (found.valid()) {
    return 0;
  }
  const bool inside = errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == ELOOP ||
                      errno == ENAMETOOLONG;
  return inside ? errno : 0;
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

Result<OpenedWorkspace> OpenWorkspace(const std::string& path,
                                      std::span<const WorkspaceRoot> roots) {
  OpenedWorkspace opened;
  UniqueFd directory(::open(path.c_str(), kDirectoryFlags));
  const bool found = directory.valid();
  if (found) {
    std::string canonical = CanonicalPath(directory.get()).value_or(std::string());
    const WorkspaceRoot* root = RootOf(canonical, roots);
    if (root != nullptr) {
      opened.directory = std::move(directory);
      opened.path = std::move(canonical);
      opened.root = root;
      return opened;
    }
  }
  opened.path = Tidied(path);
  const WorkspaceRoot* named = RootOf(opened.path, roots);
  const int reason = found || named == nullptr ? 0 : ErrnoBeneath(opened.path, *named);
  if (reason != 0) {
    Error error = InvalidArgument("args.workspace", "expected an existing directory, got " +
                                                        Quoted(opened.path) + ": " +
                                                        std::generic_category().message(reason));
    error.sys_errno = reason;
    error.remedy = "create the directory on the host first, or leave `workspace` out";
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
    error.remedy = "leave `workspace` out, or change `workspace:` of the allowing rule";
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
