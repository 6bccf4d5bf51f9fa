#include "tools/container_list.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <tuple>

#include <nlohmann/json.hpp>

#include "tools/container_facts.h"
#include "tools/container_report.h"

namespace casemate::tools {
namespace {

using container::ContainerSummary;
using nlohmann::json;

constexpr std::size_t kMaxTextBytes = std::size_t{8} << 10;
constexpr std::size_t kRoomForRest = 128;
constexpr std::size_t kNameBytes = 80;
constexpr std::size_t kSpotBytes = 300;
constexpr std::size_t kMaxPorts = 4;

bool HasText(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// "Exited (137) 3 minutes ago": by an error, and not by a request to end.
bool HasCrashed(const ContainerSummary& container) {
  constexpr int kTerminated = 143;
  const std::size_t open = container.status.find('(');
  if (container.state != "exited" || open == std::string::npos) {
    return false;
  }
  int code = 0;
  const char* const end = container.status.data() + container.status.size();
  const auto [after, error] = std::from_chars(container.status.data() + open + 1, end, code);
  return error == std::errc() && after != end && *after == ')' && code != 0 && code != kTerminated;
}

const Measurement* Of(const ContainerSummary& container,
                      const std::map<std::string, Measurement>& measured) {
  const auto found = measured.find(container.id);
  return found == measured.end() ? nullptr : &found->second;
}

// 0: something is wrong with it; 1: it runs; 2: the rest.
int Rank(const ContainerSummary& container, const Measurement* measurement) {
  const bool failed = container.state == "restarting" || container.state == "dead" ||
                      HasCrashed(container) || HasText(container.status, "unhealthy") ||
                      (measurement != nullptr && measurement->health == "unhealthy");
  if (failed) {
    return 0;
  }
  return container.state == "running" || container.state == "paused" ? 1 : 2;
}

// "Up 3 hours (healthy)"; engines may leave it out, and Podman leaves out the health.
std::string StatusText(const ContainerSummary& container, const Measurement* measurement) {
  std::string status = Brief(container.status, kNameBytes);
  status = status.empty() ? Brief(container.state, kNameBytes) : status;
  if (measurement != nullptr && !measurement->health.empty() && !HasText(status, "health")) {
    status += " (" + Brief(measurement->health, kNameBytes) + ")";
  }
  return status;
}

std::string Ports(const ContainerSummary& container) {
  std::string text;
  std::size_t shown = 0;
  for (const container::Port& port : container.ports) {
    if (port.host_port == 0) {
      continue;
    }
    if (shown++ == kMaxPorts) {
      return text + " …";
    }
    text += " " + PortText(port);
  }
  return text;
}

std::string Use(const Measurement& measurement) {
  std::string text;
  if (measurement.cpu_percent) {
    text += "  cpu " + std::to_string(std::lround(*measurement.cpu_percent)) + " %";
  }
  text += "  mem " + BytesText(measurement.usage.memory_bytes);
  if (measurement.usage.memory_limit > 0) {
    text += "/" + BytesText(measurement.usage.memory_limit);
  }
  return text;
}

json Row(const ContainerSummary& container, const Measurement* measurement) {
  json row = {{"id", ShortId(container.id)},
              {"name", Brief(container.name, kNameBytes)},
              {"image", Brief(container.image, kNameBytes)},
              {"state", Brief(container.state, kNameBytes)},
              {"status", StatusText(container, measurement)}};
  if (measurement != nullptr) {
    row["memory_bytes"] = measurement->usage.memory_bytes;
    if (measurement->cpu_percent) {
      row["cpu_percent"] = std::round(*measurement->cpu_percent * 10) / 10;
    }
  }
  return row;
}

void AddInside(json& row, const Inside& inside) {
  row["health"] = Brief(inside.details.health.status, kNameBytes);
  for (const container::Service& service : inside.services.services) {
    json ports = json::array();
    for (const container::ServicePort& port : service.ports) {
      ports.push_back(std::to_string(port.port) + "/" + port.protocol);
    }
    row["services"].push_back({{"kind", service.kind},
                               {"name", Brief(service.name, kNameBytes)},
                               {"ports", std::move(ports)}});
  }
  for (const std::string& spot : inside.services.blind_spots) {
    row["blind_spots"].push_back(Brief(spot, kSpotBytes));
  }
}

}  // namespace

std::vector<ContainerSummary> Pick(std::vector<ContainerSummary> all, const ListArgs& args) {
  std::erase_if(all, [&](const ContainerSummary& container) {
    const bool fits_state = args.state.empty() || container.state == args.state;
    const bool fits_text = args.match.empty() || HasText(container.name, args.match) ||
                           HasText(container.image, args.match);
    return !fits_state || !fits_text;
  });
  return all;
}

void SortByNeed(std::vector<ContainerSummary>& listed,
                const std::map<std::string, Measurement>& measured) {
  std::ranges::sort(listed, {}, [&](const ContainerSummary& container) {
    return std::tuple(Rank(container, Of(container, measured)), container.name, container.id);
  });
}

std::string ShowList(const std::vector<ContainerSummary>& listed,
                     const std::map<std::string, Measurement>& measured, json& rows) {
  std::string text;
  rows = json::array();
  for (const ContainerSummary& container : listed) {
    const Measurement* measurement = Of(container, measured);
    std::string line =
        Brief(container.name, kNameBytes) + "  " + StatusText(container, measurement);
    line += measurement == nullptr ? std::string() : Use(*measurement);
    line += "  " + Brief(container.image, kNameBytes) + Ports(container) + "\n";
    if (text.size() + line.size() > kMaxTextBytes - kRoomForRest) {
      text += "[" + std::to_string(listed.size() - rows.size()) +
              " more: narrow it with `state`, `match` or `label`]\n";
      return text;
    }
    text += line;
    rows.push_back(Row(container, measurement));
  }
  if (listed.empty()) {
    text = "No containers.\n";
  }
  return text;
}

json FullRows(const std::vector<ContainerSummary>& listed,
              const std::map<std::string, Measurement>& measured,
              const std::map<std::string, Inside>& inside) {
  json rows = json::array();
  for (const ContainerSummary& container : listed) {
    const Measurement* measurement = Of(container, measured);
    json row = Row(container, measurement);
    if (measurement != nullptr && measurement->usage.memory_limit > 0) {
      row["memory_limit_bytes"] = measurement->usage.memory_limit;
    }
    row.update({{"health", ""},
                {"ports", json::array()},
                {"services", json::array()},
                {"blind_spots", json::array()}});
    for (const container::Port& port : container.ports) {
      row["ports"].push_back(PortText(port));
    }
    if (const auto seen = inside.find(container.id); seen != inside.end()) {
      AddInside(row, seen->second);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace casemate::tools
