#include "sandbox/native/launcher/cgroup_io.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "sandbox/native/launcher/cgroup_files.h"
#include "sandbox/native/launcher/syscalls.h"
#include "sandbox/native/launcher/text.h"

namespace casemate::launcher {
namespace {

constexpr const char* kMax = "io.max";
constexpr const char* kV1Files[] = {"blkio.throttle.read_bps_device",
                                    "blkio.throttle.write_bps_device"};

int WriteV2(const Hierarchy& hierarchy, const char* name, const char* text) {
  const int base = hierarchy.base.get();
  if (const int error = WriteGroupFile(base, name, kMax, text); error != ENOENT) {
    return error;
  }
  // It is the first limit of all. Enabled before, it would cost also those who never ask.
  const int error = WriteGroupFile(base, ".", "cgroup.subtree_control", "+io");
  return error != 0 ? error : WriteGroupFile(base, name, kMax, text);
}

// `device`: "major:minor".
int LimitDiskV1(const Hierarchy& hierarchy, const char* name, const char* device,
                std::uint64_t bytes_s) {
  for (const char* file : kV1Files) {
    // In v1 a group is not bound by those above it: whoever may state a rate could leave the one
    // that was set for us behind.
    std::uint64_t ours = 0;
    const bool is_lower =
        bytes_s != 0 && ReadNumber(hierarchy.own.get(), ".", file, device, &ours) && ours < bytes_s;
    char text[64];
    FormatInto(text, sizeof(text), "%s %llu", device,  // 0 lifts it
               static_cast<unsigned long long>(is_lower ? ours : bytes_s));
    if (const int error = WriteGroupFile(hierarchy.base.get(), name, file, text); error != 0) {
      return error;
    }
  }
  return 0;
}

int LimitDiskV2(const Hierarchy& hierarchy, const char* name, const char* device,
                std::uint64_t bytes_s) {
  const auto rate = static_cast<unsigned long long>(bytes_s);
  char text[128];
  if (bytes_s == 0) {
    FormatInto(text, sizeof(text), "%s rbps=max wbps=max", device);
  } else {
    FormatInto(text, sizeof(text), "%s rbps=%llu wbps=%llu", device, rate, rate);
  }
  return WriteV2(hierarchy, name, text);
}

// False: nothing can be read from it or written to it, as from an empty drive or an unused loop.
bool ReadDevice(int disks, const char* disk, char* device, std::size_t bytes) {
  std::uint64_t sectors = 0;
  if (!ReadNumber(disks, disk, "size", nullptr, &sectors) || sectors == 0 ||
      !ReadGroupFile(disks, disk, "dev", device, bytes)) {
    return false;
  }
  device[std::strcspn(device, "\n")] = '\0';
  return true;
}

}  // namespace

bool CanLimitIo(const Hierarchy& hierarchy, const UniqueFd& group) {
  return ::faccessat(group.get(), hierarchy.v2 ? kMax : kV1Files[1], F_OK, 0) == 0;
}

// All disks, not the workspace's: a file system does not tell on which ones it lies (btrfs, an
// overlay), and commands read /usr, too. /sys/block has no partitions: the kernel limits whole
// disks only. A loop is a disk as well: only newer kernels charge what it passes on to who wrote
// it.
int SetIoRate(const Hierarchy& hierarchy, const char* name, std::uint64_t bytes_s) {
  DIR* disks = ::opendir("/sys/block");
  if (disks == nullptr) {
    return LastError();
  }
  int error = 0;
  while (const dirent* entry = ::readdir(disks)) {  // NOLINT(concurrency-mt-unsafe)
    char device[32];
    if (entry->d_name[0] == '.' ||
        !ReadDevice(::dirfd(disks), entry->d_name, device, sizeof(device))) {
      continue;
    }
    error = hierarchy.v2 ? LimitDiskV2(hierarchy, name, device, bytes_s)
                         : LimitDiskV1(hierarchy, name, device, bytes_s);
    if (error == ENODEV) {
      error = 0;  // unplugged by now, or hidden: a path of NVMe that nobody can open
    }
    if (error != 0) {
      break;
    }
  }
  ::closedir(disks);
  return error;
}

}  // namespace casemate::launcher
