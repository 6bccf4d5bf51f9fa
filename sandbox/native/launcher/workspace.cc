#include "sandbox/native/launcher/workspace.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "sandbox/native/launcher/identity.h"
#include "sandbox/native/launcher/mounts.h"
#include "sandbox/native/launcher/syscalls.h"

namespace casemate::launcher {
namespace {

constexpr const char* kWorkspace = "workspace";
constexpr const char* kStaging = ".overlay";

std::uint64_t Attributes(Workspace kind) {
  const std::uint64_t common = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  return kind == Workspace::kReadWrite ? common : common | MOUNT_ATTR_RDONLY;
}

// The directory must be the one whose path policy judged: between the decision and now, someone may
// have put another one, or a link, in its place.
int CheckIdentity(const wire::LaunchSpec& spec, int directory, struct stat* status) {
  if (::fstat(directory, status) != 0) {
    return LastError();
  }
  if (!S_ISDIR(status->st_mode)) {
    return ENOTDIR;
  }
  return status->st_dev == spec.workspace_dev && status->st_ino == spec.workspace_ino ? 0 : ESTALE;
}

int Attach(int tree, const char* target) {
  return ErrorOf(::move_mount(tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH));
}

int MountOverlay(const wire::LaunchSpec& spec, int tree) {
  if (const int error = MakeDirectory(kStaging, 0700); error != 0) {
    return error;
  }
  if (const int error = MountTmpfs(kStaging, spec.disk_bytes, spec.disk_inodes, "0700");
      error != 0) {
    return error;
  }
  for (const char* directory : {".overlay/lower", ".overlay/upper", ".overlay/work"}) {
    if (const int error = MakeDirectory(directory, 0755); error != 0) {
      return error;
    }
  }
  if (const int error = Attach(tree, ".overlay/lower"); error != 0) {
    return error;
  }
  if (::mount("overlay", kWorkspace, "overlay", MS_NOSUID | MS_NODEV,
              "lowerdir=.overlay/lower,upperdir=.overlay/upper,workdir=.overlay/work,userxattr") !=
      0) {
    return LastError();
  }
  // The overlay holds its layers itself; nobody inside may reach them past it.
  if (::umount2(kStaging, MNT_DETACH) != 0) {
    return LastError();
  }
  return ErrorOf(::rmdir(kStaging));
}

}  // namespace

int MakeWorkspaceTree(const Request& request, std::uint32_t kernel_id, int lifeline,
                      UniqueFd* tree) {
  struct stat status = {};
  const int directory = request.workspace_dir.get();
  if (const int error = CheckIdentity(request.spec(), directory, &status); error != 0) {
    return error;
  }
  return MakeIdMappedTree(directory, status.st_uid, status.st_gid, kernel_id,
                          Attributes(request.workspace()), lifeline, tree);
}

int OpenWorkspace(ChildContext& context) {
  const Request& request = context.request;
  if (context.channel >= 0) {
    return 0;  // comes with the request
  }
  if (request.workspace() == Workspace::kPrivate || context.workspace_tree.valid()) {
    return 0;
  }
  struct stat status = {};
  const UniqueFd directory(sys::OpenAt2(AT_FDCWD, request.Text(request.spec().workspace_path),
                                        O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
                                        RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS));
  if (!directory.valid()) {
    return LastError();
  }
  if (const int error = CheckIdentity(request.spec(), directory.get(), &status); error != 0) {
    return error;
  }
  context.workspace_tree.Reset(::open_tree(
      directory.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE));
  if (!context.workspace_tree.valid()) {
    return LastError();
  }
  return sys::AddMountAttributes(context.workspace_tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE,
                                 Attributes(request.workspace()));
}

int MountWorkspace(ChildContext& context) {
  int error = 0;
  switch (context.request.workspace()) {
    case Workspace::kPrivate:
      return 0;  // there already
    case Workspace::kReadWrite:
    case Workspace::kReadOnly:
      error = Attach(context.workspace_tree.get(), kWorkspace);
      break;
    case Workspace::kOverlay:
      error = MountOverlay(context.request.spec(), context.workspace_tree.get());
      break;
  }
  context.workspace_tree.Reset();
  if (error == 0 && context.host.maps_any_id) {
    context.report.layers |= wire::kLayerIdMappedWorkspace;
  }
  return error;
}

}  // namespace casemate::launcher
