#include "policies/grant.h"

#include <algorithm>

namespace casemate::policies {

Limits Intersect(const Limits& a, const Limits& b) {
  return {.memory_mb = std::min(a.memory_mb, b.memory_mb),
          .cpu_millis = std::min(a.cpu_millis, b.cpu_millis),
          .pids = std::min(a.pids, b.pids),
          .wall_ms = std::min(a.wall_ms, b.wall_ms),
          .output_kb = std::min(a.output_kb, b.output_kb),
          .disk_mb = std::min(a.disk_mb, b.disk_mb)};
}

}  // namespace casemate::policies
