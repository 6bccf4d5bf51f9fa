#include "tools/container_inside.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace casemate::tools {
namespace {

constexpr std::size_t kThreads = 4;
constexpr std::int64_t kOneMs = 5000;  // with one that its engine has locked

container::ServiceReport LookInside(const container::ContainerDetails& details,
                                    const container::SignatureTable* signatures,
                                    const Result<container::ProcessTable>& processes) {
  if (signatures != nullptr && processes) {
    return container::FindServices(details, *processes, *signatures);
  }
  container::ServiceReport report;
  report.blind_spots.push_back(signatures != nullptr ? processes.error().message
                                                     : "the table of services is damaged");
  return report;
}

}  // namespace

container::ServiceReport LookInside(const container::ContainerDetails& details,
                                    const container::SignatureTable* signatures) {
  return LookInside(details, signatures, container::ProcessTable::Scan("/proc"));
}

std::map<std::string, Inside> LookInsideAll(const container::Engine& engine,
                                            const container::SignatureTable* signatures,
                                            std::span<const std::string> ids,
                                            const Result<container::ProcessTable>& processes,
                                            const std::stop_token& stop) {
  std::vector<std::optional<Inside>> found(ids.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < ids.size(); i = next++) {
      if (auto details = engine.Inspect(ids[i], {.total_ms = kOneMs, .stop = stop})) {
        found[i] = Inside{*std::move(details), {}};
        if (found[i]->details.pid > 0) {
          found[i]->services = LookInside(found[i]->details, signatures, processes);
        }
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < std::min(kThreads, ids.size()); ++i) {
      threads.emplace_back(work);
    }
    work();
  }
  std::map<std::string, Inside> all;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (std::optional<Inside>& inside = found[i]) {
      all.emplace(ids[i], *std::move(inside));
    }
  }
  return all;
}

}  // namespace casemate::tools
