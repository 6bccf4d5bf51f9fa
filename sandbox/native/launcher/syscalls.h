// Thin wrappers over system calls that the C library lacks or wraps with too much state. Pure
// calls; no ownership. Convention of the launcher: functions return 0 or a positive errno, except
// those that make a descriptor, which return it or -1 with errno set.
#pragma once

#include <linux/openat2.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>

namespace casemate::launcher {

// errno as a result, never 0: a failure must not be mistaken for success.
inline int LastError() {
  // NOLINTNEXTLINE(clang-analyzer-unix.Errno): only called after a failure
  return errno == 0 ? EIO : errno;
}
inline int ErrorOf(std::int64_t result) {
  return result < 0 ? LastError() : 0;
}

namespace sys {

inline int OpenAt2(int dir, const char* path, std::uint64_t flags, std::uint64_t mode,
                   std::uint64_t resolve) {
  open_how how = {};
  how.flags = flags;
  how.mode = mode;
  how.resolve = resolve;
  return static_cast<int>(::syscall(SYS_openat2, dir, path, &how, sizeof(how)));
}

// `attr` is a MOUNT_ATTR_* set that is added; `user_ns` only with MOUNT_ATTR_IDMAP.
inline int AddMountAttributes(int dir, const char* path, unsigned flags, std::uint64_t attr,
                              int user_ns = 0) {
  mount_attr change = {};
  change.attr_set = attr;
  change.userns_fd = static_cast<std::uint64_t>(user_ns);
  return ErrorOf(::mount_setattr(dir, path, flags, &change, sizeof(change)));
}

inline pid_t Clone3(clone_args* args) {
  return static_cast<pid_t>(::syscall(SYS_clone3, args, sizeof(*args)));
}

inline int PidfdOpen(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

inline int PidfdSignal(int pidfd, int signal) {
  return ErrorOf(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

// Reaps the child behind `pidfd`. The system call, unlike the C function, also yields its usage.
inline int WaitPidfd(int pidfd, siginfo_t* info, rusage* usage) {
  constexpr int kPidfdType = 3;  // P_PIDFD
  return ErrorOf(::syscall(SYS_waitid, kPidfdType, pidfd, info, WEXITED, usage));
}

inline int CloseRange(unsigned first, unsigned last) {
  return ErrorOf(::syscall(SYS_close_range, first, last, 0));
}

}  // namespace sys
}  // namespace casemate::launcher
