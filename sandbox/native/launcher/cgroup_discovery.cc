// Finds the launcher's own groups in the control group hierarchies, from /proc/self/cgroup.
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "sandbox/native/launcher/cgroup.h"
#include "sandbox/native/launcher/cgroup_io.h"
#include "sandbox/native/launcher/cgroup_mounts.h"
#include "sandbox/native/launcher/cgroup_v2.h"
#include "sandbox/native/launcher/syscalls.h"
#include "sandbox/native/launcher/text.h"

namespace casemate::launcher {
namespace {

// The launcher's group in the hierarchy of `mount`, as the path in /proc/self/cgroup.
bool FindOwnPath(const CgroupMount& mount, char* path, std::size_t bytes) {
  std::FILE* file = std::fopen("/proc/self/cgroup", "re");
  if (file == nullptr) {
    return false;
  }
  char line[4352];
  bool found = false;
  while (!found && std::fgets(line, sizeof(line), file) != nullptr) {
    char* controllers = std::strchr(line, ':');
    char* own = controllers == nullptr ? nullptr : std::strchr(controllers + 1, ':');
    if (own == nullptr) {
      continue;
    }
    *own++ = '\0';
    own[std::strcspn(own, "\n")] = '\0';
    const unsigned bits = ParseControllers(controllers + 1, ',');
    found = mount.v2 ? controllers[1] == '\0' : (bits & mount.controllers) != 0;
    if (found) {
      FormatInto(path, bytes, "%s", own);
    }
  }
  static_cast<void>(std::fclose(file));
  return found;
}

// The directory of the own group; -1 with errno set when this mount does not show it.
int OpenOwnGroup(const CgroupMount& mount) {
  char path[4352];
  if (!FindOwnPath(mount, path, sizeof(path))) {
    errno = ENOENT;
    return -1;
  }
  // An earlier launcher of this server moved it there, out of the group that is ours (cgroup_v2.h).
  char* last = std::strrchr(path, '/');
  if (mount.v2 && last != nullptr && last != path && std::strcmp(last + 1, kServerGroup) == 0) {
    *last = '\0';
  }
  const char* below = path;
  if (std::strcmp(mount.root, "/") != 0) {
    // A container's mount shows only the part below its root.
    const std::size_t length = std::strlen(mount.root);
    if (std::strncmp(path, mount.root, length) != 0 ||
        (path[length] != '\0' && path[length] != '/')) {
      errno = ENOENT;
      return -1;
    }
    below = path + length;
  }
  char directory[5632];
  FormatInto(directory, sizeof(directory), "%s%s", mount.point, below);
  return ::open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int MakeBase(Hierarchy* hierarchy, const char* incarnation) {
  char name[96];
  FormatInto(name, sizeof(name), "casemate-%s", incarnation);
  const int own = hierarchy->own.get();
  if (::mkdirat(own, name, 0755) != 0 && errno != EEXIST) {
    return LastError();
  }
  hierarchy->base.Reset(::openat(own, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return hierarchy->base.valid() ? 0 : LastError();
}

unsigned AvailableV2(int own) {
  char text[512];
  const UniqueFd file(::openat(own, "cgroup.controllers", O_RDONLY | O_CLOEXEC));
  const ssize_t length = file.valid() ? ::read(file.get(), text, sizeof(text)) : -1;
  if (length <= 0) {
    return 0;
  }
  const auto end = static_cast<std::size_t>(length);
  return ParseControllers({text, text[end - 1] == '\n' ? end - 1 : end}, ' ');
}

void TryV2(const CgroupMount& mount, const char* incarnation, HierarchySet* set) {
  Hierarchy hierarchy;
  hierarchy.v2 = true;
  hierarchy.own.Reset(OpenOwnGroup(mount));
  if (!hierarchy.own.valid()) {
    return;
  }
  constexpr unsigned kNeeded = kMemory | kPids | kCpu;
  const unsigned available = AvailableV2(hierarchy.own.get());
  if ((available & kNeeded) != kNeeded) {
    return;  // a hybrid system: the controllers are in v1 hierarchies
  }
  hierarchy.controllers = kNeeded;
  set->error = EnableV2(hierarchy.own.get(), (available & kIo) != 0);
  if (set->error == 0) {
    set->error = MakeBase(&hierarchy, incarnation);
  }
  if (set->error == 0) {
    set->error = EnableV2(hierarchy.base.get(), false);  // io: when it is needed (cgroup_io.cc)
  }
  if (set->error == 0) {
    hierarchy.controllers |= CanLimitIo(hierarchy, hierarchy.base) ? kIo : 0U;
    set->list[set->count++] = std::move(hierarchy);
  }
}

void TryV1(const CgroupMount& mount, const char* incarnation, HierarchySet* set) {
  for (std::size_t i = 0; i < set->count; ++i) {
    if ((set->list[i].controllers & mount.controllers) != 0) {
      return;  // mounted a second time
    }
  }
  Hierarchy hierarchy;
  hierarchy.controllers = mount.controllers;
  hierarchy.own.Reset(OpenOwnGroup(mount));
  if (mount.controllers == kIo && hierarchy.own.valid() && !CanLimitIo(hierarchy, hierarchy.own)) {
    return;
  }
  const int error = hierarchy.own.valid() ? MakeBase(&hierarchy, incarnation) : LastError();
  if (error != 0) {
    set->error = set->error == 0 ? error : set->error;
    return;
  }
  if (set->count < kMaxHierarchies) {
    set->list[set->count++] = std::move(hierarchy);
  }
}

void Discover(bool v2, const char* incarnation, HierarchySet* set) {
  CgroupMounts mounts;
  for (CgroupMount mount; mounts.Next(&mount);) {
    const bool is_found = v2 && set->count != 0;
    if (mount.v2 == v2 && !is_found) {
      v2 ? TryV2(mount, incarnation, set) : TryV1(mount, incarnation, set);
    }
  }
  set->error = set->error == 0 ? mounts.error() : set->error;
}

}  // namespace

void DiscoverHierarchies(const char* incarnation, HierarchySet* set) {
  Discover(true, incarnation, set);
  if (set->count == 0 && set->error == 0) {
    Discover(false, incarnation, set);
  }
  if (set->count == 0 && set->error == 0) {
    set->error = ENOENT;
  }
}

}  // namespace casemate::launcher
