// All that there is to know about one container, gathered from its engine, /proc and the control
// groups, and how it is told: as JSON and as text of bounded length. Gathering blocks; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "sandbox/container/engine/engine.h"
#include "sandbox/container/services/diagnosis.h"
#include "sandbox/container/services/find_services.h"
#include "tools/container_meter.h"

namespace casemate::tools {

struct ContainerReport {
  container::ContainerDetails details;
  std::optional<container::ImageDetails> image;  // none: the engine has it no more
  std::optional<Measurement> measured;           // of one that runs
  container::ServiceReport services;
  std::vector<container::Diagnosis> findings;
  std::int64_t now_ms = 0;  // Unix time
};

// Of a container that was inspected just now. What cannot be found out is left out, and named in
// services.blind_spots.
ContainerReport GatherReport(const container::Engine& engine, ContainerMeter& meter,
                             const container::SignatureTable* signatures,
                             container::ContainerDetails details, const std::stop_token& stop);

// What is wrong with it, by its state and its last lines. For those who need no more.
std::vector<container::Diagnosis> DiagnoseNow(const container::Engine& engine,
                                              const container::ContainerDetails& details,
                                              const std::optional<container::Usage>& usage,
                                              int zombies, const std::stop_token& stop);

nlohmann::json ReportJson(const ContainerReport& report);
nlohmann::json ReportSchema();  // of its members
std::string ReportText(const ContainerReport& report);

// "2 d 3 h", "12 min", "4 s"
std::string DurationText(std::int64_t ms);
// "1.5 GiB", "320 KiB"
std::string BytesText(std::int64_t bytes);
// "127.0.0.1:8080->80/tcp", "80/tcp"
std::string PortText(const container::Port& port);
// At most `max_bytes` of a stranger's text, valid UTF-8, on one line, control characters visible.
std::string Brief(std::string_view text, std::size_t max_bytes);

}  // namespace casemate::tools
