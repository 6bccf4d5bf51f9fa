#include "tools/container_optimize_facts.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "sandbox/container/services/processes.h"
#include "tools/container_facts.h"
#include "tools/container_report.h"

namespace casemate::tools {
namespace {

using container::ContainerDetails;
using container::ProcessTable;

constexpr std::int64_t kOneMs = 5000;  // with one that its engine has locked
constexpr std::size_t kNameBytes = 80;

ContainerFacts OwnershipOf(const OptimizeSource& source, ContainerDetails details) {
  ContainerFacts facts;
  const Origin origin = OriginOf(details, source.containers.options().engine_directory);
  facts.own = IsOf(origin, source.context.principal);
  facts.holds_call = origin.purpose == "run";
  facts.details = std::move(details);
  return facts;
}

std::optional<int> ZombiesOf(const Result<ProcessTable>& table, const ContainerDetails& details) {
  if (!table || details.pid == 0) {
    return std::nullopt;
  }
  const auto processes = table->Of(details);
  if (!processes) {
    return std::nullopt;
  }
  return static_cast<int>(std::ranges::count_if(
      *processes, [](const container::Process& process) { return process.zombie(); }));
}

void AddDisk(const OptimizeSource& source, OptimizeFacts& facts) {
  auto disk = source.engine.DiskUse(source.context.stop);
  if (!disk) {
    facts.blind_spots.push_back("disk use: " + disk.error().message);
    return;
  }
  for (ContainerFacts& container : facts.containers) {
    const auto found = std::ranges::find(disk->written, container.details.summary.id,
                                         &std::pair<std::string, std::int64_t>::first);
    container.written_bytes = found == disk->written.end() ? 0 : found->second;
  }
  facts.engine.disk = *std::move(disk);
}

void NoteUnseen(OptimizeFacts& facts) {
  std::size_t processes = 0;
  std::size_t usage = 0;
  std::size_t logs = 0;
  for (const ContainerFacts& container : facts.containers) {
    const bool runs = container.details.summary.state == "running";
    processes += runs && !container.zombies ? 1 : 0;
    usage += runs && !container.usage ? 1 : 0;
    logs += container.details.log_unseen ? 1 : 0;
  }
  if (processes > 0) {
    facts.blind_spots.push_back("processes of " + std::to_string(processes) +
                                " containers: they are not seen from here");
  }
  if (usage > 0) {
    facts.blind_spots.push_back("memory of " + std::to_string(usage) +
                                " containers: it cannot be measured");
  }
  if (logs > 0) {
    facts.blind_spots.push_back("logs of " + std::to_string(logs) +
                                " containers: their files are not seen from here");
  }
}

}  // namespace

EngineFacts LookAtEngine(const OptimizeSource& source) {
  EngineFacts facts;
  facts.kind = source.engine.info().kind;
  facts.memory_bytes = source.engine.info().memory_bytes;
  facts.now_ms = WallClockMs();
  return facts;
}

ContainerFacts LookAt(const OptimizeSource& source, ContainerDetails details) {
  ContainerFacts facts = OwnershipOf(source, std::move(details));
  if (facts.details.pid > 0) {
    facts.zombies = ZombiesOf(ProcessTable::Scan("/proc"), facts.details);
    if (auto measured = source.meter.Measure(source.engine, facts.details, source.context.stop)) {
      facts.usage = measured->usage;
    }
  }
  return facts;
}

OptimizeFacts GatherOne(const OptimizeSource& source, ContainerDetails details) {
  OptimizeFacts facts;
  facts.engine = LookAtEngine(source);
  facts.containers.push_back(LookAt(source, std::move(details)));
  if (HasStopped(facts.containers.front().details)) {
    AddDisk(source, facts);
  }
  NoteUnseen(facts);
  return facts;
}

Result<OptimizeFacts> GatherAll(const OptimizeSource& source) {
  auto listed = source.engine.List({}, {.stop = source.context.stop});
  if (!listed) {
    return std::move(listed).error();
  }
  OptimizeFacts facts;
  facts.engine = LookAtEngine(source);
  std::vector<std::string> running;
  for (const container::ContainerSummary& summary : *listed) {
    if (source.context.stop.stop_requested()) {
      return Error{ErrorCode::kCancelled, "the call was cancelled", {}, {}, 0};
    }
    // With what it reaches by detours, as at the execution.
    auto details =
        source.containers.Find(summary.id, {.total_ms = kOneMs, .stop = source.context.stop});
    if (!details) {
      if (details.error().code != ErrorCode::kNotFound) {  // that one was removed meanwhile
        facts.blind_spots.push_back(Brief(summary.name, kNameBytes) + ": " +
                                    details.error().message);
      }
      continue;
    }
    if (IsHiddenFrom(OriginOf(*details, source.containers.options().engine_directory),
                     source.context.principal)) {
      continue;
    }
    if (details->pid > 0) {
      running.push_back(summary.id);
    }
    facts.containers.push_back(OwnershipOf(source, *std::move(details)));
    if (source.context.progress != nullptr) {
      source.context.progress->Report(static_cast<double>(facts.containers.size()),
                                      static_cast<double>(listed->size() + 1),
                                      "looking at containers");
    }
  }
  const auto measured = source.meter.Measure(source.engine, running, source.context.stop);
  const auto table = ProcessTable::Scan("/proc");
  for (ContainerFacts& container : facts.containers) {
    const auto found = measured.find(container.details.summary.id);
    if (found != measured.end()) {
      container.usage = found->second.usage;
    }
    container.zombies = ZombiesOf(table, container.details);
  }
  AddDisk(source, facts);
  NoteUnseen(facts);
  return facts;
}

}  // namespace casemate::tools
