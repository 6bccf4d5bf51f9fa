// The list of containers as container_status shows it: filtered, what needs attention first, one
// line each, within a bound. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "sandbox/container/engine/types.h"
#include "tools/container_inside.h"
#include "tools/container_meter.h"

namespace casemate::tools {

struct ListArgs {
  std::string state;  // empty: any
  std::string match;  // part of a name or image; empty: any
  std::string label;  // "name" or "name=value"; empty: any
};

// Those that `args` asks for but for the label, which the engine filters by. In no order.
std::vector<container::ContainerSummary> Pick(std::vector<container::ContainerSummary> all,
                                              const ListArgs& args);
// What needs attention first: what has crashed, restarts or is unhealthy; then what runs.
void SortByNeed(std::vector<container::ContainerSummary>& listed,
                const std::map<std::string, Measurement>& measured);

// `listed` in its order, with what is measured by id, as text; `rows` are set to those that fit.
std::string ShowList(const std::vector<container::ContainerSummary>& listed,
                     const std::map<std::string, Measurement>& measured, nlohmann::json& rows);
// A row for each of them, with health, limit, ports and services: for a person, who has room.
nlohmann::json FullRows(const std::vector<container::ContainerSummary>& listed,
                        const std::map<std::string, Measurement>& measured,
                        const std::map<std::string, Inside>& inside);

}  // namespace casemate::tools
