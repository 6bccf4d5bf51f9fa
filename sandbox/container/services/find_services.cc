#include "sandbox/container/services/find_services.h"

#include <algorithm>
#include <utility>

namespace casemate::container {

ServiceReport FindServices(const ContainerDetails& details, const ProcessTable& processes,
                           const SignatureTable& table, const std::vector<Process>& top) {
  ServiceReport report;
  if (details.pid <= 0) {
    return report;
  }
  Observation observation;
  observation.image = details.summary.image;
  observation.declared = details.summary.ports;
  observation.shares_network = SharesNetwork(details);
  if (Result<std::vector<Process>> members = processes.Of(details)) {
    observation.processes = *std::move(members);
    if (Result<Listeners> listeners = ReadListeners(processes.proc(), details.pid)) {
      observation.listeners = *std::move(listeners);
      observation.listeners_known = true;
      std::vector<int> pids;
      for (const Process& process : observation.processes) {
        if (!process.zombie()) {  // which holds nothing, and lets nobody but root look
          pids.push_back(process.pid);
        }
      }
      observation.holders_known = FindHolders(processes.proc(), pids, observation.listeners);
    } else {
      report.blind_spots.push_back(listeners.error().message);
    }
  } else {
    observation.processes = top;
    report.blind_spots.push_back(members.error().message);
  }
  if (observation.listeners_known && !observation.holders_known) {
    report.blind_spots.emplace_back(
        "which process holds a socket is only seen by root and the same user; ports are matched by "
        "what is customary and by user");
  }
  if (!observation.listeners.complete) {
    report.blind_spots.emplace_back("there are more sockets than are read");
  }
  report.services = IdentifyServices(observation, table);
  report.zombies = static_cast<int>(std::ranges::count_if(
      observation.processes, [](const Process& process) { return process.zombie(); }));
  report.processes = std::move(observation.processes);
  report.listeners = std::move(observation.listeners);
  return report;
}

}  // namespace casemate::container
