// ContainerReport as JSON: everything in it is bounded, and what is left out is counted in `cut`.
#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/text.h"
#include "sandbox/container/run/dangers.h"
#include "tools/container_report.h"

namespace casemate::tools {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxRows = 32;  // of each list
constexpr std::size_t kMaxChecks = 3;
constexpr std::size_t kNameBytes = 256;
constexpr std::size_t kValueBytes = 200;
constexpr std::size_t kCheckBytes = 300;
constexpr std::size_t kCommandBytes = 512;
constexpr double kMib = 1 << 20;

// The first kMaxRows of `items`, as `show` puts them.
template <typename Items, typename Show>
json Rows(const char* what, const Items& items, json& cut, const Show& show) {
  json rows = json::array();
  for (const auto& item : items) {
    if (rows.size() == kMaxRows) {
      cut.push_back(std::string(what) + ": " + std::to_string(kMaxRows) + " of " +
                    std::to_string(items.size()));
      break;
    }
    rows.push_back(show(item));
  }
  return rows;
}

double Rounded(double value) {
  return std::round(value * 10) / 10;
}

json Times(const container::ContainerDetails& details, std::int64_t now_ms) {
  json times = json::object();
  const auto add = [&](const char* name, std::int64_t ms) {
    if (ms > 0) {
      times[name] = Rfc3339(ms);
    }
  };
  add("created_at", details.summary.created_ms);
  add("started_at", details.started_ms);
  if (details.pid == 0) {
    add("finished_at", details.finished_ms);
  } else if (details.started_ms > 0) {
    times["uptime_s"] = std::max<std::int64_t>(0, (now_ms - details.started_ms) / 1000);
  }
  return times;
}

json ImageJson(const ContainerReport& report) {
  json image = {{"reference", Brief(report.details.summary.image, kNameBytes)},
                {"id", Brief(report.details.summary.image_id, kNameBytes)}};
  if (report.image && !report.image->digests.empty()) {
    image["digest"] = Brief(report.image->digests.front(), kNameBytes);
  }
  return image;
}

json HealthJson(const container::Health& health, json& cut) {
  json log = json::array();
  const std::size_t first = health.log.size() - std::min(health.log.size(), kMaxChecks);
  for (std::size_t i = first; i < health.log.size(); ++i) {
    const container::HealthCheckRun& run = health.log[i];
    log.push_back({{"ended_at", Rfc3339(run.ended_ms)},
                   {"exit_code", run.exit_code},
                   {"output", Brief(run.output, kCheckBytes)}});
  }
  if (first > 0) {
    cut.push_back("health.log: the last " + std::to_string(kMaxChecks) + " of " +
                  std::to_string(health.log.size()));
  }
  return {{"status", Brief(health.status, kNameBytes)},
          {"failing_streak", health.failing_streak},
          {"log", std::move(log)}};
}

json LimitsOf(const container::ContainerLimits& limits) {
  json shown = json::object();
  if (limits.memory_bytes > 0) {
    shown["memory_mb"] = Rounded(static_cast<double>(limits.memory_bytes) / kMib);
  }
  if (limits.cpu_millis > 0) {
    shown["cpus"] = static_cast<double>(limits.cpu_millis) / 1000;
  }
  if (limits.pids > 0) {
    shown["pids"] = limits.pids;
  }
  return shown;
}

json UseJson(const ContainerReport& report) {
  json use = json::object();
  if (report.details.log_bytes > 0) {
    use["log_bytes"] = report.details.log_bytes;
  }
  if (!report.measured) {
    return use;
  }
  const container::Usage& usage = report.measured->usage;
  if (report.measured->cpu_percent) {
    use["cpu_percent"] = Rounded(*report.measured->cpu_percent);
  }
  use.update({{"memory_bytes", usage.memory_bytes},
              {"cache_bytes", usage.cache_bytes},
              {"pids", usage.pids},
              {"network_received", usage.network_received},
              {"network_sent", usage.network_sent},
              {"disk_read", usage.disk_read},
              {"disk_written", usage.disk_written}});
  if (usage.memory_limit > 0) {
    use["memory_percent"] = Rounded(100.0 * static_cast<double>(usage.memory_bytes) /
                                    static_cast<double>(usage.memory_limit));
  }
  if (report.measured->rates) {
    const container::UsageRates& rates = *report.measured->rates;
    use["per_second"] = {{"network_received", std::llround(rates.network_received)},
                         {"network_sent", std::llround(rates.network_sent)},
                         {"disk_read", std::llround(rates.disk_read)},
                         {"disk_written", std::llround(rates.disk_written)}};
  }
  return use;
}

json ServiceJson(const container::Service& service) {
  json ports = json::array();
  for (const container::ServicePort& port : service.ports) {
    if (ports.size() == kMaxRows) {
      break;
    }
    ports.push_back(std::to_string(port.port) + "/" + port.protocol +
                    (port.loopback_only ? " (loopback)" : ""));
  }
  json shown = {{"kind", service.kind},
                {"name", Brief(service.name, kNameBytes)},
                {"category", service.category},
                {"ports", std::move(ports)},
                {"confidence", std::round(service.confidence * 100) / 100}};
  if (service.inner_pid > 0) {
    shown["pid"] = service.inner_pid;
  }
  return shown;
}

json LabelsJson(const container::Labels& labels, json& cut) {
  json shown = json::object();
  for (const auto& [name, value] : labels) {
    if (shown.size() == kMaxRows) {
      cut.push_back("labels: " + std::to_string(kMaxRows) + " of " + std::to_string(labels.size()));
      break;
    }
    shown[Brief(name, kNameBytes)] = Brief(value, kValueBytes);
  }
  return shown;
}

json FindingJson(const container::Diagnosis& finding) {
  return {{"severity", container::SeverityName(finding.severity)}, {"code", finding.code}};
}

json MountJson(const container::Mount& mount) {
  return {{"kind", Brief(mount.kind, kNameBytes)},
          {"source", Brief(mount.source, kNameBytes)},
          {"destination", Brief(mount.destination, kNameBytes)},
          {"writable", mount.writable}};
}

}  // namespace

json ReportJson(const ContainerReport& report) {
  const container::ContainerDetails& details = report.details;
  const auto text = [](const std::string& value) { return Brief(value, kNameBytes); };
  json cut = json::array();
  json shown = Times(details, report.now_ms);
  shown.update({{"id", details.summary.id},
                {"name", text(details.summary.name)},
                {"state", text(details.summary.state)},
                {"image", ImageJson(report)},
                {"restart_count", details.restart_count},
                {"restart_policy", text(details.restart_policy)},
                {"command", Brief(Join(details.command, " "), kCommandBytes)},
                {"user", text(details.user)},
                {"limits", LimitsOf(details.limits)},
                {"labels", LabelsJson(details.summary.labels, cut)},
                {"use", UseJson(report)}});
  if (!details.health.status.empty()) {
    shown["health"] = HealthJson(details.health, cut);
  }
  if (details.pid == 0) {
    shown["exit_code"] = details.exit_code;
    shown["oom_killed"] = details.oom_killed;
  }
  shown["ports"] = Rows("ports", details.summary.ports, cut, PortText);
  shown["networks"] = Rows("networks", details.networks, cut, text);
  shown["mounts"] = Rows("mounts", details.mounts, cut, MountJson);
  shown["services"] = Rows("services", report.services.services, cut, ServiceJson);
  shown["blind_spots"] = Rows("blind_spots", report.services.blind_spots, cut, text);
  shown["dangers"] = Rows("dangers", container::DangersOf(details), cut, text);
  shown["findings"] = Rows("findings", report.findings, cut, FindingJson);
  shown["diagnosis"] = container::InOneParagraph(report.findings);
  shown["cut"] = std::move(cut);
  return shown;
}

json ReportSchema() {
  json properties = json::object();
  for (const char* name : {"id", "name", "state", "restart_policy", "command", "user", "diagnosis",
                           "created_at", "started_at", "finished_at"}) {
    properties[name] = {{"type", "string"}};
  }
  for (const char* name : {"restart_count", "exit_code", "uptime_s"}) {
    properties[name] = {{"type", "integer"}};
  }
  for (const char* name : {"image", "limits", "labels", "use", "health"}) {
    properties[name] = {{"type", "object"}};
  }
  for (const char* name :
       {"ports", "networks", "mounts", "services", "blind_spots", "dangers", "findings", "cut"}) {
    properties[name] = {{"type", "array"}};
  }
  properties["oom_killed"] = {{"type", "boolean"}};
  return properties;
}

}  // namespace casemate::tools
