// Exhaustion. Controls take small amounts: enough to show that the code takes at all.
#include "sandbox/selftest/battery/row.h"

namespace casemate::escape {
namespace {

constexpr const char* kNoCgroup =
    "without a memory cgroup only RLIMIT_DATA holds: private pages, each process by itself";

std::vector<Row> BombRows() {
  return {
      {.name = "fork_bomb",
       .attack = {"fork_bomb", "2000"},
       .expect = "blocked EAGAIN",
       .options = {"--pids", "64"},
       .control = {"fork_bomb", "40"}},
      {.name = "fork_bomb_endless",
       .attack = {"fork_bomb_endless"},
       .expect = "timed_out",
       .options = {"--pids", "64", "--timeout-ms", "1500"},
       .why = "an endless fork bomb is never run unconfined; `fork_bomb` has its control",
       .control_as = ControlAs::kNone},
      {.name = "thread_bomb",
       .attack = {"thread_bomb", "2000"},
       .expect = "blocked EAGAIN",
       .options = {"--pids", "64"},
       .control = {"thread_bomb", "40"}},
  };
}

// With a memory cgroup, all of it is charged, whatever kind of memory it is.
std::vector<Row> MemoryRows() {
  std::vector<Row> rows = {
      {.name = "memory_bomb",
       .attack = {"memory_bomb", "400"},
       .expect = "oom_killed",
       .expect_user = "blocked ENOMEM | oom_killed",
       .place = Place::kScratch,
       .options = {"--memory-mb", "128", "--disk-mb", "32"}},
      {.name = "memory_bomb_shared",
       .attack = {"memory_bomb_shared", "400"},
       .expect = "oom_killed",
       .options = {"--memory-mb", "128"}},
      {.name = "memory_bomb_children",
       .attack = {"memory_bomb_children", "8", "64"},
       .expect = "oom_killed | blocked memory",  // v1 has no oom.group: the parent may stay
       .options = {"--memory-mb", "128"}},
      {.name = "sysv_shm_fill",
       .attack = {"sysv_shm_fill", "1024"},
       .expect = "oom_killed",
       .options = {"--memory-mb", "128"},
       .control = {"sysv_shm_fill", "32"}},
      {.name = "memfd_fill",
       .attack = {"memfd_fill", "1024"},
       .expect = "oom_killed",
       .options = {"--memory-mb", "128"},
       .control = {"memfd_fill", "8"}},
      {.name = "memfd_many",
       .attack = {"memfd_many", "1024"},
       .expect = "oom_killed",
       .options = {"--memory-mb", "128"},
       .control = {"memfd_many", "32"}},
  };
  for (Row& row : rows) {
    row.not_promised = kNoCgroup;
    row.without_layer = "cgroup";
  }
  return rows;
}

std::vector<Row> FilesystemRows() {
  return {
      {.name = "tmp_fill",
       .attack = {"file_fill", "/tmp", "1024"},
       .expect = "blocked ENOSPC",
       .control = {"file_fill", "{dir}/home", "8"}},
      {.name = "dev_shm_fill",
       .attack = {"file_fill", "/dev/shm", "1024"},
       .expect = "blocked ENOSPC",
       .control = {"file_fill", "{shmdir}", "8"}},
      {.name = "run_fill",
       .attack = {"file_fill", "/run/casemate", "1024"},
       .expect = "blocked ENOSPC",
       .place = Place::kCode,
       .control = {"file_fill", "{dir}/home", "8"}},
      {.name = "run_fill_command",
       .attack = {"file_fill", "/run/casemate", "1024"},
       .expect = "blocked EROFS",  // writable for snippets only
       .control = {"file_fill", "{dir}/home", "8"}},
      {.name = "disk_fill_private",
       .attack = {"file_fill", ".", "1024"},
       .expect = "blocked ENOSPC",
       .place = Place::kPrivate,
       .options = {"--disk-mb", "32"},
       .control = {"file_fill", "{dir}/home", "8"}},
      {.name = "disk_fill_scratch",
       .attack = {"file_fill", ".", "1024"},
       .expect = "blocked ENOSPC",
       .place = Place::kScratch,
       .options = {"--disk-mb", "32"},
       .control = {"file_fill", "{dir}/home", "8"}},
      {.name = "disk_fill_fallocate",
       .attack = {"disk_fill_fallocate", ".", "1024"},
       .expect = "blocked EFBIG",  // RLIMIT_FSIZE is the quota and comes first
       .place = Place::kPrivate,
       .options = {"--disk-mb", "32"},
       .control = {"disk_fill_fallocate", "{dir}/home", "8"}},
      {.name = "inode_fill_workspace",
       .attack = {"inode_fill", ".", "100000"},
       .expect = "blocked ENOSPC",
       .place = Place::kPrivate,
       .options = {"--disk-mb", "16"},
       .control = {"inode_fill", "{dir}/home", "300"}},
      {.name = "inode_fill_tmp",
       .attack = {"inode_fill", "/tmp", "100000"},
       .expect = "blocked ENOSPC",
       .control = {"inode_fill", "{dir}/home", "300"}},
      {.name = "inode_fill_dev_shm",
       .attack = {"inode_fill", "/dev/shm", "100000"},
       .expect = "blocked ENOSPC",
       .control = {"inode_fill", "{shmdir}", "300"}},
  };
}

std::vector<Row> KernelObjectRows() {
  return {
      {.name = "fd_exhaustion",
       .attack = {"fd_exhaustion", "10000"},
       .expect = "blocked EMFILE",
       .control = {"fd_exhaustion", "500"}},
      {.name = "pipe_exhaustion",
       .attack = {"pipe_exhaustion", "2000"},
       .expect = "blocked EMFILE",
       .options = {"--memory-mb", "128"},
       .control = {"pipe_exhaustion", "8"}},
      {.name = "pty_exhaustion",
       .attack = {"pty_exhaustion", "100"},
       .expect = "blocked EMFILE | blocked ENOSPC",
       .control = {"pty_exhaustion", "8"}},
      {.name = "inotify_exhaustion",
       .attack = {"inotify_exhaustion", "10000"},
       .expect = "blocked EMFILE",
       .control = {"inotify_exhaustion", "8"}},
      {.name = "posix_mq_fill",
       .attack = {"posix_mq_fill"},
       .expect = "blocked EMFILE",
       .control = {"posix_mq_fill", "3"}},
  };
}

std::vector<Row> TimeAndOutputRows() {
  return {
      {.name = "output_flood",
       .attack = {"output_flood", "512"},
       .expect = "succeeded",
       .options = {"--output-kb", "64", "--timeout-ms", "300000"},  // a slow machine in a machine
       .control = {"output_flood", "2"},
       .truncated = "stdout"},
      {.name = "cpu_spin",
       .attack = {"cpu_spin"},
       .expect = "timed_out",
       .options = {"--timeout-ms", "700"},
       .control = {"cpu_spin", "50"}},
      {.name = "sleep",
       .attack = {"sleep"},
       .expect = "timed_out",
       .options = {"--timeout-ms", "300"},
       .control = {"sleep", "50"}},
      {.name = "ignore_signals",
       .attack = {"ignore_signals"},
       .expect = "timed_out",
       .options = {"--timeout-ms", "300"},
       .control = {"ignore_signals", "50"}},
      {.name = "daemonize",
       .attack = {"daemonize"},
       .expect = "succeeded daemon-left",  // it was started; the invariants show that it is gone
       .control_expect = "succeeded daemon-left",
       .control_leaves = 1},
  };
}

}  // namespace

std::vector<Row> ResourceRows() {
  std::vector<Row> rows = BombRows();
  for (const auto& more :
       {MemoryRows(), FilesystemRows(), KernelObjectRows(), TimeAndOutputRows()}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  return rows;
}

}  // namespace casemate::escape
