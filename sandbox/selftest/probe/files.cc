// Files: the host's secrets, writes outside the workspace, links that lead out, protected layers.
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sandbox/selftest/probe/attack.h"

namespace casemate::escape {
namespace {

Outcome ReadFile(Args args) {
  return OfCall(open(TextArg(args, 0, "/etc/shadow").c_str(), O_RDONLY | O_CLOEXEC));
}

// To be let in is enough: what exists is only opened, what does not is made and taken away again.
Outcome WriteFile(Args args) {
  const std::string path = TextArg(args, 0, "/usr/bin/casemate-escape");
  if (open(path.c_str(), O_WRONLY | O_CLOEXEC) >= 0) {
    return Succeeded();
  }
  if (errno != ENOENT) {
    return Blocked(ErrnoName(errno));
  }
  Outcome outcome =
      OfCall(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (outcome.verdict == Verdict::kSucceeded) {
    unlink(path.c_str());
  }
  return outcome;
}

// Changes an own file, for good.
Outcome ChangeFile(Args args) {
  const int fd = open(TextArg(args, 0, "./notes").c_str(), O_WRONLY | O_CLOEXEC);
  return fd < 0 ? Blocked(ErrnoName(errno)) : OfCall(write(fd, "changed\n", 8));
}

Outcome Touch(Args args) {
  return OfCall(utimensat(AT_FDCWD, TextArg(args, 0, "/dev/null").c_str(), nullptr, 0));
}

Outcome HardLinkOut(Args args) {
  return OfCall(link(TextArg(args, 0, "/etc/shadow").c_str(), TextArg(args, 1, "./link").c_str()));
}

// Does any of the words stand in what the kernel tells about mounts?
Outcome MountinfoLeak(Args args) {
  const std::string mounts = ReadSome("/proc/self/mountinfo", 1 << 20);
  if (mounts.empty()) {
    return CannotTry(ErrnoName(errno));
  }
  return mounts.find(TextArg(args, 0, "/work")) == std::string::npos ? Blocked("absent")
                                                                     : Succeeded();
}

// More processes than our own mean that /proc shows another PID namespace.
Outcome SeeProcesses(Args args) {
  DIR* proc = opendir("/proc");
  if (proc == nullptr) {
    return CannotTry(ErrnoName(errno));
  }
  std::int64_t seen = 0;
  while (const dirent* entry = readdir(proc)) {
    seen += entry->d_name[0] >= '0' && entry->d_name[0] <= '9' ? 1 : 0;
  }
  closedir(proc);
  return seen > NumberArg(args, 0, 2) ? Succeeded(std::to_string(seen)) : Blocked("own-only");
}

// A set-uid file left in a host workspace belongs to the workspace's owner, root perhaps: whoever
// runs it on the host afterwards becomes that owner. One way of making it for each argument.
long MakeSuid(const std::string& way, const char* path) {
  constexpr mode_t kMode = S_ISUID | S_ISGID | 0755;
  if (way == "open") {
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kMode);
  }
  if (way == "creat") {
    return creat(path, kMode);
  }
  if (way == "openat2") {
    open_how how{};
    how.flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    how.mode = kMode;
    return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  }
  if (way == "mknod") {
    return mknod(path, S_IFREG | kMode, 0);
  }
  const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
  if (fd < 0) {
    return fd;
  }
  if (way == "chmod") {
    return chmod(path, kMode);
  }
  if (way == "fchmodat") {
    return fchmodat(AT_FDCWD, path, kMode, 0);
  }
  if (way == "fchmodat2") {
    constexpr long kFchmodat2 = 452;
    return syscall(kFchmodat2, AT_FDCWD, path, kMode, 0);
  }
  if (way == "chown") {  // to root first, where that is somebody else
    return fchown(fd, 0, 0) == 0 ? fchmod(fd, kMode) : -1;
  }
  return fchmod(fd, kMode);
}

Outcome LeaveSuid(Args args) {
  const std::string path = TextArg(args, 1, "./left-suid");
  umask(0);
  Outcome made = OfCall(MakeSuid(TextArg(args, 0, "fchmod"), path.c_str()));
  struct stat about{};
  const bool left = stat(path.c_str(), &about) == 0 && (about.st_mode & (S_ISUID | S_ISGID)) != 0;
  unlink(path.c_str());
  if (made.verdict == Verdict::kSucceeded && !left) {
    return Blocked("bits-dropped");
  }
  return made;
}

Outcome SetFileCaps(Args args) {
  const std::string path = TextArg(args, 0, "./left-capable");
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0755);
  if (fd < 0) {
    return Blocked("open:" + ErrnoName(errno));
  }
  const unsigned char all[20] = {1, 0, 0, 2, 0, 0, 32, 0};  // version 2, CAP_SYS_ADMIN
  Outcome outcome = OfCall(fsetxattr(fd, "security.capability", all, sizeof all, 0));
  unlink(path.c_str());
  return outcome;
}

constexpr Attack kAttacks[] = {
    {"set_file_caps", 42, SetFileCaps},
    {"leave_suid", 42, LeaveSuid},
    {"read_file", 45, ReadFile},
    {"hard_link_out", 47, HardLinkOut},
    {"touch", 50, Touch},
    {"write_file", 50, WriteFile},
    {"change_file", 50, ChangeFile},
    {"mountinfo_leak", 53, MountinfoLeak},
    {"see_processes", 64, SeeProcesses},
};

}  // namespace

std::span<const Attack> FileAttacks() {
  return kAttacks;
}

}  // namespace casemate::escape
