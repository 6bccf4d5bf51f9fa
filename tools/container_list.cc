#include "tools/container_list.h"

#include <algorithm>
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
constexpr std::size_t kMaxPorts = 4;

bool HasText(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// 0: something is wrong with it; 1: it runs; 2: the rest.
int Rank(const ContainerSummary& container) {
  const bool failed = container.state == "restarting" || container.state == "dead" ||
                      HasText(container.status, "unhealthy");
  if (failed) {
    return 0;
  }
  return container.state == "running" || container.state == "paused" ? 1 : 2;
}

// "Up 3 hours (healthy)"; engines may leave it out.
std::string StatusText(const ContainerSummary& container) {
  const std::string status = Brief(container.status, kNameBytes);
  return status.empty() ? Brief(container.state, kNameBytes) : status;
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
              {"status", StatusText(container)}};
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
    row["blind_spots"].push_back(spot);
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
  std::ranges::sort(all, {}, [](const ContainerSummary& container) {
    return std::tuple(Rank(container), container.name, container.id);
  });
  return all;
}

std::string ShowList(const std::vector<ContainerSummary>& listed,
                     const std::map<std::string, Measurement>& measured, json& rows) {
  std::string text;
  rows = json::array();
  for (const ContainerSummary& container : listed) {
    const auto found = measured.find(container.id);
    const Measurement* measurement = found == measured.end() ? nullptr : &found->second;
    std::string line = Brief(container.name, kNameBytes) + "  " + StatusText(container);
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
    const auto found = measured.find(container.id);
    const Measurement* measurement = found == measured.end() ? nullptr : &found->second;
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
