// The rate at which one control group may read from disks and write to them. Single-threaded.
#pragma once

#include <cstdint>

#include "sandbox/native/launcher/cgroup.h"

namespace casemate::launcher {

// Whether this hierarchy can limit disk I/O in the groups below `group`, one of its directories:
// kernels are built without, too.
bool CanLimitIo(const Hierarchy& hierarchy, const UniqueFd& group);

// Limits the group `name` below the hierarchy's base to `bytes_s` a second read from each disk, and
// as many written to it; 0 lifts the limit. Returns 0 or an errno. A disk that is plugged in later
// is not limited.
int SetIoRate(const Hierarchy& hierarchy, const char* name, std::uint64_t bytes_s);

}  // namespace casemate::launcher
