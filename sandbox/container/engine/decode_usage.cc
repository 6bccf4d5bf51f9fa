#include <algorithm>

#include <nlohmann/json.hpp>

#include "sandbox/container/engine/answer.h"
#include "sandbox/container/engine/decode.h"

namespace casemate::container {
namespace {

using nlohmann::json;

// Above that a control group means: no limit.
constexpr std::int64_t kNoLimit = std::int64_t{1} << 60;

std::int64_t Plus(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return b < 0 || __builtin_add_overflow(a, b, &sum) ? a : sum;
}

// Page cache that was not used of late. Control groups v1 tell it for all below as "total_…".
std::int64_t DroppableCache(const json& memory) {
  const json& stats = MemberOf(memory, "stats");
  const bool v1 = MemberOf(stats, "total_inactive_file").is_number();
  const std::int64_t cache = NumberOf(stats, v1 ? "total_inactive_file" : "inactive_file");
  return std::max<std::int64_t>(0, cache);
}

void DecodeDisk(const json& stats, Usage& into) {
  const json& entries = MemberOf(MemberOf(stats, "blkio_stats"), "io_service_bytes_recursive");
  if (!entries.is_array()) {
    return;
  }
  for (const json& entry : entries) {
    const std::string kind = TextOf(entry, "op");  // "Read" of v1, "read" of v2
    const std::int64_t bytes = NumberOf(entry, "value");
    if (kind == "Read" || kind == "read") {
      into.disk_read = Plus(into.disk_read, bytes);
    } else if (kind == "Write" || kind == "write") {
      into.disk_written = Plus(into.disk_written, bytes);
    }
  }
}

}  // namespace

Usage DecodeUsage(const json& stats, std::int64_t machine_memory) {
  Usage usage;
  usage.read_ms = TimeOf(stats, "read") / 1'000'000;
  const json& cpu = MemberOf(stats, "cpu_stats");
  usage.cpu_ns = NumberOf(MemberOf(cpu, "cpu_usage"), "total_usage");
  usage.system_cpu_ns = NumberOf(cpu, "system_cpu_usage");
  const json& memory = MemberOf(stats, "memory_stats");
  const std::int64_t used = std::max<std::int64_t>(0, NumberOf(memory, "usage"));
  const std::int64_t cache = DroppableCache(memory);
  // As `docker stats`: what cannot be is not subtracted.
  usage.cache_bytes = cache < used ? cache : 0;
  usage.memory_bytes = used - usage.cache_bytes;
  const std::int64_t limit = NumberOf(memory, "limit");
  const bool bounded =
      limit > 0 && limit < kNoLimit && (machine_memory <= 0 || limit < machine_memory);
  usage.memory_limit = bounded ? limit : 0;
  usage.pids = NumberOf(MemberOf(stats, "pids_stats"), "current");
  if (const json& networks = MemberOf(stats, "networks"); networks.is_object()) {
    for (const auto& [name, counters] : networks.items()) {
      usage.network_received = Plus(usage.network_received, NumberOf(counters, "rx_bytes"));
      usage.network_sent = Plus(usage.network_sent, NumberOf(counters, "tx_bytes"));
    }
  }
  DecodeDisk(stats, usage);
  return usage;
}

}  // namespace casemate::container
