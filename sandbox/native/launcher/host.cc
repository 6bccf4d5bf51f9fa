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

bool HoldsSetIdCapabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  constexpr std::uint32_t kNeeded = (1U << CAP_SETUID) | (1U << CAP_SETGID) | (1U << CAP_SYS_ADMIN);
  return ::syscall(SYS_capget, &header, data) == 0 && (data[0].effective & kNeeded) == kNeeded;
}

// Inside a container the high ids may not exist; then only the own id can be mapped.
bool MapsHighIds(const char* map_path) {
  std::FILE* map = std::fopen(map_path, "re");
  if (map == nullptr) {
    return false;
  }
  bool covered = false;
  unsigned long long first = 0;
  unsigned long long lower = 0;
  unsigned long long count = 0;
  // NOLINTNEXTLINE(cert-err34-c): the kernel wrote these numbers
  while (std::fscanf(map, "%llu %llu %llu", &first, &lower, &count) == 3) {
    covered = covered || (first <= kFirstKernelId && first + count > kLastKernelId);
  }
  static_cast<void>(std::fclose(map));
  return covered;
}

}  // namespace

void DiscoverHost(Host* host) {
  host->uid = ::geteuid();
  host->gid = ::getegid();
  host->maps_any_id = host->uid == 0 && HoldsSetIdCapabilities() &&
                      MapsHighIds("/proc/self/uid_map") && MapsHighIds("/proc/self/gid_map");
  host->landlock_abi = LandlockAbi(&host->landlock_errno);
  DiscoverSystem(host);
  DiscoverEtc(host);
}

}  // namespace casemate::launcher
