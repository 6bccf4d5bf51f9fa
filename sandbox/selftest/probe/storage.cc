// Exhaustion of storage: file systems, inodes, files in memory.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "sandbox/selftest/probe/attack.h"

namespace casemate::escape {
namespace {

constexpr std::int64_t kMegabyte = std::int64_t{1} << 20;

// Writes real blocks until the filesystem refuses or `megabytes` are there.
Outcome FillFile(int fd, std::int64_t megabytes) {
  if (fd < 0) {
    return CannotTry(ErrnoName(errno));
  }
  signal(SIGXFSZ, SIG_IGN);  // so that RLIMIT_FSIZE shows as EFBIG
  const std::string block(kMegabyte, 'x');
  for (std::int64_t written = 0; written < megabytes; ++written) {
    if (write(fd, block.data(), block.size()) < 0) {
      return Blocked(ErrnoName(errno));
    }
  }
  return Succeeded(std::to_string(megabytes));
}

std::string PathIn(Args args, std::string_view directory) {
  return TextArg(args, 0, directory) + "/fill-" + std::to_string(getpid());
}

Outcome FileFill(Args args) {
  const std::string path = PathIn(args, "/tmp");
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EROFS) {
    return Blocked("EROFS");
  }
  Outcome outcome = FillFile(fd, NumberArg(args, 1, 1024));
  unlink(path.c_str());
  return outcome;
}

Outcome MemfdFill(Args args) {
  const int fd = memfd_create("fill", MFD_CLOEXEC);
  return fd < 0 ? Blocked(ErrnoName(errno)) : FillFile(fd, NumberArg(args, 0, 1024));
}

// Many descriptors, each below any limit for one file.
Outcome MemfdMany(Args args) {
  const std::int64_t megabytes = NumberArg(args, 0, 1024);
  for (std::int64_t i = 0; i < megabytes / 16; ++i) {
    const int fd = memfd_create("many", MFD_CLOEXEC);
    Outcome outcome = fd < 0 ? Blocked(ErrnoName(errno)) : FillFile(fd, 16);
    if (outcome.verdict != Verdict::kSucceeded) {
      return outcome;
    }
  }
  return Succeeded(std::to_string(megabytes));
}

Outcome DiskFillFallocate(Args args) {
  const std::string path = PathIn(args, ".");
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    return CannotTry(ErrnoName(errno));
  }
  signal(SIGXFSZ, SIG_IGN);
  Outcome outcome = OfCall(fallocate(fd, 0, 0, NumberArg(args, 1, 1024) * kMegabyte));
  unlink(path.c_str());
  return outcome;
}

Outcome InodeFill(Args args) {
  const std::string directory = TextArg(args, 0, ".") + "/inodes-" + std::to_string(getpid());
  const std::int64_t wanted = NumberArg(args, 1, 2'000'000);
  if (mkdir(directory.c_str(), 0700) != 0) {
    return CannotTry(ErrnoName(errno));
  }
  std::int64_t made = 0;
  int error = 0;
  const auto path = [&directory](std::int64_t i) { return directory + "/" + std::to_string(i); };
  for (; made < wanted && error == 0; ++made) {
    const int fd = open(path(made).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    error = fd < 0 ? errno : 0;
    close(fd);
  }
  for (std::int64_t i = 0; i < made; ++i) {
    unlink(path(i).c_str());
  }
  rmdir(directory.c_str());
  return error == 0 ? Succeeded(std::to_string(made)) : Blocked(ErrnoName(error));
}

constexpr Attack kAttacks[] = {
    {"file_fill", 4, FileFill},   {"memfd_fill", 4, MemfdFill},
    {"memfd_many", 4, MemfdMany}, {"disk_fill_fallocate", 5, DiskFillFallocate},
    {"inode_fill", 6, InodeFill},
};

}  // namespace

std::span<const Attack> StorageAttacks() {
  return kAttacks;
}

}  // namespace casemate::escape
