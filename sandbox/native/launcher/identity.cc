#include "sandbox/native/launcher/identity.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <sys/prctl.h>
#include <sys/vfs.h>

#include <cstring>

#include "sandbox/native/launcher/lifeline.h"
#include "sandbox/native/launcher/text.h"

namespace casemate::launcher {
namespace {

// `process` is a pid in decimal, or "self".
int WriteProcFile(const char* process, const char* name, const char* text) {
  char path[64];
  FormatInto(path, sizeof(path), "/proc/%s/%s", process, name);
  const UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
  if (!file.valid()) {
    return LastError();
  }
  const auto length = static_cast<ssize_t>(std::strlen(text));
  return ::write(file.get(), text, static_cast<std::size_t>(length)) == length ? 0 : LastError();
}

int WriteIdMaps(const char* process, std::uint32_t inside_uid, std::uint32_t outside_uid,
                std::uint32_t inside_gid, std::uint32_t outside_gid) {
  char text[64];
  FormatInto(text, sizeof(text), "%u %u 1\n", inside_uid, outside_uid);
  if (const int error = WriteProcFile(process, "uid_map", text); error != 0) {
    return error;
  }
  FormatInto(text, sizeof(text), "%u %u 1\n", inside_gid, outside_gid);
  return WriteProcFile(process, "gid_map", text);
}

// An ordinary user may map only its own ids, and only from inside, where /proc/self must be the
// caller's: for a process that is not dumpable the kernel gives it to root.
int WriteOwnIdMaps(const Host& host) {
  if (host.is_root) {
    return EPERM;
  }
  if (::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) {
    return LastError();
  }
  int error = WriteProcFile("self", "setgroups", "deny");
  if (error == 0) {
    error = WriteIdMaps("self", kSandboxId, host.uid, kSandboxId, host.gid);
  }
  const int restored = ErrorOf(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
  return error != 0 ? error : restored;
}

// The capabilities in the new namespace survive: it has no uid 0, so the kernel's "root became
// ordinary" rule does not apply. DropPrivileges takes them away at the end.
int BecomeSandboxUser() {
  if (::syscall(SYS_setgroups, 0, nullptr) != 0 ||
      ::syscall(SYS_setresgid, kSandboxId, kSandboxId, kSandboxId) != 0 ||
      ::syscall(SYS_setresuid, kSandboxId, kSandboxId, kSandboxId) != 0) {
    return LastError();
  }
  return 0;
}

}  // namespace

int GiveIdentity(pid_t child, std::uint32_t kernel_id, SharedReport& report) {
  char process[16];
  FormatInto(process, sizeof(process), "%d", child);
  if (const int error = WriteIdMaps(process, kSandboxId, kernel_id, kSandboxId, kernel_id);
      error != 0) {
    return error;
  }
  report.released.store(1, std::memory_order_release);
  return ErrorOf(::syscall(SYS_futex, &report.released, FUTEX_WAKE, 1, nullptr, nullptr, 0));
}

int GiveStreams(const Request& request, std::uint32_t kernel_id) {
  for (const int fd : {request.in.get(), request.out.get(), request.err.get()}) {
    struct statfs file_system = {};
    if (::fstatfs(fd, &file_system) != 0) {
      return LastError();
    }
    // Only pipes of pipe(2): a file or device with a name belongs to someone on the host.
    if (file_system.f_type == PIPEFS_MAGIC && ::fchown(fd, kernel_id, kernel_id) != 0) {
      return LastError();
    }
  }
  return 0;
}

int TakeIdentity(ChildContext& context) {
  if (!context.host.maps_any_id) {
    return WriteOwnIdMaps(context.host);
  }
  while (context.report.released.load(std::memory_order_acquire) == 0) {
    // EAGAIN: released in between. EINTR: look again.
    ::syscall(SYS_futex, &context.report.released, FUTEX_WAIT, 0, nullptr, nullptr, 0);
  }
  if (const int error = BecomeSandboxUser(); error != 0) {
    return error;
  }
  return DieWithLauncher(context.lifeline);  // the change of ids cleared it
}

int MakeIdMappedTree(int directory, uid_t uid, gid_t gid, std::uint32_t kernel_id,
                     std::uint64_t attributes, int lifeline, UniqueFd* tree) {
  // The map needs a user namespace, and that needs a process while it is written.
  int pidfd_out = -1;
  clone_args args = {};
  args.flags = CLONE_NEWUSER | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd_out);
  args.exit_signal = SIGCHLD;
  const pid_t holder = sys::Clone3(&args);
  if (holder < 0) {
    return LastError();
  }
  if (holder == 0) {
    // It holds what its server waits for the end of.
    if (DieWithLauncher(lifeline) != 0) {
      ::_exit(1);
    }
    while (true) {
      ::pause();
    }
  }
  const UniqueFd pidfd(pidfd_out);
  char process[16];
  FormatInto(process, sizeof(process), "%d", holder);
  int error = WriteIdMaps(process, uid, kernel_id, gid, kernel_id);
  UniqueFd user_ns;
  if (error == 0) {
    char path[64];
    FormatInto(path, sizeof(path), "/proc/%s/ns/user", process);
    user_ns.Reset(::open(path, O_RDONLY | O_CLOEXEC));
    error = user_ns.valid() ? 0 : LastError();
  }
  siginfo_t info = {};
  sys::PidfdSignal(pidfd.get(), SIGKILL);
  sys::WaitPidfd(pidfd.get(), &info, nullptr);
  if (error != 0) {
    return error;
  }
  tree->Reset(::open_tree(directory, "",
                          OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE));
  if (!tree->valid()) {
    return LastError();
  }
  return sys::AddMountAttributes(tree->get(), "", AT_EMPTY_PATH | AT_RECURSIVE,
                                 attributes | MOUNT_ATTR_IDMAP, user_ns.get());
}

}  // namespace casemate::launcher
