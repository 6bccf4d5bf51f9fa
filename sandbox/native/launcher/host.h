// Host: what the launcher finds out once, at its start, about the machine and about itself: which
// system directories exist, how ids can be mapped, which Landlock there is. Immutable afterwards.
#pragma once

#include <sys/types.h>

#include <climits>
#include <cstddef>
#include <cstdint>

namespace casemate::launcher {

inline constexpr std::uint32_t kSandboxId = 1000;            // uid and gid inside
inline constexpr std::uint32_t kFirstKernelId = 0x70000000;  // ids outside, for a root launcher
inline constexpr std::uint32_t kLastKernelId = 0x7fffffff;

// A top-level entry such as /lib64: a link into /usr, or a directory on unmerged systems.
struct SystemEntry {
  const char* name = nullptr;  // without the leading slash
  bool is_link = false;
  char target[256] = {};
};

// An entry of /etc that interpreters need, bound read-only.
struct EtcEntry {
  char name[NAME_MAX + 1] = {};
  bool is_directory = false;
};

struct Host {
  static constexpr std::size_t kMaxSystemEntries = 8;
  static constexpr std::size_t kMaxEtcEntries = 32;

  // May map any id: each run gets an id of its own, made of the launcher's pid (its lower 20 bits:
  // launchers of other PID namespaces may have the same) and the run's slot. Otherwise
  // every run is mapped to the launcher's own ids.
  bool maps_any_id = false;
  bool maps_mounts = false;  // may map those of a workspace as well; otherwise it is refused
  // The own id is the machine's root, whom the kernel exempts from RLIMIT_NPROC: never mapped.
  bool is_root = false;
  uid_t uid = 0;
  gid_t gid = 0;
  int landlock_abi = 0;
  int landlock_errno = 0;  // why there is none
  SystemEntry system[kMaxSystemEntries] = {};
  std::size_t system_count = 0;
  EtcEntry etc[kMaxEtcEntries] = {};
  std::size_t etc_count = 0;
  char localtime[256] = {};  // link target of /etc/localtime, or empty
};

void DiscoverHost(Host* host);

}  // namespace casemate::launcher
