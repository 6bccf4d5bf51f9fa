// A /proc of the new PID namespace, without what tells about the host or reaches its kernel.
#include <fcntl.h>
#include <sys/mount.h>

#include <cstring>

#include "sandbox/native/launcher/mounts.h"
#include "sandbox/native/launcher/syscalls.h"
#include "sandbox/native/launcher/text.h"

namespace casemate::launcher {
namespace {

// Hidden behind /dev/null: keys of other users, host interrupts (a side channel for keystrokes),
// kernel memory, timers and addresses.
constexpr const char* kHiddenFiles[] = {"interrupts",    "kcore",       "keys",       "key-users",
                                        "latency_stats", "sched_debug", "timer_list", "timer_stats",
                                        "kallsyms",      "kmsg"};
constexpr const char* kHiddenDirectories[] = {"acpi", "asound", "scsi"};
constexpr const char* kReadOnly[] = {"bus", "fs", "irq", "sys", "sysrq-trigger"};

// What the kernel counts for a user namespace and for its creator on the host alike: without own
// bounds one sandbox could use up the host user's share. No further user namespaces at all.
struct NamespaceLimit {
  const char* name;
  const char* value;
};
constexpr NamespaceLimit kNamespaceLimits[] = {
    {"max_user_namespaces", "0"}, {"max_inotify_instances", "32"}, {"max_inotify_watches", "8192"}};

// ENOENT: a kernel without this counter.
int LimitNamespaceResources() {
  char path[64];
  for (const NamespaceLimit& limit : kNamespaceLimits) {
    FormatInto(path, sizeof(path), "proc/sys/user/%s", limit.name);
    const UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
    if (!file.valid() && errno == ENOENT) {
      continue;
    }
    const auto length = static_cast<ssize_t>(std::strlen(limit.value));
    if (!file.valid() ||
        ::write(file.get(), limit.value, static_cast<std::size_t>(length)) != length) {
      return LastError();
    }
  }
  return 0;
}

// ENOENT: this kernel has no such entry, so there is nothing to hide.
int MaskWith(const char* path, unsigned long flags, const char* source, const char* type,
             const char* options) {
  return ErrorOf(::mount(source, path, type, flags, options));
}

}  // namespace

// Where the kernel refuses a fresh one, at most an empty directory on the root, which becomes
// read-only: never the host's.
int MountProc(ChildContext& context) {
  if (const int error = MakeDirectory("proc", 0555); error != 0) {
    return error;
  }
  const int error =
      ErrorOf(::mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr));
  if (!sandbox::MayLackProc(context.mode, error)) {
    return error;
  }
  context.missing |= wire::kLayerProc;
  context.report.proc_errno = error;
  return 0;
}

int MaskProc(ChildContext& context) {
  if ((context.missing & wire::kLayerProc) != 0) {
    return 0;
  }
  if (const int error = LimitNamespaceResources(); error != 0) {
    return error;
  }
  char path[64];
  for (const char* name : kHiddenFiles) {
    FormatInto(path, sizeof(path), "proc/%s", name);
    if (const int error = MaskWith(path, MS_BIND, "dev/null", nullptr, nullptr);
        error != 0 && error != ENOENT) {
      return error;
    }
  }
  for (const char* name : kHiddenDirectories) {
    FormatInto(path, sizeof(path), "proc/%s", name);
    if (const int error = MaskWith(path, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "tmpfs",
                                   "tmpfs", "size=4096,nr_inodes=2,mode=0555");
        error != 0 && error != ENOENT) {
      return error;
    }
  }
  for (const char* name : kReadOnly) {
    FormatInto(path, sizeof(path), "proc/%s", name);
    const int error = MaskWith(path, MS_BIND | MS_REC, path, nullptr, nullptr);
    if (error == ENOENT) {
      continue;
    }
    if (error != 0) {
      return error;
    }
    if (const int locked = sys::AddMountAttributes(
            AT_FDCWD, path, AT_RECURSIVE,
            MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        locked != 0) {
      return locked;
    }
  }
  return 0;
}

}  // namespace casemate::launcher
