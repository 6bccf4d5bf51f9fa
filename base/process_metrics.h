// What the kernel says about this process, under the names that all Prometheus clients use:
// process_cpu_seconds_total, process_open_fds, process_resident_memory_bytes and
// process_start_time_seconds. Read from /proc when somebody looks, and left out where that cannot
// be read. Thread-safe.
#pragma once

#include "base/metrics.h"

namespace casemate {

void AddProcessMetrics(MetricsRegistry& registry);

}  // namespace casemate
