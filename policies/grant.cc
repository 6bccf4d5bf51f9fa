#include "policies/grant.h"

#include <algorithm>

namespace casemate::policies {

namespace {

// 0 is no limit.
std::int64_t LowerRate(std::int64_t a, std::int64_t b) {
  return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

}  // namespace

Limits Intersect(const Limits& a, const Limits& b) {
  return {.memory_mb = std::min(a.memory_mb, b.memory_mb),
          .cpu_millis = std::min(a.cpu_millis, b.cpu_millis),
          .pids = std::min(a.pids, b.pids),
          .wall_ms = std::min(a.wall_ms, b.wall_ms),
          .output_kb = std::min(a.output_kb, b.output_kb),
          .disk_mb = std::min(a.disk_mb, b.disk_mb),
          .io_mb_s = LowerRate(a.io_mb_s, b.io_mb_s)};
}

Rights Intersect(const Rights& a, const Rights& b) {
  return {Intersect(a.limits, b.limits), std::min(a.workspace, b.workspace),
          a.strict_sandbox || b.strict_sandbox, a.containers & b.containers};
}

}  // namespace casemate::policies
