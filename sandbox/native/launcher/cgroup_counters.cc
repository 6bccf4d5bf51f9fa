#include "sandbox/native/launcher/cgroup_counters.h"

#include <fcntl.h>
#include <unistd.h>

#include "sandbox/native/launcher/cgroup_files.h"

namespace casemate::launcher {
namespace {

struct Source {
  unsigned controllers;  // one of these counts it
  const char* file;
  const char* key;  // null: the file holds the number alone
  std::uint64_t wire::LaunchReport::* field;
  std::uint64_t divisor;
};

using Report = wire::LaunchReport;

constexpr Source kV1[kCounters] = {
    {kMemory, "memory.max_usage_in_bytes", nullptr, &Report::max_memory_kb, 1024},
    {kMemory, "memory.oom_control", "oom_kill", &Report::oom_kills, 1},
    {kPids, "pids.events", "max", &Report::pids_denied, 1},
    {kCpuacct, "cpuacct.usage", nullptr, &Report::cpu_us, 1000},
    {kCpu, "cpu.stat", "throttled_time", &Report::throttled_us, 1000},
};
constexpr Source kV2[kCounters] = {
    {kMemory, "memory.peak", nullptr, &Report::max_memory_kb, 1024},
    {kMemory, "memory.events", "oom_kill", &Report::oom_kills, 1},
    {kPids, "pids.events", "max", &Report::pids_denied, 1},
    {~0U, "cpu.stat", "usage_usec", &Report::cpu_us, 1},  // any group counts it
    {kCpu, "cpu.stat", "throttled_usec", &Report::throttled_us, 1},
};

const Source (&SourcesOf(const HierarchySet& set))[kCounters] {
  return set.count != 0 && set.list[0].v2 ? kV2 : kV1;
}

}  // namespace

void OpenCounters(const HierarchySet& set, const char* name, Counters* counters) {
  const Source(&sources)[kCounters] = SourcesOf(set);
  for (std::size_t counter = 0; counter < kCounters; ++counter) {
    for (std::size_t i = 0; i < set.count; ++i) {
      if ((set.list[i].controllers & sources[counter].controllers) != 0) {
        counters->file[counter].Reset(OpenGroupFile(set.list[i].base.get(), name,
                                                    sources[counter].file, O_RDONLY | O_CLOEXEC));
      }
    }
  }
}

void ReadCounters(const HierarchySet& set, const Counters& counters, wire::LaunchReport* report) {
  const Source(&sources)[kCounters] = SourcesOf(set);
  for (std::size_t counter = 0; counter < kCounters; ++counter) {
    char text[1024];
    const int file = counters.file[counter].get();
    const ssize_t length = file < 0 ? -1 : ::pread(file, text, sizeof(text) - 1, 0);
    if (length < 0) {
      continue;
    }
    text[length] = '\0';
    std::uint64_t value = 0;
    if (NumberIn(text, sources[counter].key, &value)) {
      report->*sources[counter].field = value / sources[counter].divisor;
    }
  }
}

}  // namespace casemate::launcher
