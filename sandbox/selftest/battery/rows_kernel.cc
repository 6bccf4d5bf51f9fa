// Kernel surface. "Blocked EPERM" is the filter's answer to what is known to be dangerous, "blocked
// ENOSYS" its answer to what it does not know; controls prove that the kernel itself would let in.
#include "sandbox/selftest/battery/row.h"

namespace casemate::escape {
namespace {

constexpr const char* kNeedsPrivilege =
    "an ordinary user is refused by the kernel itself; root's run shows the difference";
constexpr const char* kNotInKernel = "this kernel is built without it";

std::vector<Row> NamespaceAndKeyRows() {
  return {
      {.name = "unshare_userns", .attack = {"unshare_userns"}, .expect = "blocked EPERM"},
      {.name = "unshare_mountns",
       .attack = {"unshare_mountns"},
       .expect = "blocked EPERM",
       .control = {"--own-namespaces", "unshare_mountns"}},
      {.name = "clone_userns", .attack = {"clone_userns"}, .expect = "blocked EPERM"},
      {.name = "clone3_userns", .attack = {"clone3_userns"}, .expect = "blocked ENOSYS"},
      {.name = "add_key", .attack = {"add_key"}, .expect = "blocked EPERM"},
      {.name = "keyctl_join", .attack = {"keyctl_join"}, .expect = "blocked EPERM"},
      {.name = "request_key",
       .attack = {"request_key"},
       .expect = "blocked EPERM",
       .control_expect = "blocked ENOKEY"},
  };
}

std::vector<Row> SubsystemRows() {
  return {
      {.name = "io_uring_setup", .attack = {"io_uring_setup"}, .expect = "blocked ENOSYS"},
      {.name = "userfaultfd", .attack = {"userfaultfd"}, .expect = "blocked EPERM"},
      {.name = "bpf",
       .attack = {"bpf"},
       .expect = "blocked EPERM",
       .control_unavailable = "blocked EPERM",
       .why = kNeedsPrivilege},
      {.name = "perf_event_open",
       .attack = {"perf_event_open"},
       .expect = "blocked EPERM",
       .control_unavailable = "blocked EACCES",
       .why = "perf_event_paranoid forbids it to this user"},
      {.name = "init_module",
       .attack = {"init_module"},
       .expect = "blocked EPERM",
       .control_expect = "blocked ENOEXEC | blocked EFAULT",
       .control_unavailable = "blocked ENOSYS | blocked EPERM",
       .why = kNotInKernel},
      {.name = "kexec_load",
       .attack = {"kexec_load"},
       .expect = "blocked EPERM",
       .control_expect = "blocked EINVAL",
       .control_unavailable = "blocked ENOSYS | blocked EPERM",
       .why = kNotInKernel},
      {.name = "reboot",
       .attack = {"reboot"},
       .expect = "blocked EPERM",
       .control_expect = "blocked EINVAL",
       .control_unavailable = "blocked EPERM",
       .why = kNeedsPrivilege},
      {.name = "swapon",
       .attack = {"swapon"},
       .expect = "blocked EPERM",
       .control_expect = "blocked ENOENT",
       .control_unavailable = "blocked EPERM",
       .why = kNeedsPrivilege},
      {.name = "acct",
       .attack = {"acct"},
       .expect = "blocked EPERM",
       .control_expect = "blocked ENOENT",
       .control_unavailable = "blocked EPERM | blocked ENOSYS",
       .why = kNeedsPrivilege},
      {.name = "syslog",
       .attack = {"syslog"},
       .expect = "blocked EPERM",
       .control_unavailable = "blocked EPERM",
       .why = kNeedsPrivilege},
      {.name = "iopl",
       .attack = {"iopl"},
       .expect = "blocked EPERM",
       .control_unavailable = "blocked ENOSYS | blocked EPERM",
       .why = kNotInKernel},
      {.name = "modify_ldt", .attack = {"modify_ldt"}, .expect = "blocked EPERM"},
      {.name = "kcmp", .attack = {"kcmp", "child"}, .expect = "blocked EPERM"},
      {.name = "fanotify_init", .attack = {"fanotify_init"}, .expect = "blocked EPERM"},
      {.name = "process_madvise",
       .attack = {"process_madvise"},
       .expect = "blocked EPERM",
       .control_expect = "blocked EBADF"},
      {.name = "move_pages", .attack = {"move_pages"}, .expect = "blocked EPERM"},
      {.name = "vhangup",
       .attack = {"vhangup"},
       .expect = "blocked EPERM",
       .why = "it would hang up the terminal that runs the tests",
       .control_as = ControlAs::kNone},
  };
}

std::vector<Row> ForeignAndClockRows() {
  return {
      {.name = "int80",
       .attack = {"int80"},
       .expect = "seccomp_killed",
       .control_unavailable = "signaled SIGSEGV | blocked ENOSYS",
       .why = kNotInKernel},
      {.name = "x32",
       .attack = {"x32"},
       .expect = "seccomp_killed",
       .control_unavailable = "blocked ENOSYS",
       .why = kNotInKernel},
      {.name = "clock_settime",
       .attack = {"clock_settime"},
       .expect = "blocked EPERM",
       .control_expect = "blocked EINVAL"},
      {.name = "settimeofday",
       .attack = {"settimeofday"},
       .expect = "blocked EPERM",
       .control_expect = "blocked EINVAL"},
      {.name = "adjtimex",
       .attack = {"adjtimex"},
       .expect = "blocked EPERM",
       .control_expect = "blocked EINVAL",
       .control_unavailable = "blocked EPERM",
       .why = kNeedsPrivilege},
      {.name = "tiocsti",
       .attack = {"tiocsti"},
       .expect = "blocked EPERM",
       .control_unavailable = "blocked EIO",
       .why = "dev.tty.legacy_tiocsti is off"},
      {.name = "tiocsti_high_bits",
       .attack = {"tiocsti_high_bits"},
       .expect = "blocked EPERM",
       .control_unavailable = "blocked EIO",
       .why = "dev.tty.legacy_tiocsti is off"},
      {.name = "tioclinux",
       .attack = {"tioclinux"},
       .expect = "blocked EPERM",
       .control_expect = "blocked ENOTTY"},
      {.name = "personality_read_implies_exec",
       .attack = {"personality_read_implies_exec"},
       .expect = "blocked EPERM"},
      {.name = "open_by_handle",
       .attack = {"open_by_handle", "."},
       .expect = "blocked EPERM",
       .control_unavailable = "blocked EPERM",
       .why = kNeedsPrivilege},
      {.name = "mknod_device",
       .attack = {"mknod_device", "."},
       .expect = "blocked EACCES",  // Landlock asks first
       .expect_without_landlock = "blocked EPERM",
       .control = {"mknod_device", "{dir}/home"},
       .control_unavailable = "blocked EPERM",
       .why = kNeedsPrivilege},
      {.name = "mknod_device_private",
       .attack = {"mknod_device", "."},
       .expect = "blocked EACCES",  // Landlock asks first
       .expect_without_landlock = "blocked EPERM",
       .place = Place::kPrivate,
       .control = {"mknod_device", "{dir}/home"},
       .control_unavailable = "blocked EPERM",
       .why = kNeedsPrivilege},
  };
}

std::vector<Row> DeviceRows() {
  std::vector<Row> rows;
  for (const char* device : {"kmsg", "mem", "vda", "kvm", "fuse", "userfaultfd", "loop-control",
                             "tty1", "net/tun", "hwrng"}) {
    const std::string path = std::string("/dev/") + device;
    rows.push_back({.name = "open_device " + path,
                    .attack = {"open_device", path},
                    .expect = "blocked ENOENT",
                    .control_unavailable = "blocked ENOENT | blocked EPERM | blocked EACCES | "
                                           "blocked ENXIO | blocked ENODEV | blocked EIO",
                    .why = "this machine has no such device, or keeps it from this user"});
  }
  return rows;
}

}  // namespace

std::vector<Row> KernelRows() {
  std::vector<Row> rows = NamespaceAndKeyRows();
  for (const auto& more : {SubsystemRows(), ForeignAndClockRows(), DeviceRows()}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

}  // namespace casemate::escape
