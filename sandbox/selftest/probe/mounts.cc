// Undoing the private root: mounts, namespaces, cgroups, chroot, kernel settings in /proc and /sys.
#include <dirent.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sstream>

#include "sandbox/selftest/probe/attack.h"

namespace casemate::escape {
namespace {

// <sys/mount.h> and <linux/mount.h> of glibc 2.36 cannot be included together.
constexpr unsigned long kMsReadOnly = 1;
constexpr unsigned long kMsRemount = 32;
constexpr unsigned long kMsBind = 4096;

constexpr int kDetach = 2;

// Taken away again, so that nobody's /tmp stays covered.
Outcome Mount(const std::string& path, const char* type) {
  Outcome outcome = OfCall(syscall(SYS_mount, "none", path.c_str(), type, 0, nullptr));
  if (outcome.verdict == Verdict::kSucceeded) {
    syscall(SYS_umount2, path.c_str(), kDetach);
  }
  return outcome;
}
Outcome MountTmpfs(Args args) {
  return Mount(TextArg(args, 0, "/tmp"), "tmpfs");
}
// A second proc shows what masks hide in the first.
Outcome MountProc(Args args) {
  return Mount(TextArg(args, 0, "/tmp"), "proc");
}
Outcome MountCgroup(Args args) {
  return Mount(TextArg(args, 0, "/tmp"), "cgroup2");
}
Outcome RemountWritable(Args args) {
  const std::string path = TextArg(args, 0, "/usr");
  if (TextArg(args, 1, "") == "prepare") {  // the control brings its own read-only mount
    if (syscall(SYS_mount, path.c_str(), path.c_str(), "", kMsBind, nullptr) != 0 ||
        syscall(SYS_mount, "", path.c_str(), "", kMsBind | kMsRemount | kMsReadOnly, nullptr) !=
            0) {
      return CannotTry(ErrnoName(errno));
    }
  }
  return OfCall(syscall(SYS_mount, "", path.c_str(), "", kMsBind | kMsRemount, nullptr));
}
Outcome UmountMask(Args args) {
  const std::string path = TextArg(args, 0, "/proc/kcore");
  if (TextArg(args, 1, "") == "prepare" &&
      syscall(SYS_mount, "/dev/null", path.c_str(), "", kMsBind, nullptr) != 0) {
    return CannotTry(ErrnoName(errno));
  }
  return OfCall(syscall(SYS_umount2, path.c_str(), kDetach));
}
Outcome Fsopen(Args /*args*/) {
  return OfCall(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC));
}
Outcome Fspick(Args args) {
  return OfCall(syscall(SYS_fspick, AT_FDCWD, TextArg(args, 0, "/").c_str(), FSPICK_CLOEXEC));
}
Outcome OpenTree(Args /*args*/) {
  return OfCall(syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | AT_RECURSIVE));
}
Outcome MountSetattr(Args args) {
  mount_attr attributes{};
  attributes.attr_clr = MOUNT_ATTR_RDONLY;
  return OfCall(syscall(SYS_mount_setattr, AT_FDCWD, TextArg(args, 0, "/tmp").c_str(), 0,
                        &attributes, sizeof attributes));
}
Outcome MoveMount(Args args) {
  const std::string path = TextArg(args, 0, "/tmp");
  const long tree = syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE);
  Outcome outcome =
      OfCall(syscall(SYS_move_mount, tree >= 0 ? tree : AT_FDCWD, tree >= 0 ? "" : path.c_str(),
                     AT_FDCWD, path.c_str(), tree >= 0 ? MOVE_MOUNT_F_EMPTY_PATH : 0));
  if (outcome.verdict == Verdict::kSucceeded) {
    syscall(SYS_umount2, path.c_str(), kDetach);
  }
  return outcome;
}
// Refused with EINVAL to whoever is let in: "." is no mount point.
Outcome PivotRoot(Args /*args*/) {
  return OfCall(syscall(SYS_pivot_root, ".", "."));
}

Outcome Setns(Args args) {
  const std::string pid = TextArg(args, 0, "1");
  const std::string kind = TextArg(args, 1, "net");
  const int fd = open(("/proc/" + pid + "/ns/" + kind).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return Blocked("open:" + ErrnoName(errno));
  }
  return OfCall(setns(fd, 0));
}
// A pidfd names all namespaces of a process without /proc.
Outcome SetnsPidfd(Args args) {
  const Target target(args);
  const long pidfd = syscall(SYS_pidfd_open, target.pid(), 0);
  if (pidfd < 0) {
    return Blocked("pidfd_open:" + ErrnoName(errno));
  }
  return OfCall(setns(static_cast<int>(pidfd), CLONE_NEWNET));
}

// Changing one's own limits needs a cgroup file system that can be written.
Outcome CgroupWrite(Args /*args*/) {
  std::istringstream mounts(ReadSome("/proc/self/mountinfo", 1 << 20));
  std::string line;
  std::string reason = "no-cgroup-mount";
  while (std::getline(mounts, line)) {
    if (line.find(" - cgroup") == std::string::npos) {
      continue;
    }
    std::istringstream fields(line);
    std::string word;
    for (int i = 0; i < 5; ++i) {
      fields >> word;  // the fifth field is the mount point
    }
    for (const char* leaf : {"/release_agent", "/cgroup.procs", "/tasks"}) {
      const int fd = open((word + leaf).c_str(), O_WRONLY | O_CLOEXEC);
      if (fd >= 0) {
        return Succeeded(leaf + 1);
      }
      reason = ErrnoName(errno);
    }
  }
  return Blocked(reason);
}

// Opening is enough: nothing is written, so that the control changes nothing.
Outcome KernelSetting(Args args) {
  return OfCall(
      open(TextArg(args, 0, "/proc/sys/kernel/core_pattern").c_str(), O_WRONLY | O_CLOEXEC));
}

Outcome ChrootEscape(Args args) {
  return OfCall(chroot(TextArg(args, 0, ".").c_str()));
}

// What masks hide: succeeds when there is something to read or list.
Outcome ReadMasked(Args args) {
  const std::string path = TextArg(args, 0, "/proc/kcore");
  struct stat about{};
  if (stat(path.c_str(), &about) != 0) {
    return Blocked(ErrnoName(errno));
  }
  if (S_ISDIR(about.st_mode)) {
    DIR* directory = opendir(path.c_str());
    if (directory == nullptr) {
      return Blocked(ErrnoName(errno));
    }
    int entries = 0;
    while (readdir(directory) != nullptr) {
      ++entries;
    }
    closedir(directory);
    return entries > 2 ? Succeeded() : Blocked("empty");
  }
  errno = 0;
  const std::string content = ReadSome(path, 64);
  if (!content.empty()) {
    return Succeeded();
  }
  return Blocked(errno != 0 ? ErrnoName(errno) : "empty");
}

constexpr Attack kAttacks[] = {
    {"kernel_setting", 22, KernelSetting},
    {"mount_tmpfs", 26, MountTmpfs},
    {"mount_proc", 26, MountProc},
    {"remount_writable", 26, RemountWritable},
    {"umount_mask", 26, UmountMask},
    {"fsopen", 26, Fsopen},
    {"fspick", 26, Fspick},
    {"open_tree", 26, OpenTree},
    {"mount_setattr", 26, MountSetattr},
    {"move_mount", 26, MoveMount},
    {"pivot_root", 26, PivotRoot},
    {"setns", 27, Setns},
    {"setns_pidfd", 27, SetnsPidfd},
    {"cgroup_write", 40, CgroupWrite},
    {"mount_cgroup", 40, MountCgroup},
    {"chroot", 43, ChrootEscape},
    {"read_masked", 53, ReadMasked},
};

}  // namespace

std::span<const Attack> MountAttacks() {
  return kAttacks;
}

}  // namespace casemate::escape
