#include "sandbox/container/services/cgroup_usage.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "sandbox/container/services/proc_entry.h"
#include "sandbox/container/services/processes.h"

namespace casemate::container {
namespace {

constexpr std::size_t kMaxMountInfoBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxFileBytes = 65536;
constexpr std::size_t kMaxCgroupBytes = 16384;
// Version 1 has no word for "none": it is the largest number of whole pages.
constexpr std::int64_t kNoLimitV1 = INT64_MAX / 2;

std::int64_t Bounded(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(value, INT64_MAX));
}

// `sum` and the number in `text`, which may be anything.
void Add(std::string_view text, std::int64_t& sum) {
  const std::uint64_t value = std::min<std::uint64_t>(Number(text).value_or(0), INT64_MAX);
  sum = Bounded(static_cast<std::uint64_t>(sum) + value);
}

std::optional<std::int64_t> ReadNumber(const std::string& path) {
  const std::optional<std::string> text = ReadStart(path, kMaxFileBytes);
  if (!text) {
    return std::nullopt;
  }
  std::string_view rest = *text;
  const auto value = Number(TakeUntil(rest, '\n'));
  return value ? std::optional(Bounded(*value)) : std::nullopt;
}

// The number after `key` in lines of "key number".
std::optional<std::int64_t> Keyed(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = TakeUntil(text, '\n');
    if (TakeUntil(line, ' ') == key) {
      const auto value = Number(line);
      return value ? std::optional(Bounded(*value)) : std::nullopt;
    }
  }
  return std::nullopt;
}

// mountinfo writes blanks as \040 and so on.
std::string Unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto code = text[i] == '\\' ? Number(text.substr(i + 1, 3), 8) : std::nullopt;
    plain += code ? static_cast<char>(*code) : text[i];
    i += code ? 3 : 0;
  }
  return plain;
}

std::vector<std::string> SplitControllers(std::string_view list) {
  std::vector<std::string> controllers;
  while (!list.empty()) {
    controllers.emplace_back(TakeUntil(list, ','));
  }
  return controllers;
}

// Version 2: "8:0 rbytes=1 wbytes=2 …" for each device.
void AddIoStat(std::string_view text, Usage& usage) {
  while (!text.empty()) {
    for (std::string_view field : Fields(TakeUntil(text, '\n'))) {
      const std::string_view key = TakeUntil(field, '=');
      if (key == "rbytes") {
        Add(field, usage.disk_read);
      } else if (key == "wbytes") {
        Add(field, usage.disk_written);
      }
    }
  }
}

// Version 1: "8:0 Read 1" for each device, then "Total 3".
void AddBlkio(std::string_view text, Usage& usage) {
  while (!text.empty()) {
    const std::vector<std::string_view> fields = Fields(TakeUntil(text, '\n'));
    if (fields.size() == 3 && fields[1] == "Read") {
      Add(fields[2], usage.disk_read);
    } else if (fields.size() == 3 && fields[1] == "Write") {
      Add(fields[2], usage.disk_written);
    }
  }
}

// As the engines count: the page cache that can be dropped at once is not use.
void SetMemory(std::int64_t all, std::int64_t inactive_file, Usage& usage) {
  usage.cache_bytes = std::clamp<std::int64_t>(inactive_file, 0, all);
  usage.memory_bytes = all - usage.cache_bytes;
}

}  // namespace

NetworkBytes ParseNetDev(std::string_view text) {
  NetworkBytes bytes;
  TakeUntil(text, '\n');  // two lines of heading
  TakeUntil(text, '\n');
  while (!text.empty()) {
    // name: received-bytes packets errs drop fifo frame compressed multicast sent-bytes …
    std::string_view line = TakeUntil(text, '\n');
    const std::size_t colon = line.rfind(':');  // a name may hold one
    if (colon == std::string_view::npos) {
      continue;
    }
    const std::vector<std::string_view> name = Fields(line.substr(0, colon));
    const std::vector<std::string_view> fields = Fields(line.substr(colon + 1));
    if (name.size() == 1 && name[0] != "lo" && fields.size() >= 9) {
      Add(fields[0], bytes.received);
      Add(fields[8], bytes.sent);
    }
  }
  return bytes;
}

CgroupUsage CgroupUsage::Open(std::string proc, const std::string& root) {
  CgroupUsage usage(std::move(proc));
  const std::string text =
      ReadStart(usage.proc_ + "/self/mountinfo", kMaxMountInfoBytes).value_or("");
  std::string_view rest = text;
  while (!rest.empty()) {
    // id parent device root point options … - type source super-options
    const std::vector<std::string_view> fields = Fields(TakeUntil(rest, '\n'));
    const auto dash = std::ranges::find(fields, std::string_view("-"));
    if (fields.size() < 5 || fields.end() - dash < 4) {
      continue;
    }
    const std::string_view type = dash[1];
    if (type == "cgroup" || type == "cgroup2") {
      usage.mounts_.push_back({.v2 = type == "cgroup2",
                               .controllers = SplitControllers(dash[3]),
                               .root = Unescaped(fields[3]),
                               .point = root + Unescaped(fields[4])});
    }
  }
  return usage;
}

std::string CgroupUsage::Directory(std::string_view cgroups, std::string_view id,
                                   std::string_view controller) const {
  for (const CgroupLine& line : ParseCgroups(cgroups)) {
    const bool v2 = line.hierarchy == "0" && line.controllers.empty();
    const std::vector<std::string> controllers = SplitControllers(line.controllers);
    const bool is_asked =
        controller.empty() ? v2 : std::ranges::find(controllers, controller) != controllers.end();
    // Only a group of its own counts for a container, and ".." leads out of what is mounted.
    const std::string_view path = PathOfContainer(line.path, id);
    if (!is_asked || path.empty() || path.find("/..") != std::string_view::npos) {
      continue;
    }
    for (const Mount& mount : mounts_) {
      const bool holds = controller.empty()
                             ? mount.v2
                             : !mount.v2 && std::ranges::find(mount.controllers, controller) !=
                                                mount.controllers.end();
      const std::string_view prefix = mount.root == "/" ? std::string_view() : mount.root;
      if (holds && path.starts_with(prefix) &&
          (path.size() == prefix.size() || path[prefix.size()] == '/')) {
        return mount.point + std::string(path.substr(prefix.size()));
      }
    }
  }
  return {};
}

bool CgroupUsage::ReadV2(const std::string& directory, Usage& usage) {
  const auto cpu = ReadStart(directory + "/cpu.stat", kMaxFileBytes);
  const auto cpu_us = cpu ? Keyed(*cpu, "usage_usec") : std::nullopt;
  const auto memory = ReadNumber(directory + "/memory.current");
  const auto memory_stat = ReadStart(directory + "/memory.stat", kMaxFileBytes);
  if (!cpu_us || !memory || !memory_stat) {
    return false;
  }
  usage.cpu_ns = std::min<std::int64_t>(*cpu_us, INT64_MAX / 1000) * 1000;
  SetMemory(*memory, Keyed(*memory_stat, "inactive_file").value_or(0), usage);
  usage.memory_limit = ReadNumber(directory + "/memory.max").value_or(0);  // "max": none
  usage.pids = ReadNumber(directory + "/pids.current").value_or(0);
  AddIoStat(ReadStart(directory + "/io.stat", kMaxFileBytes).value_or(""), usage);
  return true;
}

bool CgroupUsage::ReadV1(std::string_view cgroups, std::string_view id, Usage& usage) const {
  const std::string cpu = Directory(cgroups, id, "cpuacct");
  const std::string memory = Directory(cgroups, id, "memory");
  if (cpu.empty() || memory.empty()) {
    return false;
  }
  const auto cpu_ns = ReadNumber(cpu + "/cpuacct.usage");
  const auto bytes = ReadNumber(memory + "/memory.usage_in_bytes");
  const auto memory_stat = ReadStart(memory + "/memory.stat", kMaxFileBytes);
  if (!cpu_ns || !bytes || !memory_stat) {
    return false;
  }
  usage.cpu_ns = *cpu_ns;
  SetMemory(*bytes, Keyed(*memory_stat, "total_inactive_file").value_or(0), usage);
  const std::int64_t limit = ReadNumber(memory + "/memory.limit_in_bytes").value_or(0);
  usage.memory_limit = limit >= kNoLimitV1 ? 0 : limit;
  if (const std::string pids = Directory(cgroups, id, "pids"); !pids.empty()) {
    usage.pids = ReadNumber(pids + "/pids.current").value_or(0);
  }
  if (const std::string disk = Directory(cgroups, id, "blkio"); !disk.empty()) {
    const std::string file = disk + "/blkio.throttle.io_service_bytes";
    auto text = ReadStart(file + "_recursive", kMaxFileBytes);
    AddBlkio(text ? *text : ReadStart(file, kMaxFileBytes).value_or(""), usage);
  }
  return true;
}

std::optional<Usage> CgroupUsage::Read(const ContainerDetails& details) const {
  const std::string& id = details.summary.id;
  const auto entry = ProcEntry::Open(proc_, details.pid);
  const auto cgroups = entry ? entry->Read("cgroup", kMaxCgroupBytes) : std::nullopt;
  if (!cgroups) {
    return std::nullopt;
  }
  Usage usage;
  usage.read_ms = WallClockMs();
  const std::string v2 = Directory(*cgroups, id, "");
  if ((v2.empty() || !ReadV2(v2, usage)) && !ReadV1(*cgroups, id, usage)) {
    return std::nullopt;
  }
  if (!SharesNetwork(details)) {
    const NetworkBytes bytes = ParseNetDev(entry->Read("net/dev", kMaxFileBytes).value_or(""));
    usage.network_received = bytes.received;
    usage.network_sent = bytes.sent;
  }
  return usage;
}

}  // namespace casemate::container
