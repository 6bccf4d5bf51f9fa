#include "sandbox/native/launcher/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cstring>
#include <utility>

#include "sandbox/native/launcher/syscalls.h"
#include "sandbox/native/launcher/text.h"

namespace casemate::launcher {
namespace {

constexpr const char* kGenerated = "run/casemate";  // for files that a caller did not name
constexpr const char* kWorkspace = "workspace";

// A tmpfs costs more than all else in a sandbox's root: this place gets one only when it is used.
bool NeedsGeneratedFiles(const Request& request) {
  for (std::uint32_t i = 0; i < request.spec().files.count; ++i) {
    if (std::strncmp(request.Text(request.File(i).path), "/run/", 5) == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace

int MakeDirectory(const char* path, mode_t mode) {
  return ErrorOf(::mkdir(path, mode));
}

int MakeFile(const char* path, const char* text, mode_t mode) {
  const UniqueFd file(::open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file.valid()) {
    return LastError();
  }
  const std::size_t length = std::strlen(text);
  if (length == 0) {
    return 0;
  }
  const ssize_t written = ::write(file.get(), text, length);
  if (written < 0) {
    return LastError();
  }
  return static_cast<std::size_t>(written) == length ? 0 : ENOSPC;
}

int MakeLink(const char* target, const char* path) {
  return ErrorOf(::symlink(target, path));
}

int Bind(const char* source, const char* target) {
  return ErrorOf(::mount(source, target, nullptr, MS_BIND, nullptr));
}

int BindReadOnly(const char* source, const char* target) {
  if (::mount(source, target, nullptr, MS_BIND | MS_REC, nullptr) != 0) {
    return LastError();
  }
  // Recursive: a plain read-only remount would leave mounts below it writable.
  return sys::AddMountAttributes(AT_FDCWD, target, AT_RECURSIVE,
                                 MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

int MountTmpfs(const char* target, std::uint64_t bytes, std::uint64_t inodes, const char* mode) {
  char options[96];
  FormatInto(options, sizeof(options), "size=%llu,nr_inodes=%llu,mode=%s",
             static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(inodes), mode);
  return ErrorOf(::mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, options));
}

int ResizeTmpfs(const char* target, std::uint64_t bytes, std::uint64_t inodes) {
  char options[96];
  FormatInto(options, sizeof(options), "size=%llu,nr_inodes=%llu",
             static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(inodes));
  return ErrorOf(::mount(nullptr, target, nullptr, MS_REMOUNT | MS_NOSUID | MS_NODEV, options));
}

int MakeMountsPrivate(ChildContext& /*context*/) {
  // Nothing mounted here shows on the host, nor the other way round.
  return ErrorOf(::mount(nullptr, "/", nullptr, MS_PRIVATE | MS_REC, nullptr));
}

int MountRoot(ChildContext& /*context*/) {
  constexpr std::uint64_t kBytes = 256ULL * 1024;
  constexpr std::uint64_t kInodes = 256;
  constexpr const char* kStaging = "/tmp";  // of the host; only this namespace sees it covered
  if (const int error = MountTmpfs(kStaging, kBytes, kInodes, "0755"); error != 0) {
    return error;
  }
  return ErrorOf(::chdir(kStaging));
}

int MountSystem(ChildContext& context) {
  if (const int error = MakeDirectory("usr", 0755); error != 0) {
    return error;
  }
  if (const int error = BindReadOnly("/usr", "usr"); error != 0) {
    return error;
  }
  for (std::size_t i = 0; i < context.host.system_count; ++i) {
    const SystemEntry& entry = context.host.system[i];
    if (entry.is_link) {
      if (const int error = MakeLink(entry.target, entry.name); error != 0) {
        return error;
      }
      continue;
    }
    char source[32];
    FormatInto(source, sizeof(source), "/%s", entry.name);
    if (const int error = MakeDirectory(entry.name, 0755); error != 0) {
      return error;
    }
    if (const int error = BindReadOnly(source, entry.name); error != 0) {
      return error;
    }
  }
  return 0;
}

int MountTmp(ChildContext& context) {
  const TmpfsSizes& sizes = context.sizes;
  for (const char* directory : {"tmp", "dev/shm", "run", kGenerated, kWorkspace}) {
    if (const int error = MakeDirectory(directory, 0755); error != 0) {
      return error;
    }
  }
  if (const int error = MountTmpfs("tmp", sizes.tmp_bytes, sizes.tmp_inodes, "1777"); error != 0) {
    return error;
  }
  if (const int error = MountTmpfs("dev/shm", sizes.shm_bytes, sizes.tmp_inodes, "1777");
      error != 0) {
    return error;
  }
  const bool is_private =
      context.channel >= 0 || context.request.workspace() == Workspace::kPrivate;
  return is_private ? MountTmpfs(kWorkspace, sizes.disk_bytes, sizes.disk_inodes, "0755") : 0;
}

int PivotRoot(ChildContext& /*context*/) {
  // The old root ends up on top of the new one at the same place, and is detached from there.
  if (::syscall(SYS_pivot_root, ".", ".") != 0 || ::umount2(".", MNT_DETACH) != 0) {
    return LastError();
  }
  return ErrorOf(::chdir("/"));
}

int FitTmp(ChildContext& context) {
  const TmpfsSizes wanted = SizesOf(context.request.spec());
  const TmpfsSizes made = std::exchange(context.sizes, wanted);
  const bool other_inodes = wanted.tmp_inodes != made.tmp_inodes;
  if (other_inodes || wanted.tmp_bytes != made.tmp_bytes) {
    if (const int error = ResizeTmpfs("tmp", wanted.tmp_bytes, wanted.tmp_inodes); error != 0) {
      return error;
    }
  }
  if (other_inodes || wanted.shm_bytes != made.shm_bytes) {
    if (const int error = ResizeTmpfs("dev/shm", wanted.shm_bytes, wanted.tmp_inodes); error != 0) {
      return error;
    }
  }
  if (context.request.workspace() != Workspace::kPrivate) {
    return ErrorOf(::umount2(kWorkspace, MNT_DETACH));
  }
  if (wanted.disk_bytes != made.disk_bytes || wanted.disk_inodes != made.disk_inodes) {
    return ResizeTmpfs(kWorkspace, wanted.disk_bytes, wanted.disk_inodes);
  }
  return 0;
}

int MountGenerated(ChildContext& context) {
  if (!NeedsGeneratedFiles(context.request)) {
    return 0;
  }
  return MountTmpfs(kGenerated, context.sizes.tmp_bytes, context.sizes.tmp_inodes, "0755");
}

int LockRoot(ChildContext& /*context*/) {
  // Not recursive: /tmp and the workspace stay writable.
  if (const int error = sys::AddMountAttributes(
          AT_FDCWD, "/", 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
      error != 0) {
    return error;
  }
  return ErrorOf(::chdir("/workspace"));
}

}  // namespace casemate::launcher
