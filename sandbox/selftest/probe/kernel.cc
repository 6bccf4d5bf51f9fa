// Kernel surface: system calls that sandboxed code never needs and exploits often do.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <ctime>

#include "sandbox/selftest/probe/attack.h"

namespace casemate::escape {
namespace {

Outcome UnshareUserns(Args /*args*/) {
  return OfCall(unshare(CLONE_NEWUSER));
}
Outcome UnshareMountns(Args /*args*/) {
  return OfCall(unshare(CLONE_NEWNS));
}

// A child that got its namespace ends at once.
Outcome OfClone(long pid) {
  if (pid == 0) {
    _exit(0);
  }
  Outcome outcome = OfCall(pid);
  if (pid > 0) {
    waitpid(static_cast<pid_t>(pid), nullptr, 0);
  }
  return outcome;
}

Outcome CloneUserns(Args /*args*/) {
  return OfClone(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
}

// Pointer arguments are out of a seccomp filter's sight, so clone3 must not exist.
Outcome Clone3Userns(Args /*args*/) {
  clone_args args{};
  args.flags = CLONE_NEWUSER;
  args.exit_signal = SIGCHLD;
  return OfClone(syscall(SYS_clone3, &args, sizeof args));
}

Outcome AddKey(Args /*args*/) {
  constexpr int kSessionKeyring = -3;
  return OfCall(syscall(SYS_add_key, "user", "casemate-escape", "x", 1, kSessionKeyring));
}
Outcome KeyctlJoin(Args /*args*/) {
  constexpr int kJoinSessionKeyring = 1;
  return OfCall(syscall(SYS_keyctl, kJoinSessionKeyring, nullptr));
}
Outcome RequestKey(Args /*args*/) {
  return OfCall(syscall(SYS_request_key, "user", "casemate-escape-none", nullptr, 0));
}

Outcome IoUringSetup(Args /*args*/) {
  char params[256] = {};
  return OfCall(syscall(SYS_io_uring_setup, 4, params));
}
Outcome Userfaultfd(Args /*args*/) {
  constexpr int kUserModeOnly = 1;
  return OfCall(syscall(SYS_userfaultfd, O_CLOEXEC | kUserModeOnly));
}
Outcome Bpf(Args /*args*/) {
  bpf_attr attributes{};
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = 4;
  attributes.value_size = 8;
  attributes.max_entries = 1;
  return OfCall(syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes));
}
Outcome PerfEventOpen(Args /*args*/) {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_TASK_CLOCK;
  attributes.exclude_kernel = 1;
  return OfCall(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}

// The next ones are asked with arguments that the kernel must refuse even to root, after it has
// let the caller in: the error tells which of the two happened, and nothing does.
Outcome InitModule(Args /*args*/) {
  return OfCall(syscall(SYS_init_module, "", 0, ""));
}
Outcome KexecLoad(Args /*args*/) {
  constexpr unsigned long kBadFlags = ~0UL;
  return OfCall(syscall(SYS_kexec_load, 0, 0, nullptr, kBadFlags));
}
Outcome Reboot(Args /*args*/) {
  return OfCall(syscall(SYS_reboot, 0, 0, LINUX_REBOOT_CMD_RESTART, nullptr));  // no magic
}
Outcome Swapon(Args /*args*/) {
  return OfCall(syscall(SYS_swapon, "/nonexistent/casemate-escape", 0));
}
Outcome Acct(Args /*args*/) {
  return OfCall(syscall(SYS_acct, "/nonexistent/casemate-escape"));
}
Outcome ClockSettime(Args /*args*/) {
  const timespec invalid = {.tv_sec = 0, .tv_nsec = -1};
  return OfCall(syscall(SYS_clock_settime, CLOCK_REALTIME, &invalid));
}
Outcome SettimeofdayInvalid(Args /*args*/) {
  const timeval invalid = {.tv_sec = 0, .tv_usec = -1};
  return OfCall(syscall(SYS_settimeofday, &invalid, nullptr));
}
Outcome Adjtimex(Args /*args*/) {
  timex change{};
  change.modes = ADJ_TICK;
  change.tick = 0;  // out of range
  return OfCall(syscall(SYS_adjtimex, &change));
}
Outcome Syslog(Args /*args*/) {
  constexpr int kReadAll = 3;
  char buffer[256];
  return OfCall(syscall(SYS_syslog, kReadAll, buffer, sizeof buffer));
}
Outcome Iopl(Args /*args*/) {
  return OfCall(syscall(SYS_iopl, 3));
}
Outcome ModifyLdt(Args /*args*/) {
  char buffer[16];
  return OfCall(syscall(SYS_modify_ldt, 0, buffer, sizeof buffer));
}
Outcome Kcmp(Args args) {
  const Target target(args);
  return OfCall(syscall(SYS_kcmp, getpid(), target.pid(), 0, 0, 0));
}
Outcome FanotifyInit(Args /*args*/) {
  constexpr unsigned kReportFid = 0x200;
  return OfCall(syscall(SYS_fanotify_init, kReportFid, O_RDONLY));
}
Outcome ProcessMadvise(Args /*args*/) {
  return OfCall(syscall(SYS_process_madvise, -1, nullptr, 0, 0, 0));  // EBADF when let in
}
Outcome MovePages(Args /*args*/) {
  return OfCall(syscall(SYS_move_pages, 0, 0, nullptr, nullptr, nullptr, 0));
}
Outcome Vhangup(Args /*args*/) {
  return OfCall(syscall(SYS_vhangup));
}

#if defined(__x86_64__)
// The 32-bit table numbers its calls differently: a filter for one architecture must end the other.
Outcome Int80(Args /*args*/) {
  constexpr long kGetpid32 = 20;
  long returned = 0;
  asm volatile("int $0x80" : "=a"(returned) : "a"(kGetpid32) : "memory", "r8", "r9", "r10", "r11");
  errno = static_cast<int>(-returned);
  return returned > 0 ? Succeeded() : Blocked(ErrnoName(errno));
}
Outcome X32(Args /*args*/) {
  constexpr long kX32Bit = 0x40000000;
  return OfCall(syscall(kX32Bit | SYS_getpid));
}
#endif

// Pushes a keystroke into the terminal that started us, here one of our own making.
Outcome TerminalIoctl(unsigned long request) {
  const int controller = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (controller < 0) {
    // No terminal can be made: ask on standard input, where the filter must answer first.
    char key = 'x';
    return OfCall(syscall(SYS_ioctl, 0, request, &key));
  }
  unlockpt(controller);
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    const int terminal = open(ptsname(controller), O_RDWR);  // becomes the controlling terminal
    char key = 'x';
    const long returned = syscall(SYS_ioctl, terminal, request, &key);
    _exit(returned >= 0 ? 0 : errno);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
    return CannotTry("no-child");
  }
  return WEXITSTATUS(status) == 0 ? Succeeded() : Blocked(ErrnoName(WEXITSTATUS(status)));
}
Outcome Tiocsti(Args /*args*/) {
  return TerminalIoctl(TIOCSTI);
}
// CVE-2019-7303, CVE-2019-10063: the kernel drops the upper half, a careless filter compares it.
Outcome TiocstiHighBits(Args /*args*/) {
  return TerminalIoctl(TIOCSTI | (1UL << 40));
}
Outcome Tioclinux(Args /*args*/) {
  return TerminalIoctl(TIOCLINUX);
}

Outcome PersonalityReadImpliesExec(Args /*args*/) {
  return OfCall(syscall(SYS_personality, 0UL | READ_IMPLIES_EXEC));
}

// struct file_handle, whose last member has no size in the C library.
struct Handle {
  unsigned int size = 128;
  int type = 0;
  unsigned char bytes[128] = {};
};

// "Shocker": file handles name inodes of the file system, whatever the mounts show.
Outcome OpenByHandle(Args args) {
  Handle handle;
  int mount_id = 0;
  const std::string path = TextArg(args, 0, ".");
  const int mount = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (syscall(SYS_name_to_handle_at, AT_FDCWD, path.c_str(), &handle, &mount_id, 0) != 0) {
    handle.size = 8;  // the root inode of an ext4 file system
    handle.type = 1;
    handle.bytes[0] = 2;
  }
  return OfCall(syscall(SYS_open_by_handle_at, mount, &handle, O_RDONLY));
}

Outcome MknodDevice(Args args) {
  const std::string path = TextArg(args, 0, ".") + "/device";
  Outcome outcome = OfCall(mknod(path.c_str(), S_IFCHR | 0600, makedev(1, 11)));  // kmsg
  unlink(path.c_str());
  return outcome;
}

Outcome OpenDevice(Args args) {
  return OfCall(open(TextArg(args, 0, "/dev/kmsg").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

constexpr Attack kAttacks[] = {
    {"unshare_userns", 25, UnshareUserns},
    {"unshare_mountns", 25, UnshareMountns},
    {"clone_userns", 25, CloneUserns},
    {"clone3_userns", 25, Clone3Userns},
    {"add_key", 28, AddKey},
    {"keyctl_join", 28, KeyctlJoin},
    {"request_key", 28, RequestKey},
    {"io_uring_setup", 29, IoUringSetup},
    {"userfaultfd", 30, Userfaultfd},
    {"bpf", 31, Bpf},
    {"perf_event_open", 32, PerfEventOpen},
    {"init_module", 33, InitModule},
    {"kexec_load", 33, KexecLoad},
    {"reboot", 33, Reboot},
    {"swapon", 33, Swapon},
    {"acct", 33, Acct},
    {"syslog", 33, Syslog},
    {"iopl", 33, Iopl},
    {"modify_ldt", 33, ModifyLdt},
    {"kcmp", 33, Kcmp},
    {"fanotify_init", 33, FanotifyInit},
    {"process_madvise", 33, ProcessMadvise},
    {"move_pages", 33, MovePages},
    {"vhangup", 33, Vhangup, true},
#if defined(__x86_64__)
    {"int80", 35, Int80},
    {"x32", 35, X32},
#endif
    {"clock_settime", 36, ClockSettime},
    {"settimeofday", 36, SettimeofdayInvalid},
    {"adjtimex", 36, Adjtimex},
    {"tiocsti", 37, Tiocsti},
    {"tiocsti_high_bits", 37, TiocstiHighBits},
    {"tioclinux", 37, Tioclinux},
    {"personality_read_implies_exec", 38, PersonalityReadImpliesExec},
    {"open_by_handle", 39, OpenByHandle},
    {"mknod_device", 41, MknodDevice},
    {"open_device", 41, OpenDevice},
};

}  // namespace

std::span<const Attack> KernelAttacks() {
  return kAttacks;
}

}  // namespace casemate::escape
