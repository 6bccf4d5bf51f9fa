// The set-up of one sandbox, run in the freshly cloned child as an ordered list of steps, ending in
// init. A sandbox made ahead stops half-way, before anything of a call is known, and goes on with
// the one call that it serves. Everything here runs in a process of its own and never returns to
// the launcher's loop.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/unique_fd.h"
#include "sandbox/native/launcher/host.h"
#include "sandbox/native/launcher/request.h"
#include "sandbox/native/launcher/shared_report.h"
#include "sandbox/native/mode.h"

namespace casemate::launcher {

using sandbox::Mode;

inline constexpr std::size_t kMaxHierarchies = 5;

// What a sandbox's own file systems may hold; zero is never among them.
struct TmpfsSizes {
  std::uint64_t tmp_bytes;
  std::uint64_t tmp_inodes;
  std::uint64_t shm_bytes;
  std::uint64_t disk_bytes;
  std::uint64_t disk_inodes;
};
TmpfsSizes SizesOf(const wire::LaunchSpec& spec);

// Borrowed from the launcher's memory as it was at the clone; the child has its own copy of it.
struct ChildContext {
  Request& request;
  const Host& host;
  SharedReport& report;
  Mode mode;
  TmpfsSizes sizes;  // as mounted; of a sandbox made ahead those that its call will likely want
  std::uint32_t missing = 0;  // LayerBit: what this machine lacks and the mode allows to
  int channel = -1;  // of a sandbox made ahead: its request comes here; -1: `request` is there
  bool is_foreseen = false;  // with a channel: `request` says what to lock it by (expected.h)
  int lifeline = -1;         // lifeline.h
  int done = -1;             // write end: a byte tells the launcher to look for all_gone
  int cgroup_tasks[kMaxHierarchies] = {-1, -1, -1, -1, -1};  // v1: writing "0" attaches the writer
  bool memory_cgroup = false;                                // false: RLIMIT_DATA instead
  bool pids_cgroup = false;  // false: RLIMIT_NPROC is the only limit
  // Detached mount of a host workspace, id-mapped or made by the child. The initialiser is for g++.
  UniqueFd workspace_tree = {};  // NOLINT(readability-redundant-member-init)
  char* title = nullptr;         // memory of the launcher's argv, overwritten for init
  std::size_t title_bytes = 0;
};

[[noreturn]] void RunChild(ChildContext& context);

}  // namespace casemate::launcher
