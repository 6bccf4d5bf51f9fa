#include "sandbox/container/services/processes.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <unordered_map>
#include <utility>

#include "base/file.h"
#include "sandbox/container/services/proc_entry.h"

namespace casemate::container {
namespace {

constexpr std::size_t kMaxStatBytes = 2048;
constexpr std::size_t kMaxStatusBytes = 8192;
constexpr std::size_t kMaxCgroupBytes = 16384;
constexpr std::size_t kMaxSystemStatBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxScanned = 65536;
constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxArgumentCount = 256;
constexpr std::int64_t kStartSlackMs = 5000;  // between the engine's clock reading and the kernel's

struct Stat {
  std::string name;
  char state = '?';
  int parent = 0;
  std::uint64_t cpu_ticks = 0;
  std::uint64_t start_ticks = 0;
  std::uint64_t rss_pages = 0;
};

// proc(5): "pid (name) state ppid …". The name may hold anything, brackets and newlines too, so
// what follows it is found from the end.
std::optional<Stat> ParseStat(std::string_view text) {
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  while (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  const std::vector<std::string_view> fields = Fields(text.substr(close + 1));
  constexpr std::size_t kFieldsNeeded = 22;  // up to rss, counted from the state
  if (fields.size() < kFieldsNeeded || fields[0].size() != 1) {
    return std::nullopt;
  }
  const auto parent = Number(fields[1]);
  const auto user = Number(fields[11]);
  const auto system = Number(fields[12]);
  const auto start = Number(fields[19]);
  if (!parent || !user || !system || !start) {
    return std::nullopt;
  }
  return Stat{.name = std::string(text.substr(open + 1, close - open - 1)),
              .state = fields[0].front(),
              .parent = static_cast<int>(*parent),
              .cpu_ticks = *user + *system,
              .start_ticks = *start,
              .rss_pages = std::min(Number(fields[21]).value_or(0), std::uint64_t{1} << 40)};
}

std::int64_t TicksToMs(std::uint64_t ticks) {
  static const long kPerSecond = std::max(sysconf(_SC_CLK_TCK), 1L);
  return static_cast<std::int64_t>(ticks * 1000 / static_cast<std::uint64_t>(kPerSecond));
}

std::vector<std::string> SplitArguments(std::string_view text) {
  while (text.ends_with('\0')) {
    text.remove_suffix(1);  // one ends the last argument; more are left of a rewritten title
  }
  std::vector<std::string> arguments;
  while (!text.empty() && arguments.size() < kMaxArgumentCount) {
    arguments.push_back(Shown(TakeUntil(text, '\0'), kMaxArguments));
  }
  return arguments;
}

// Effective user, and the numbers of the process from the outermost namespace to its own.
void ReadStatus(std::string_view text, std::size_t depth, Process& process) {
  while (!text.empty()) {
    std::string_view line = TakeUntil(text, '\n');
    const std::string_view key = TakeUntil(line, ':');
    const std::vector<std::string_view> fields = Fields(line);
    if (key == "Uid" && fields.size() >= 2) {
      process.uid = static_cast<int>(Number(fields[1]).value_or(0));
    } else if (key == "NSpid" && fields.size() >= depth && depth > 0) {
      process.inner_pid = static_cast<int>(Number(fields[depth - 1]).value_or(0));
    }
  }
}

std::size_t NamespaceDepth(const ProcEntry& entry) {
  const std::string text = entry.Read("status", kMaxStatusBytes).value_or("");
  const std::size_t at = text.find("\nNSpid:");
  if (at == std::string::npos) {
    return 0;
  }
  std::string_view line = std::string_view(text).substr(at + 7);
  return Fields(TakeUntil(line, '\n')).size();
}

// Below the control group of the container, in any hierarchy that names it.
bool IsBelow(const std::vector<std::pair<std::string, std::string>>& groups,
             std::string_view cgroups) {
  for (const CgroupLine& line : ParseCgroups(cgroups)) {
    for (const auto& [hierarchy, group] : groups) {
      if (line.hierarchy == hierarchy && line.path.starts_with(group) &&
          (line.path.size() == group.size() || line.path[group.size()] == '/')) {
        return true;
      }
    }
  }
  return false;
}

std::int64_t BootMs(const std::string& proc) {
  const std::string text = ReadStart(proc + "/stat", kMaxSystemStatBytes).value_or("");
  const std::size_t at = text.find("\nbtime ");
  if (at == std::string::npos) {
    return 0;
  }
  std::string_view line = std::string_view(text).substr(at + 7);
  constexpr std::uint64_t kLatest = 253'402'300'799;  // the end of the year 9999
  const std::uint64_t seconds = Number(TakeUntil(line, '\n')).value_or(0);
  return static_cast<std::int64_t>(std::min(seconds, kLatest)) * 1000;
}

}  // namespace

Result<ProcessTable> ProcessTable::Scan(std::string proc) {
  ProcessTable table(std::move(proc));
  for (const std::string& name : ListNames(table.proc_)) {
    const auto pid = Number(name);
    if (!pid || *pid > INT32_MAX || table.rows_.size() == kMaxScanned) {
      continue;
    }
    const auto entry = ProcEntry::Open(table.proc_, static_cast<int>(*pid));
    const auto stat = entry ? entry->Read("stat", kMaxStatBytes) : std::nullopt;
    const auto parsed = stat ? ParseStat(*stat) : std::nullopt;
    if (!parsed) {
      continue;  // it has ended, or belongs to others (hidepid)
    }
    table.rows_.push_back({.pid = static_cast<int>(*pid),
                           .parent = parsed->parent,
                           .start_ticks = parsed->start_ticks,
                           .cgroups = entry->Read("cgroup", kMaxCgroupBytes).value_or(""),
                           .pid_namespace = entry->Link("ns/pid").value_or("")});
  }
  if (table.rows_.empty()) {
    return Error{ErrorCode::kUnavailable,
                 "no process can be seen in " + table.proc_,
                 {},
                 "mount procfs there, without hidepid or with this server's group as its gid",
                 0};
  }
  std::ranges::sort(table.rows_, {}, &Row::pid);
  table.boot_ms_ = BootMs(table.proc_);
  table.own_pid_namespace_ = ReadLink(table.proc_ + "/self/ns/pid").value_or("");
  return table;
}

const ProcessTable::Row* ProcessTable::Find(int pid) const {
  const auto found = std::ranges::lower_bound(rows_, pid, {}, &Row::pid);
  return found != rows_.end() && found->pid == pid ? &*found : nullptr;
}

std::int64_t ProcessTable::StartedMs(std::uint64_t start_ticks) const {
  return boot_ms_ == 0 ? 0 : boot_ms_ + TicksToMs(start_ticks);
}

bool ProcessTable::IsFirst(const Row& row, const ContainerDetails& details) const {
  for (const CgroupLine& line : ParseCgroups(row.cgroups)) {
    if (!PathOfContainer(line.path, details.summary.id).empty()) {
      return true;
    }
  }
  // Engines without control groups of their own: two processes do not share a number and a time.
  return details.started_ms > 0 && boot_ms_ > 0 &&
         std::abs(StartedMs(row.start_ticks) - details.started_ms) <= kStartSlackMs;
}

bool ProcessTable::Sees(const ContainerDetails& details) const {
  const Row* first = Find(details.pid);
  return first != nullptr && IsFirst(*first, details);
}

std::vector<bool> ProcessTable::Members(const Row& first, std::string_view id) const {
  std::vector<std::pair<std::string, std::string>> groups;
  for (const CgroupLine& line : ParseCgroups(first.cgroups)) {
    if (const std::string_view group = PathOfContainer(line.path, id); !group.empty()) {
      groups.emplace_back(line.hierarchy, group);
    }
  }
  // The namespace tells nothing when it is the host's.
  const bool by_namespace = groups.empty() && !first.pid_namespace.empty() &&
                            !own_pid_namespace_.empty() &&
                            first.pid_namespace != own_pid_namespace_;
  std::vector<bool> members(rows_.size());
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    const bool names_it = !groups.empty() && row.cgroups.find(id) != std::string::npos;
    members[i] = &row == &first || (names_it && IsBelow(groups, row.cgroups)) ||
                 (by_namespace && row.pid_namespace == first.pid_namespace);
  }
  // What they started belongs to them too: zombies show no control group of version 1, and nested
  // namespaces have other names. A child may have a smaller number than its parent.
  for (bool found = true; found;) {
    found = false;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const Row* parent = members[i] ? nullptr : Find(rows_[i].parent);
      if (parent != nullptr && members[static_cast<std::size_t>(parent - rows_.data())]) {
        members[i] = true;
        found = true;
      }
    }
  }
  return members;
}

std::optional<Process> ProcessTable::Read(const Row& row, std::size_t depth) const {
  const auto entry = ProcEntry::Open(proc_, row.pid);
  const auto text = entry ? entry->Read("stat", kMaxStatBytes) : std::nullopt;
  const auto stat = text ? ParseStat(*text) : std::nullopt;
  if (!stat || stat->start_ticks != row.start_ticks) {
    return std::nullopt;  // it ended since, and its number may be another's
  }
  static const auto kPageBytes = static_cast<std::uint64_t>(std::max(sysconf(_SC_PAGESIZE), 1L));
  Process process;
  process.pid = row.pid;
  process.parent = stat->parent;
  process.name = Shown(stat->name, kMaxNameBytes);
  process.state = stat->state;
  process.rss_bytes = static_cast<std::int64_t>(stat->rss_pages * kPageBytes);
  process.started_ms = StartedMs(row.start_ticks);
  process.cpu_ms = TicksToMs(stat->cpu_ticks);
  process.arguments = SplitArguments(entry->Read("cmdline", kMaxArguments).value_or(""));
  ReadStatus(entry->Read("status", kMaxStatusBytes).value_or(""), depth, process);
  return process;
}

Result<std::vector<Process>> ProcessTable::Of(const ContainerDetails& details) const {
  const Row* first = Find(details.pid);
  if (first == nullptr || !IsFirst(*first, details)) {
    return Error{
        ErrorCode::kUnavailable,
        "process " + std::to_string(details.pid) + " of the container is not seen in " + proc_,
        {},
        "ask the engine which processes run there; it may count in another PID namespace "
        "or on another machine",
        0};
  }
  const auto entry = ProcEntry::Open(proc_, first->pid);
  const std::size_t depth = entry ? NamespaceDepth(*entry) : 0;
  std::vector<Process> processes;
  if (auto process = Read(*first, depth)) {
    processes.push_back(*std::move(process));
  }
  const std::vector<bool> members = Members(*first, details.summary.id);
  for (std::size_t i = 0; i < rows_.size() && processes.size() < kMaxProcesses; ++i) {
    if (members[i] && &rows_[i] != first) {
      if (auto process = Read(rows_[i], depth)) {
        processes.push_back(*std::move(process));
      }
    }
  }
  return processes;
}

bool SharesNetwork(const ContainerDetails& details) {
  return details.network_mode == "host" || details.network_mode.starts_with("container:") ||
         details.network_mode.starts_with("ns:");
}

std::vector<Process> ProcessesFromTop(std::span<const std::string> titles,
                                      std::span<const std::vector<std::string>> rows) {
  const auto column = [&](std::span<const std::string> row,
                          std::initializer_list<std::string_view> names) -> std::string_view {
    for (std::size_t i = 0; i < std::min(titles.size(), row.size()); ++i) {
      if (std::ranges::find(names, std::string_view(titles[i])) != names.end()) {
        return row[i];
      }
    }
    return {};
  };
  std::vector<Process> processes;
  for (const std::vector<std::string>& row : rows) {
    const auto pid = Number(column(row, {"PID"}));
    if (!pid || *pid == 0 || *pid > INT32_MAX || processes.size() == kMaxProcesses) {
      continue;
    }
    Process process;
    process.pid = static_cast<int>(*pid);
    process.parent = static_cast<int>(Number(column(row, {"PPID"})).value_or(0));
    process.rss_bytes = static_cast<std::int64_t>(Number(column(row, {"RSS"})).value_or(0)) * 1024;
    if (const std::string_view state = column(row, {"STAT", "S", "STATE"}); !state.empty()) {
      process.state = state.front();
    }
    const std::string_view command =
        column(row, {"CMD", "COMMAND", "ARGS"}).substr(0, kMaxArguments);
    for (const std::string_view word : Fields(command)) {
      process.arguments.push_back(Shown(word, kMaxArguments));
    }
    if (!process.arguments.empty()) {
      const std::string_view program = process.arguments.front();
      process.name = Shown(program.substr(program.rfind('/') + 1), kMaxNameBytes);
    }
    processes.push_back(std::move(process));
  }
  return processes;
}

}  // namespace casemate::container
