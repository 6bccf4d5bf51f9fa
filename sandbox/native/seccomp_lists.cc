#include "sandbox/native/seccomp_lists.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>

namespace casemate::sandbox {
namespace {

// clang-format off
constexpr const char* kAllowed[] = {
    // Files. Not: vmsplice and tee (pipe-page tricks), name_to_handle_at (half of "shocker").
    "access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat", "dup",
    "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod",
    "fchmodat", "fchown", "fchownat", "fcntl", "fdatasync", "fgetxattr", "flistxattr", "flock",
    "fremovexattr", "fsetxattr", "fstat", "fstatfs", "fsync", "ftruncate", "futimesat", "getcwd",
    "getdents", "getdents64", "getxattr", "inotify_add_watch", "inotify_init", "inotify_init1",
    "inotify_rm_watch", "ioctl", "lchown", "lgetxattr", "link", "linkat", "listxattr",
    "llistxattr", "lremovexattr", "lseek", "lsetxattr", "lstat", "mkdir", "mkdirat", "mknod",
    "mknodat", "newfstatat", "open", "openat", "pipe", "pipe2", "pread64", "preadv",
    "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat",
    "readv", "removexattr", "rename", "renameat", "renameat2", "rmdir", "sendfile", "setxattr",
    "splice", "stat", "statfs", "statx", "symlink", "symlinkat", "sync", "sync_file_range",
    "syncfs", "truncate", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimes", "write",
    "writev",
    // Waiting.
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
    "eventfd", "eventfd2", "poll", "ppoll", "pselect6", "select",
    // Memory. Not: memfd_secret (uncharged), remap_file_pages (obsolete), userfaultfd.
    "brk", "madvise", "membarrier", "memfd_create", "mincore", "mlock", "mlock2", "mlockall",
    "mmap", "mprotect", "mremap", "msync", "munlock", "munlockall", "munmap", "pkey_alloc",
    "pkey_free", "pkey_mprotect",
    // Processes and threads. clone3 is not here: its flags lie behind a pointer, out of the
    // filter's sight; ENOSYS makes the C library use clone.
    "arch_prctl", "capget", "capset", "clone", "execve", "execveat", "exit", "exit_group", "fork",
    "futex", "futex_waitv", "get_robust_list", "get_thread_area", "getcpu", "getegid", "geteuid",
    "getgid", "getgroups", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getresgid",
    "getresuid", "getrlimit", "getrusage", "getsid", "gettid", "getuid", "ioprio_get",
    "ioprio_set", "kill", "personality", "pidfd_open", "pidfd_send_signal", "prctl", "prlimit64",
    "restart_syscall", "rseq", "sched_get_priority_max", "sched_get_priority_min",
    "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_getscheduler",
    "sched_rr_get_interval", "sched_setaffinity", "sched_setattr", "sched_setparam",
    "sched_setscheduler", "sched_yield", "set_robust_list", "set_thread_area", "set_tid_address",
    "setfsgid", "setfsuid", "setgid", "setgroups", "setpgid", "setpriority", "setregid",
    "setresgid", "setresuid", "setreuid", "setrlimit", "setsid", "setuid", "sysinfo", "tgkill",
    "times", "tkill", "uname", "vfork", "wait4", "waitid",
    // Signals.
    "pause", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo", "sigaltstack", "signalfd",
    "signalfd4",
    // Time. Not: anything that sets a clock.
    "alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "getitimer", "gettimeofday",
    "nanosleep", "setitimer", "time", "timer_create", "timer_delete", "timer_getoverrun",
    "timer_gettime", "timer_settime", "timerfd_create", "timerfd_gettime", "timerfd_settime",
    // Sockets; `socket` itself has rules of its own.
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen",
    "recvfrom", "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    "socketpair",
    // System V and POSIX IPC, inside an IPC namespace of the sandbox's own.
    "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink",
    "msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop", "shmat",
    "shmctl", "shmdt", "shmget",
    "getrandom",
};

// io_uring_* and clone3 are not named: ENOSYS by default is the answer that programs handle best.
constexpr const char* kRefused[] = {
    "acct", "add_key", "adjtimex", "bpf", "chroot", "clock_adjtime", "clock_settime",
    "delete_module", "fanotify_init", "fanotify_mark", "finit_module", "fsconfig", "fsmount",
    "fsopen", "fspick", "init_module", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load",
    "keyctl", "lookup_dcookie", "mbind", "memfd_secret", "migrate_pages", "modify_ldt", "mount",
    "mount_setattr", "move_mount", "move_pages", "name_to_handle_at", "open_by_handle_at",
    "open_tree", "perf_event_open", "pidfd_getfd", "pivot_root", "process_madvise",
    "process_mrelease", "process_vm_readv", "process_vm_writev", "ptrace", "quotactl",
    "quotactl_fd", "reboot", "request_key", "set_mempolicy", "setdomainname", "sethostname",
    "setns", "settimeofday", "swapoff", "swapon", "syslog", "umount2", "unshare", "userfaultfd",
    "vhangup",
};
// clang-format on

constexpr std::uint32_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                         CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

// Linux 5.17 and 6.10; not in the headers of Debian 12.
constexpr std::uint32_t kPrSetVma = 0x53564d41;
constexpr std::uint32_t kPrGetAuxv = 0x41555856;

// A set-uid file left in a read-write host workspace would give its owner's rights to whoever runs
// it on the host. openat2 hides its mode behind a pointer and is not on the list for that.
constexpr std::uint32_t kSetIdBits = S_ISUID | S_ISGID;
// Only with these the kernel looks at the mode of open and openat; callers without leave anything
// in that register.
constexpr std::uint32_t kMakesFile = O_CREAT | (O_TMPFILE & ~O_DIRECTORY);

const std::vector<ArgumentGate>& Gates() {
  using Kind = ArgumentGate::Kind;
  static const std::vector<ArgumentGate> gates = {
      {SYS_clone, 0, Kind::kNoBits, {kNewNamespaces}, EPERM},
      // Keystrokes pushed into the terminal that started us.
      {SYS_ioctl, 1, Kind::kNever, {TIOCSTI, TIOCLINUX}, EPERM},
      // Of the rest, PR_SET_MM rewrites what /proc shows, PR_SET_SECCOMP and
      // PR_SET_SYSCALL_USER_DISPATCH trap system calls, PR_SCHED_CORE and PR_MCE_KILL reach
      // beyond the process. EINVAL is the answer of a kernel that lacks an option.
      {SYS_prctl,
       0,
       Kind::kOnly,
       {PR_SET_PDEATHSIG,
        PR_GET_PDEATHSIG,
        PR_GET_DUMPABLE,
        PR_SET_DUMPABLE,
        PR_GET_KEEPCAPS,
        PR_SET_KEEPCAPS,
        PR_SET_NAME,
        PR_GET_NAME,
        PR_GET_SECCOMP,
        PR_CAPBSET_READ,
        PR_CAPBSET_DROP,
        PR_GET_SECUREBITS,
        PR_SET_TIMERSLACK,
        PR_GET_TIMERSLACK,
        PR_SET_CHILD_SUBREAPER,
        PR_GET_CHILD_SUBREAPER,
        PR_SET_NO_NEW_PRIVS,
        PR_GET_NO_NEW_PRIVS,
        PR_GET_TID_ADDRESS,
        PR_SET_THP_DISABLE,
        PR_GET_THP_DISABLE,
        PR_CAP_AMBIENT,
        PR_GET_SPECULATION_CTRL,
        PR_SET_SPECULATION_CTRL,
        PR_SET_PTRACER,
        kPrSetVma,
        kPrGetAuxv},
       EINVAL},
      // READ_IMPLIES_EXEC and ADDR_NO_RANDOMIZE undo hardening.
      {SYS_personality, 0, Kind::kOnly, {0, 0xffffffff}, EPERM},
      // AF_ALG, AF_VSOCK, AF_PACKET and the rare families: a history of holes.
      {SYS_socket, 0, Kind::kOnly, {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}, EAFNOSUPPORT},
      {SYS_socketpair, 0, Kind::kOnly, {AF_UNIX}, EAFNOSUPPORT},
      {SYS_fchmod, 1, Kind::kNoBits, {kSetIdBits}, EPERM},
      {SYS_fchmodat, 2, Kind::kNoBits, {kSetIdBits}, EPERM},
      {SYS_mknodat, 2, Kind::kNoBits, {kSetIdBits}, EPERM},
      {SYS_openat, 3, Kind::kNoBits, {kSetIdBits}, EPERM, 2, kMakesFile},
#ifdef SYS_open  // the older calls, where the architecture has them
      {SYS_chmod, 1, Kind::kNoBits, {kSetIdBits}, EPERM},
      {SYS_mknod, 1, Kind::kNoBits, {kSetIdBits}, EPERM},
      {SYS_creat, 1, Kind::kNoBits, {kSetIdBits}, EPERM},
      {SYS_open, 2, Kind::kNoBits, {kSetIdBits}, EPERM, 1, kMakesFile},
#endif
  };
  return gates;
}

}  // namespace

std::span<const char* const> AllowedSyscalls() {
  return kAllowed;
}
std::span<const char* const> RefusedSyscalls() {
  return kRefused;
}
std::span<const ArgumentGate> ArgumentGates() {
  return Gates();
}

}  // namespace casemate::sandbox
