// Removes the groups of dead servers, wherever in the mounted hierarchies they are.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <cstring>

#include "sandbox/native/launcher/cgroup.h"
#include "sandbox/native/launcher/cgroup_files.h"
#include "sandbox/native/launcher/cgroup_mounts.h"
#include "sandbox/native/launcher/text.h"

namespace casemate::launcher {
namespace {

constexpr int kPatienceMs = 1000;
constexpr int kLongPauseMs = 20;
constexpr int kMaxDepth = 32;  // descriptors held at once; deeper groups are not ours

int OpenDirectory(int parent, const char* path) {
  return ::openat(parent, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

}  // namespace

bool Cgroups::Reap(const char* incarnation) {
  char name[kNameBytes];
  FormatInto(name, sizeof(name), "casemate-%s", incarnation);
  if (std::strcmp(name, base_name_) == 0) {
    return true;
  }
  CgroupMounts mounts;
  for (CgroupMount mount; mounts.Next(&mount);) {
    const UniqueFd root(OpenDirectory(AT_FDCWD, mount.point));
    if (root.valid()) {
      ReapBelow(root.get(), name, 0);
    }
  }
  for (int waited_ms = 0; waited_ms < kPatienceMs && IsLeft(name);) {
    const int pause_ms = waited_ms < kLongPauseMs ? 1 : kLongPauseMs;
    ::poll(nullptr, 0, pause_ms);
    waited_ms += pause_ms;
    RetryLeftovers();
  }
  return !IsLeft(name);
}

bool Cgroups::IsLeft(const char* name) const {
  bool is_left = leftover_count_ == kMaxLeftovers;
  for (std::size_t i = 0; i < leftover_count_; ++i) {
    is_left = is_left || std::strcmp(leftovers_[i].name, name) == 0;
  }
  return is_left;
}

// NOLINTNEXTLINE(misc-no-recursion): kMaxDepth bounds it
void Cgroups::ReapBelow(int directory, const char* name, int depth) {
  struct stat info;
  if (::fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode) &&
      !RemoveGroupTree(directory, name)) {
    RemoveLater(directory, name);
  }
  const int copy = depth < kMaxDepth ? OpenDirectory(directory, ".") : -1;
  DIR* entries = copy < 0 ? nullptr : ::fdopendir(copy);
  if (entries == nullptr) {
    if (copy >= 0) {
      ::close(copy);
    }
    return;
  }
  while (const dirent* entry = ::readdir(entries)) {  // NOLINT(concurrency-mt-unsafe)
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
        std::strncmp(entry->d_name, "casemate-", 9) == 0) {
      continue;
    }
    const UniqueFd child(OpenDirectory(directory, entry->d_name));
    if (child.valid()) {
      ReapBelow(child.get(), name, depth + 1);
    }
  }
  ::closedir(entries);
}

}  // namespace casemate::launcher
