// Other processes, their memory and secrets, inherited descriptors, privileges.
#include "sandbox/selftest/battery/row.h"

namespace casemate::escape {
namespace {

std::vector<Row> ReachRows() {
  return {
      {.name = "kill_all",
       .attack = {"kill_all"},
       .expect = "blocked ESRCH",  // nobody but init and itself to kill
       .why = "kill(-1) is never run unconfined; `kill_host_process` has its control",
       .control_as = ControlAs::kNone},
      {.name = "kill_host_process",
       .attack = {"kill_host_process", "{self}", "23"},  // SIGURG: ignored
       .expect = "blocked ESRCH"},
      {.name = "kill_init",
       .attack = {"kill_init"},
       .expect = "blocked init-immune",
       .control = {"kill_init", "child"}},
      {.name = "ptrace_init",
       .attack = {"ptrace_init"},
       .expect = "blocked EPERM",
       .control = {"ptrace_init", "child"}},
      {.name = "ptrace_child", .attack = {"ptrace_init", "child"}, .expect = "blocked EPERM"},
      {.name = "process_vm_readv_init",
       .attack = {"process_vm_readv_init"},
       .expect = "blocked EPERM",
       .control = {"process_vm_readv_init", "child"}},
      {.name = "pidfd_getfd_init",
       .attack = {"pidfd_getfd_init"},
       .expect = "blocked EPERM",
       .control = {"pidfd_getfd_init", "child"}},
      {.name = "proc_root",
       .attack = {"proc_root", "1", "{marker}"},
       .expect = "blocked EACCES",
       .control = {"proc_root", "self", "{marker}"}},
      {.name = "proc_self_root",
       .attack = {"proc_root", "self", "{marker}"},
       .expect = "blocked ENOENT"},
      {.name = "proc_cwd",
       .attack = {"proc_cwd", "1", "{marker}"},
       .expect = "blocked EACCES",
       .control = {"proc_cwd", "self", "{marker}"}},
      {.name = "proc_mem",
       .attack = {"proc_mem", "1"},
       .expect = "blocked EACCES",
       .control = {"proc_mem", "self"}},
      {.name = "proc_environ",
       .attack = {"proc_environ", "CASEMATE_ESCAPE_SECRET"},
       .expect = "blocked absent"},
      {.name = "see_processes", .attack = {"see_processes", "3"}, .expect = "blocked own-only"},
      {.name = "overwrite_exe",
       .attack = {"overwrite_exe", "/proc/1/exe"},
       .expect = "blocked EACCES",
       .control = {"overwrite_exe", "{ws}/notes"}},
      {.name = "overwrite_own_exe",
       .attack = {"overwrite_exe", "/proc/self/exe"},
       .expect = "blocked ETXTBSY",
       .expect_user = "blocked EACCES | blocked ETXTBSY",  // EACCES where the copy is root's
       .control = {"overwrite_exe", "{ws}/notes"}},
      {.name = "inherited_fds", .attack = {"inherited_fds"}, .expect = "blocked none"},
      {.name = "climb_out", .attack = {"climb_out", "{marker}"}, .expect = "blocked ENOENT"},
  };
}

constexpr const char* kRootOnly = "only root may, with or without a sandbox";

std::vector<Row> PriorityRows() {
  return {
      {.name = "lower_oom_score",
       .attack = {"lower_oom_score"},
       .expect = "blocked open:EACCES",
       .expect_without_landlock = "blocked EACCES",
       .control_unavailable = "blocked EACCES",
       .why = kRootOnly},
      {.name = "real_time_priority",
       .attack = {"real_time_priority"},
       .expect = "blocked EPERM",
       .control_unavailable = "blocked EPERM",
       .why = kRootOnly},
      {.name = "raise_priority",
       .attack = {"raise_priority"},
       .expect = "blocked EACCES",
       .control_unavailable = "blocked EACCES",
       .why = kRootOnly},
      {.name = "real_time_io",
       .attack = {"real_time_io"},
       .expect = "blocked EPERM",
       .control_unavailable = "blocked EPERM",
       .why = kRootOnly},
      {.name = "lock_memory",
       .attack = {"lock_memory", "64"},
       .expect = "blocked ENOMEM",
       .control = {"lock_memory", "1"}},
      {.name = "raise_file_limit",
       .attack = {"raise_file_limit"},
       .expect = "blocked EPERM",
       .control_unavailable = "blocked EPERM",
       .why = kRootOnly},
  };
}

// Every way to make one has a row, also where the kernel has none of it (fchmodat2 is of 6.6).
std::vector<Row> SuidRows() {
  std::vector<Row> rows;
  for (const char* way :
       {"fchmod", "chmod", "fchmodat", "fchmodat2", "open", "creat", "openat2", "mknod", "chown"}) {
    rows.push_back({.name = std::string("leave_suid ") + way,
                    .attack = {"leave_suid", way},
                    .expect = "blocked EPERM | blocked ENOSYS",
                    .control = {"leave_suid", way, "{dir}/home/suid"},
                    .control_unavailable = "blocked ENOSYS | blocked EPERM",
                    .why = "only root may give a file away, or the kernel is too old"});
  }
  rows.back().expect = "blocked EINVAL";  // fchown to an id that is not mapped
  return rows;
}

std::vector<Row> PrivilegeRows() {
  return {
      {.name = "raise_core_limit",
       .attack = {"raise_core_limit"},
       .expect = "blocked EPERM",
       .control = {"raise_core_limit", "0"}},
      {.name = "crash_with_secret",
       .attack = {"crash_with_secret"},
       .expect = "signaled SIGABRT",
       .control_expect = "signaled SIGABRT"},
      {.name = "capset_all",
       .attack = {"capset_all"},
       .expect = "blocked EPERM",
       .control = {"--own-namespaces", "capset_all"}},
      {.name = "raise_ambient",
       .attack = {"raise_ambient"},
       .expect = "blocked EPERM",
       .why = "no process has an inheritable capability to raise; `capset_all` has its control",
       .control_as = ControlAs::kNone},
      {.name = "clear_no_new_privs", .attack = {"clear_no_new_privs"}, .expect = "blocked EINVAL"},
      {.name = "become_root",
       .attack = {"become_root"},
       .expect = "blocked EINVAL",  // uid 0 is not mapped
       .control = {"--own-namespaces", "become_root"}},
      {.name = "setuid_binary",
       .attack = {"exec_privileged", "./suid"},
       .expect = "blocked no-gain",
       .control_unavailable = "blocked no-gain",
       .why = "only root can prepare a set-uid file that is root's",
       .control_as = ControlAs::kOrdinary},
      {.name = "file_capabilities",
       .attack = {"exec_privileged", "./capable"},
       .expect = "blocked no-gain",
       .control_unavailable = "blocked no-gain",
       .why = "only root can prepare a file with capabilities",
       .control_as = ControlAs::kOrdinary},
      {.name = "set_file_caps",
       .attack = {"set_file_caps"},
       .expect = "blocked EPERM",
       .control = {"set_file_caps", "{dir}/home/capable"},
       .control_unavailable = "blocked EPERM",
       .why = "only root may set file capabilities"},
  };
}

}  // namespace

std::vector<Row> ProcessRows() {
  std::vector<Row> rows = ReachRows();
  for (const auto& more : {PriorityRows(), PrivilegeRows(), SuidRows()}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

}  // namespace casemate::escape
