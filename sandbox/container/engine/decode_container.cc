#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <tuple>

#include <nlohmann/json.hpp>

#include "sandbox/container/engine/answer.h"
#include "sandbox/container/engine/decode.h"

namespace casemate::container {
namespace {

using nlohmann::json;

constexpr std::int64_t kNsPerMs = 1'000'000;

Error Nameless(const char* what) {
  return Error{ErrorCode::kInternal,
               std::string("expected ") + what + " with an id of hexadecimal digits, got another",
               {},
               "see whether the socket is that of Docker or Podman",
               0};
}

bool IsId(std::string_view id) {
  return id.size() == 64 && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Podman leaves the algorithm out.
std::string ImageId(const std::string& id) {
  return IsId(id) ? "sha256:" + id : id;
}

std::string WithoutSlash(const std::string& name) {
  return name.starts_with('/') ? name.substr(1) : name;
}

int PortNumber(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && number > 0 && number < 65536 ? number : 0;
}

int PortNumber(const json& from, const char* name) {
  const std::int64_t number = NumberOf(from, name);
  return number > 0 && number < 65536 ? static_cast<int>(number) : 0;
}

bool Before(const Port& a, const Port& b) {
  return std::tie(a.port, a.protocol, a.address, a.host_port) <
         std::tie(b.port, b.protocol, b.address, b.host_port);
}

// {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "81/udp": null}
std::vector<Port> PortsOf(const json& map) {
  std::vector<Port> ports;
  if (!map.is_object()) {
    return ports;
  }
  for (const auto& [key, bindings] : map.items()) {
    const std::size_t slash = key.find('/');
    const std::string protocol = slash == std::string::npos ? "tcp" : key.substr(slash + 1);
    const int inside = PortNumber(std::string_view(key).substr(0, slash));
    if (inside == 0) {
      continue;
    }
    if (!bindings.is_array() || bindings.empty()) {
      ports.push_back({"", 0, inside, protocol});
      continue;
    }
    for (const json& binding : bindings) {
      ports.push_back(
          {TextOf(binding, "HostIp"), PortNumber(TextOf(binding, "HostPort")), inside, protocol});
    }
  }
  std::sort(ports.begin(), ports.end(), Before);
  return ports;
}

Health HealthOf(const json& state) {
  Health health;
  const json& said = MemberOf(state, "Health");
  health.status = TextOf(said, "Status");
  if (health.status == "none") {
    health.status.clear();
  }
  health.failing_streak = SmallNumberOf(said, "FailingStreak");
  if (const json& log = MemberOf(said, "Log"); log.is_array()) {
    for (const json& run : log) {
      health.log.push_back(
          {TimeOf(run, "End") / kNsPerMs, SmallNumberOf(run, "ExitCode"), TextOf(run, "Output")});
    }
  }
  return health;
}

ContainerLimits LimitsOf(const json& host) {
  ContainerLimits limits;
  limits.memory_bytes = std::max<std::int64_t>(0, NumberOf(host, "Memory"));
  limits.pids = std::max<std::int64_t>(0, NumberOf(host, "PidsLimit"));
  const std::int64_t quota = NumberOf(host, "CpuQuota");
  const std::int64_t period = NumberOf(host, "CpuPeriod");
  limits.cpu_millis = std::max<std::int64_t>(0, NumberOf(host, "NanoCpus") / 1'000'000);
  if (limits.cpu_millis == 0 && quota > 0 && quota < (std::int64_t{1} << 50)) {
    limits.cpu_millis = quota * 1000 / (period > 0 ? period : 100'000);
  }
  return limits;
}

std::vector<Mount> MountsOf(const json& container) {
  std::vector<Mount> mounts;
  if (const json& list = MemberOf(container, "Mounts"); list.is_array()) {
    for (const json& each : list) {
      const std::string kind = TextOf(each, "Type");
      const std::string name = TextOf(each, "Name");
      mounts.push_back({kind, kind == "volume" && !name.empty() ? name : TextOf(each, "Source"),
                        TextOf(each, "Destination"), FlagOf(each, "RW")});
    }
  }
  for (const auto& [destination, options] : LabelsOf(MemberOf(container, "HostConfig"), "Tmpfs")) {
    const bool told = std::any_of(mounts.begin(), mounts.end(), [&](const Mount& mount) {
      return mount.destination == destination;
    });
    const std::string list = "," + options + ",";
    if (!told) {
      mounts.push_back({"tmpfs", "", destination, list.find(",ro,") == std::string::npos});
    }
  }
  return mounts;
}

std::vector<std::string> DevicesOf(const json& host) {
  std::vector<std::string> devices;
  if (const json& list = MemberOf(host, "Devices"); list.is_array()) {
    for (const json& each : list) {
      devices.push_back(TextOf(each, "PathOnHost"));
    }
  }
  return devices;
}

// Podman has names of its own for what lies between two states.
std::string StateOf(const std::string& said) {
  if (said == "stopped") {
    return "exited";
  }
  if (said == "configured" || said == "initialized") {
    return "created";
  }
  return said == "stopping" ? "running" : said;
}

void LookAtLog(ContainerDetails& details) {
  struct stat about{};
  const std::string& path = details.log_path;
  const bool seen = path.starts_with('/') && stat(path.c_str(), &about) == 0;
  details.log_bytes = seen && S_ISREG(about.st_mode) ? about.st_size : 0;
  details.log_unseen = !path.empty() && !seen;
}

// "16777216", "512k", "10m", "1.5g", "10 MB": thousands, as engines count; -1: none of these.
std::int64_t BytesOfText(std::string_view text) {
  constexpr std::string_view kUnits = "kmgtp";
  constexpr double kMostBytes = 9e18;
  double bytes = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), bytes, std::chars_format::fixed);
  if (error != std::errc() || bytes < 0) {
    return -1;
  }
  std::string unit;
  for (const char each : text.substr(static_cast<std::size_t>(end - text.data()))) {
    unit += each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each;
  }
  unit.erase(0, unit.starts_with(' ') ? 1 : 0);
  const std::size_t power = unit.empty() ? std::string::npos : kUnits.find(unit.front());
  if (power != std::string::npos) {
    bytes *= std::pow(1000.0, static_cast<double>(power + 1));
    unit.erase(0, 1);
  }
  const bool is_whole = unit.empty() || unit == "b" || unit == "ib";
  return is_whole && bytes < kMostBytes ? static_cast<std::int64_t>(bytes) : -1;
}

// Docker adds the options that its own configuration names; Podman has none of them here.
std::int64_t LogBound(const json& log_config) {
  const json& options = MemberOf(log_config, "Config");
  if (!options.is_object()) {
    return -1;
  }
  const std::string most = TextOf(options, "max-size");
  return most.empty() || most == "-1" ? 0 : BytesOfText(most);
}

void DecodeState(const json& state, ContainerDetails& into) {
  into.summary.state = StateOf(TextOf(state, "Status"));
  into.summary.status = into.summary.state;
  into.pid = std::max(0, SmallNumberOf(state, "Pid"));
  into.exit_code = SmallNumberOf(state, "ExitCode");
  into.oom_killed = FlagOf(state, "OOMKilled");
  into.error = TextOf(state, "Error");
  into.started_ms = TimeOf(state, "StartedAt") / kNsPerMs;
  into.finished_ms = TimeOf(state, "FinishedAt") / kNsPerMs;
  into.health = HealthOf(state);
  if (into.health.status.empty()) {
    // Podman 4 spells it so in its own API.
    into.health = HealthOf(json{{"Health", MemberOf(state, "Healthcheck")}});
  }
  if (into.summary.state == "exited") {
    into.summary.status += " (" + std::to_string(into.exit_code) + ")";
  } else if (!into.health.status.empty()) {
    into.summary.status += " (" + into.health.status + ")";
  }
}

void DecodeConfig(const json& config, ContainerDetails& into) {
  into.summary.image = TextOf(config, "Image");
  into.summary.labels = LabelsOf(config, "Labels");
  into.user = TextOf(config, "User");
  into.working_directory = TextOf(config, "WorkingDir");
  into.tty = FlagOf(config, "Tty");
}

void DecodeHost(const json& host, ContainerDetails& into) {
  into.restart_policy = TextOf(MemberOf(host, "RestartPolicy"), "Name");
  if (into.restart_policy.empty()) {
    into.restart_policy = "no";
  }
  into.limits = LimitsOf(host);
  into.memory_swap = std::max<std::int64_t>(-1, NumberOf(host, "MemorySwap"));
  into.read_only_root = FlagOf(host, "ReadonlyRootfs");
  into.privileged = FlagOf(host, "Privileged");
  into.network_mode = TextOf(host, "NetworkMode");
  into.pid_mode = TextOf(host, "PidMode");
  if (into.pid_mode == "private") {
    into.pid_mode.clear();  // Podman's word for it
  }
  into.ipc_mode = TextOf(host, "IpcMode");
  into.added_capabilities = TextsOf(host, "CapAdd");
  into.devices = DevicesOf(host);
  into.device_rules = TextsOf(host, "DeviceCgroupRules");
  into.security_options = TextsOf(host, "SecurityOpt");
  // Docker lists what is masked, and nothing (null) only of privileged ones.
  for (const char* paths : {"MaskedPaths", "ReadonlyPaths"}) {
    const json& list = MemberOf(host, paths);
    into.unmasked = into.unmasked || (list.is_array() && list.empty());
  }
  const json& log_config = MemberOf(host, "LogConfig");
  into.log_driver = TextOf(log_config, "Type");
  into.log_max_bytes = LogBound(log_config);
}

}  // namespace

Result<ContainerSummary> DecodeSummary(const json& row) {
  ContainerSummary summary;
  summary.id = TextOf(row, "Id");
  if (!IsId(summary.id)) {
    return Nameless("a container");
  }
  if (const auto names = TextsOf(row, "Names"); !names.empty()) {
    // Links give it further names, with a slash inside.
    const auto own = std::find_if(names.begin(), names.end(), [](const std::string& name) {
      return name.find('/', 1) == std::string::npos;
    });
    summary.name = WithoutSlash(own == names.end() ? names.front() : *own);
  }
  summary.image = TextOf(row, "Image");
  summary.image_id = ImageId(TextOf(row, "ImageID"));
  summary.state = StateOf(TextOf(row, "State"));
  summary.status = TextOf(row, "Status");
  const std::int64_t created_s = NumberOf(row, "Created");
  summary.created_ms = created_s > 0 && created_s < (std::int64_t{1} << 40) ? created_s * 1000 : 0;
  summary.labels = LabelsOf(row, "Labels");
  if (const json& ports = MemberOf(row, "Ports"); ports.is_array()) {
    for (const json& port : ports) {
      summary.ports.push_back({TextOf(port, "IP"), PortNumber(port, "PublicPort"),
                               PortNumber(port, "PrivatePort"), TextOf(port, "Type")});
    }
    std::sort(summary.ports.begin(), summary.ports.end(), Before);
  }
  return summary;
}

Result<ContainerDetails> DecodeDetails(const json& container) {
  ContainerDetails details;
  ContainerSummary& summary = details.summary;
  summary.id = TextOf(container, "Id");
  if (!IsId(summary.id)) {
    return Nameless("a container");
  }
  DecodeState(MemberOf(container, "State"), details);
  DecodeConfig(MemberOf(container, "Config"), details);
  DecodeHost(MemberOf(container, "HostConfig"), details);
  summary.name = WithoutSlash(TextOf(container, "Name"));
  summary.image_id = ImageId(TextOf(container, "Image"));
  summary.created_ms = TimeOf(container, "Created") / kNsPerMs;
  details.restart_count = SmallNumberOf(container, "RestartCount");
  details.mounts = MountsOf(container);
  details.command = TextsOf(container, "Path");
  const auto arguments = TextsOf(container, "Args");
  details.command.insert(details.command.end(), arguments.begin(), arguments.end());
  const json& network = MemberOf(container, "NetworkSettings");
  summary.ports = PortsOf(MemberOf(network, "Ports"));
  if (const json& networks = MemberOf(network, "Networks"); networks.is_object()) {
    for (const auto& [name, settings] : networks.items()) {
      details.networks.push_back(name);
    }
  }
  details.log_path = TextOf(container, "LogPath");
  LookAtLog(details);
  return details;
}

}  // namespace casemate::container
