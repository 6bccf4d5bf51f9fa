// Mounts, namespaces, cgroups, chroot, kernel settings, masked files.
#include "sandbox/selftest/battery/row.h"

namespace casemate::escape {
namespace {

std::vector<Row> CallRows() {
  return {
      {.name = "mount_tmpfs",
       .attack = {"mount_tmpfs"},
       .expect = "blocked EPERM",
       .control = {"--own-namespaces", "mount_tmpfs", "{dir}/home"}},
      {.name = "mount_proc",
       .attack = {"mount_proc"},
       .expect = "blocked EPERM",
       .control = {"--own-namespaces", "mount_proc", "{dir}/home"},
       .control_unavailable = "blocked EPERM",
       .why = "/proc of this machine has masks of its own"},
      {.name = "mount_cgroup",
       .attack = {"mount_cgroup"},
       .expect = "blocked EPERM",
       .control = {"--own-namespaces", "mount_cgroup", "{dir}/home"},
       .control_unavailable = "blocked EPERM",
       .why = "no fully visible cgroup2 mount on this machine"},
      {.name = "remount_writable",
       .attack = {"remount_writable", "/usr"},
       .expect = "blocked EPERM",
       .control = {"--own-namespaces", "remount_writable", "{dir}/home", "prepare"}},
      {.name = "umount_mask",
       .attack = {"umount_mask", "/proc/keys"},
       .expect = "blocked EPERM",
       .control = {"--own-namespaces", "umount_mask", "/proc/keys", "prepare"}},
      {.name = "fsopen",
       .attack = {"fsopen"},
       .expect = "blocked EPERM",
       .control = {"--own-namespaces", "fsopen"}},
      {.name = "fspick",
       .attack = {"fspick"},
       .expect = "blocked EPERM",
       .control = {"--own-namespaces", "fspick"}},
      {.name = "open_tree",
       .attack = {"open_tree"},
       .expect = "blocked EPERM",
       .control = {"--own-namespaces", "open_tree"}},
      {.name = "mount_setattr",
       .attack = {"mount_setattr"},
       .expect = "blocked EPERM",
       .control = {"--own-namespaces", "mount_setattr", "{dir}/home"},
       .control_expect = "blocked EINVAL"},
      {.name = "move_mount",
       .attack = {"move_mount"},
       .expect = "blocked EPERM",
       .control = {"--own-namespaces", "move_mount", "{dir}/home"}},
      {.name = "pivot_root",
       .attack = {"pivot_root"},
       .expect = "blocked EPERM",
       .control = {"--own-namespaces", "pivot_root"},
       .control_expect = "blocked EINVAL"},
      {.name = "setns_net",
       .attack = {"setns", "self", "net"},
       .expect = "blocked EPERM",
       .control = {"--own-namespaces", "setns", "self", "net"}},
      {.name = "setns_init",
       .attack = {"setns", "1", "mnt"},
       .expect = "blocked open:EACCES",
       .control = {"--own-namespaces", "setns", "self", "net"}},
      {.name = "setns_pidfd",
       .attack = {"setns_pidfd", "1"},
       .expect = "blocked EPERM",
       .control = {"--own-namespaces", "setns_pidfd", "child"}},
      {.name = "cgroup_write",
       .attack = {"cgroup_write"},
       .expect = "blocked no-cgroup-mount",
       .control_unavailable = "blocked EACCES | blocked ENOENT",
       .why = "no cgroup file that this user may write"},
      {.name = "chroot",
       .attack = {"chroot", "."},
       .expect = "blocked EPERM",
       .control = {"--own-namespaces", "chroot", "."}},
  };
}

// Opened for writing and closed again; the control changes nothing either.
std::vector<Row> SettingRows() {
  std::vector<Row> rows;
  for (const char* path :
       {"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/drop_caches",
        "/proc/sys/fs/binfmt_misc/register", "/proc/sysrq-trigger",
        "/proc/irq/default_smp_affinity", "/sys/kernel/uevent_helper", "/sys/kernel/mm/ksm/run",
        "/sys/power/state"}) {
    const bool sys = path[1] == 's';
    rows.push_back({.name = std::string("kernel_setting ") + path,
                    .attack = {"kernel_setting", path},
                    .expect = sys ? "blocked ENOENT" : "blocked EACCES | blocked ENOENT",
                    .control_unavailable = "blocked ENOENT | blocked EACCES",
                    .why = "this kernel has no such setting, or keeps it from this user"});
  }
  return rows;
}

std::vector<Row> MaskRows() {
  std::vector<Row> rows;
  for (const char* path : {"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/kallsyms",
                           "/proc/interrupts", "/proc/kmsg", "/proc/acpi", "/sys/firmware",
                           "/sys/kernel", "/sys/fs/cgroup", "/sys/class/net"}) {
    rows.push_back({.name = std::string("read_masked ") + path,
                    .attack = {"read_masked", path},
                    .expect = path[1] == 's' ? "blocked ENOENT"
                                             : "blocked empty | blocked EACCES | blocked ENOENT",
                    .control_unavailable = "blocked ENOENT | blocked EACCES | blocked empty | "
                                           "blocked EPERM",
                    .why = "this kernel has no such file, or keeps it from this user"});
  }
  return rows;
}

}  // namespace

std::vector<Row> MountRows() {
  std::vector<Row> rows = CallRows();
  for (const auto& more : {SettingRows(), MaskRows()}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

}  // namespace casemate::escape
