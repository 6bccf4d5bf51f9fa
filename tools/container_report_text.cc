// ContainerReport as text for models and people: a line for each thing, most important first.
#include <array>
#include <cstdio>

#include "base/text.h"
#include "sandbox/container/run/dangers.h"
#include "sandbox/container/services/proc_entry.h"
#include "tools/container_facts.h"
#include "tools/container_report.h"
#include "tools/output_text.h"

namespace casemate::tools {
namespace {

using container::ContainerDetails;

constexpr std::size_t kMaxTextBytes = std::size_t{8} << 10;
constexpr std::size_t kMaxShown = 8;  // of each list
constexpr std::size_t kNameBytes = 120;
constexpr std::size_t kCommandBytes = 200;
constexpr std::size_t kSpotBytes = 300;
constexpr std::int64_t kMsPerSecond = 1000;

template <typename Items, typename Show>
std::string List(const Items& items, const Show& show) {
  std::string text;
  std::size_t shown = 0;
  for (const auto& item : items) {
    if (shown == kMaxShown) {
      return text + " and " + std::to_string(items.size() - shown) + " more";
    }
    text += (shown++ == 0 ? "" : ", ") + show(item);
  }
  return text;
}

std::string Decimal(double value) {
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.1f", value);
  return size > 0 && static_cast<std::size_t>(size) < text.size() ? text.data() : "?";
}

std::string StateText(const ContainerReport& report) {
  const ContainerDetails& details = report.details;
  std::string text = Brief(details.summary.state, kNameBytes);
  if (!details.health.status.empty()) {
    text += ", " + Brief(details.health.status, kNameBytes);
  }
  if (details.pid > 0 && details.started_ms > 0) {
    text += ", up " + DurationText(report.now_ms - details.started_ms);
  } else if (details.finished_ms > 0) {
    text += " with " + std::to_string(details.exit_code) + ", " +
            DurationText(report.now_ms - details.finished_ms) + " ago";
  }
  if (details.restart_count > 0) {
    text += ", " + std::to_string(details.restart_count) + " restarts";
  }
  return text;
}

std::string UseText(const ContainerReport& report) {
  if (!report.measured) {
    return {};
  }
  const container::Usage& usage = report.measured->usage;
  const container::ContainerLimits& limits = report.details.limits;
  const auto& cpu = report.measured->cpu_percent;
  std::string text = "cpu " + (cpu ? Decimal(*cpu) + " %" : std::string("?"));
  if (limits.cpu_millis > 0) {
    text += " of " + std::to_string(limits.cpu_millis / 10) + " %";
  }
  text += ", memory " + BytesText(usage.memory_bytes);
  if (limits.memory_bytes > 0) {
    text += " of " + BytesText(limits.memory_bytes);
  }
  text += ", " + std::to_string(usage.pids);
  text += limits.pids > 0 ? " of " + std::to_string(limits.pids) + " pids" : " pids";
  text += ", network " + BytesText(usage.network_received) + " in, " +
          BytesText(usage.network_sent) + " out, disk " + BytesText(usage.disk_read) + " read, " +
          BytesText(usage.disk_written) + " written";
  return text;
}

std::string MountText(const container::Mount& mount) {
  const std::string source = mount.source.empty() ? mount.kind : mount.source;
  return Brief(source, kNameBytes) + " on " + Brief(mount.destination, kNameBytes) +
         (mount.writable ? "" : " (read-only)");
}

std::string ServiceText(const container::Service& service) {
  std::string text = Brief(service.name, kNameBytes);
  if (service.kind == "unknown" && service.name != "unknown") {
    text += " (unknown kind)";
  }
  for (std::size_t i = 0; i < service.ports.size() && i < kMaxShown; ++i) {
    const container::ServicePort& port = service.ports[i];
    text += (i == 0 ? " on " : " ") + std::to_string(port.port) + "/" + port.protocol;
    text += port.loopback_only ? " (loopback)" : "";
  }
  return text;
}

std::string ImageText(const ContainerReport& report) {
  std::string text = Brief(report.details.summary.image, kNameBytes);
  if (!report.image) {
    return text + " (the engine has it no more)";
  }
  const auto& digests = report.image->digests;
  return text + ", " +
         (digests.empty() ? report.details.summary.image_id : Brief(digests.front(), kNameBytes));
}

std::string LabelText(const std::pair<std::string, std::string>& label) {
  return Brief(label.first, kNameBytes) + "=" + Brief(label.second, kNameBytes);
}

std::string NameText(const std::string& name) {
  return Brief(name, kNameBytes);
}

}  // namespace

std::string Brief(std::string_view text, std::size_t max_bytes) {
  return container::Shown(text, max_bytes);
}

std::string DurationText(std::int64_t ms) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 3600;
  constexpr std::int64_t kDay = 86'400;
  const std::int64_t seconds = ms < 0 ? 0 : ms / kMsPerSecond;
  const auto two = [&](std::int64_t unit, const char* name, std::int64_t small,
                       const char* small_name) {
    return std::to_string(seconds / unit) + name + " " + std::to_string(seconds % unit / small) +
           small_name;
  };
  if (seconds >= kDay) {
    return two(kDay, " d", kHour, " h");
  }
  if (seconds >= kHour) {
    return two(kHour, " h", kMinute, " min");
  }
  return seconds >= kMinute ? std::to_string(seconds / kMinute) + " min"
                            : std::to_string(seconds) + " s";
}

std::string BytesText(std::int64_t bytes) {
  constexpr std::int64_t kUnit = 1024;
  constexpr std::array<const char*, 5> kNames = {" B", " KiB", " MiB", " GiB", " TiB"};
  if (bytes < kUnit) {
    return std::to_string(bytes) + kNames.front();
  }
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= kUnit && unit + 1 < kNames.size()) {
    value /= kUnit;
    ++unit;
  }
  return Decimal(value) + kNames.at(unit);
}

std::string PortText(const container::Port& port) {
  const std::string inside = std::to_string(port.port) + "/" + Brief(port.protocol, kNameBytes);
  return port.host_port == 0 ? inside
                             : Brief(port.address, kNameBytes) + ":" +
                                   std::to_string(port.host_port) + "->" + inside;
}

std::string ReportText(const ContainerReport& report) {
  const ContainerDetails& details = report.details;
  std::string text;
  const auto line = [&](const char* name, const std::string& value) {
    if (!value.empty()) {
      text += name + value + "\n";
    }
  };
  line("", Brief(details.summary.name, kNameBytes) + " (" + ShortId(details.summary.id) +
               "): " + StateText(report));
  const std::string diagnosis = container::InOneParagraph(report.findings);
  line("diagnosis: ", diagnosis);
  line("use: ", UseText(report));
  line("services: ", List(report.services.services, ServiceText));
  line("not seen: ", List(report.services.blind_spots,
                          [](const std::string& spot) { return Brief(spot, kSpotBytes); }));
  line("ports: ", List(details.summary.ports, PortText));
  line("image: ", ImageText(report));
  line("command: ", Brief(Join(details.command, " "), kCommandBytes));
  line("dangers: ", List(container::DangersOf(details), NameText));
  line("networks: ", List(details.networks, NameText));
  line("mounts: ", List(details.mounts, MountText));
  line("restart: ", details.restart_policy == "no" ? "" : Brief(details.restart_policy, 64));
  line("log: ", details.log_bytes > 0 ? BytesText(details.log_bytes) : "");
  line("labels: ", List(details.summary.labels, LabelText));
  if (text.size() > kMaxTextBytes) {
    text =
        std::string(Utf8Prefix(text, kMaxTextBytes)) + "\n[cut: the structured result has more]\n";
  }
  return text;
}

}  // namespace casemate::tools
