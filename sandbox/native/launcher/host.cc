#include "sandbox/native/launcher/host.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string_view>

#include "sandbox/native/launcher/landlock.h"
#include "sandbox/native/launcher/syscalls.h"
#include "sandbox/native/launcher/text.h"

namespace casemate::launcher {
namespace {

void DiscoverSystem(Host* host) {
  constexpr const char* kNames[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};
  for (const char* name : kNames) {
    SystemEntry& entry = host->system[host->system_count];
    char path[32];
    FormatInto(path, sizeof(path), "/%s", name);
    const ssize_t length = ::readlink(path, entry.target, sizeof(entry.target) - 1);
    struct stat status = {};
    if (length < 0 && (::stat(path, &status) != 0 || !S_ISDIR(status.st_mode))) {
      continue;
    }
    entry.target[length < 0 ? 0 : length] = '\0';
    entry.is_link = length >= 0;
    entry.name = name;
    ++host->system_count;
  }
}

void AddEtc(Host* host, const char* name) {
  char path[NAME_MAX + 8];
  struct stat status = {};
  FormatInto(path, sizeof(path), "/etc/%s", name);
  if (host->etc_count == Host::kMaxEtcEntries || ::stat(path, &status) != 0 ||
      (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode))) {
    return;
  }
  EtcEntry& entry = host->etc[host->etc_count++];
  FormatInto(entry.name, sizeof(entry.name), "%s", name);
  entry.is_directory = S_ISDIR(status.st_mode);
}

// Nothing that may hold a secret, and only what programs cannot do without (each costs a mount in
// every call): the loader's cache, the links of alternatives, the settings of Java's runtime.
void DiscoverEtc(Host* host) {
  for (const char* name : {"ld.so.cache", "alternatives"}) {
    AddEtc(host, name);
  }
  if (DIR* etc = ::opendir("/etc"); etc != nullptr) {
    while (const dirent* entry = ::readdir(etc)) {  // NOLINT(concurrency-mt-unsafe): one thread
      if (std::string_view(entry->d_name).starts_with("java")) {
        AddEtc(host, entry->d_name);
      }
    }
    ::closedir(etc);
  }
  const ssize_t length = ::readlink("/etc/localtime", host->localtime, sizeof(host->localtime) - 1);
  host->localtime[length < 0 ? 0 : length] = '\0';
  if (length < 0) {
    AddEtc(host, "localtime");
  }
}

bool HoldsCapabilities(std::uint32_t needed) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  return ::syscall(SYS_capget, &header, data) == 0 && (data[0].effective & needed) == needed;
}

// To write other ids into a map, and to give the streams to them.
constexpr std::uint32_t kMapIds = (1U << CAP_SETUID) | (1U << CAP_SETGID) | (1U << CAP_CHOWN);
// To map the ids of a mount, by the user namespace of a process. A container's root mostly lacks
// them.
constexpr std::uint32_t kMapMounts = (1U << CAP_SYS_ADMIN) | (1U << CAP_SYS_PTRACE);

struct IdRanges {
  bool has_high_ids = false;  // inside a container they may not exist
  bool has_root = false;      // id 0 is that of the machine, as far as this process can see
};

IdRanges RangesIn(const char* map_path) {
  IdRanges ranges;
  std::FILE* map = std::fopen(map_path, "re");
  if (map == nullptr) {
    return ranges;
  }
  unsigned long long first = 0;
  unsigned long long lower = 0;
  unsigned long long count = 0;
  // NOLINTNEXTLINE(cert-err34-c): the kernel wrote these numbers
  while (std::fscanf(map, "%llu %llu %llu", &first, &lower, &count) == 3) {
    ranges.has_high_ids |= first <= kFirstKernelId && first + count > kLastKernelId;
    ranges.has_root |= first == 0 && lower == 0;
  }
  static_cast<void>(std::fclose(map));
  return ranges;
}

}  // namespace

void DiscoverHost(Host* host) {
  host->uid = ::geteuid();
  host->gid = ::getegid();
  const IdRanges users = RangesIn("/proc/self/uid_map");
  host->maps_any_id = host->uid == 0 && HoldsCapabilities(kMapIds) && users.has_high_ids &&
                      RangesIn("/proc/self/gid_map").has_high_ids;
  host->maps_mounts = host->maps_any_id && HoldsCapabilities(kMapMounts);
  host->is_root = host->uid == 0 && users.has_root;
  host->landlock_abi = LandlockAbi(&host->landlock_errno);
  DiscoverSystem(host);
  DiscoverEtc(host);
}

}  // namespace casemate::launcher
