#include "sandbox/container/engine/create_body.h"

#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sandbox/container/guard/protocol.h"
#include "sandbox/container/run/container_spec.h"

namespace casemate::container {
namespace {

using nlohmann::json;

constexpr std::int64_t kMib = std::int64_t{1} << 20;
constexpr std::int64_t kLogBytes = 16 * kMib;  // of each of at most two files

std::string PortKey(const PublishedPort& port) {
  return std::to_string(port.port) + "/" + port.protocol;
}

json TmpfsOf(const ContainerSpec& spec) {
  json tmpfs = json::object();
  for (const TmpfsMount& mount : spec.tmpfs) {
    std::ostringstream mode;
    mode << std::oct << mount.mode;
    // Without "exec" engines make it noexec.
    tmpfs[mount.destination] =
        "rw,exec,nosuid,nodev,size=" + std::to_string(mount.size_bytes) + ",mode=" + mode.str();
  }
  return tmpfs;
}

// As "Mounts", not "Binds": of those Docker makes a directory where the source is missing.
json MountsOf(const ContainerSpec& spec) {
  json mounts = json::array();
  for (const BindMount& bind : spec.binds) {
    mounts.push_back({{"Type", "bind"},
                      {"Source", bind.source},
                      {"Target", bind.destination},
                      {"ReadOnly", !bind.writable},
                      {"BindOptions", {{"Propagation", "rprivate"}}}});
  }
  return mounts;
}

// Output of commands is read by us alone; that of services would otherwise fill the disk. A driver
// that the engine's administrator chose and that takes no bounds is left as it is.
json LogConfig(const ContainerSpec& spec, const EngineInfo& engine) {
  if (!spec.keeps_log) {
    return {{"Type", "none"}};
  }
  if (engine.kind == EngineKind::kPodman) {
    return {{"Type", "k8s-file"}, {"Config", {{"max-size", std::to_string(kLogBytes)}}}};
  }
  if (engine.log_driver == "json-file" || engine.log_driver == "local") {
    return {{"Type", engine.log_driver},
            {"Config", {{"max-size", std::to_string(kLogBytes)}, {"max-file", "2"}}}};
  }
  return {};
}

// By the guard, as a program without spaces in its arguments: Podman's compatible API joins them
// and splits them anew.
json HealthCheckOf(const HealthCheck& check) {
  if (check.test.size() < 2) {
    return {{"Test", {"NONE"}}};
  }
  std::vector<std::string> argv(check.test.begin() + 1, check.test.end());
  if (check.test.front() == "CMD-SHELL") {
    argv = {"/bin/sh", "-c", argv.front()};
  }
  std::string joined;
  for (const std::string& argument : argv) {
    joined += argument + '\0';
  }
  const std::string hex =
      ToHex({reinterpret_cast<const std::uint8_t*>(joined.data()), joined.size()});
  return {{"Test", {"CMD", guard::kProgram, "health", hex}},
          {"Interval", check.interval_ns},
          {"Timeout", check.timeout_ns},
          {"StartPeriod", check.start_period_ns},
          {"Retries", check.retries}};
}

json HostConfig(const ContainerSpec& spec, const EngineInfo& engine) {
  json ports = json::object();
  for (const PublishedPort& port : spec.ports) {
    ports[PortKey(port)].push_back(
        {{"HostIp", port.host_address},
         {"HostPort", port.host_port == 0 ? "" : std::to_string(port.host_port)}});
  }
  json host = {{"ReadonlyRootfs", spec.read_only_root},
               {"Privileged", false},
               {"CapDrop", {"ALL"}},
               {"CapAdd", spec.capabilities},
               {"SecurityOpt", {"no-new-privileges"}},
               {"NetworkMode", spec.network},
               {"IpcMode", "private"},
               {"Init", false},
               {"AutoRemove", false},
               {"Tmpfs", TmpfsOf(spec)},
               {"Mounts", MountsOf(spec)},
               {"PortBindings", std::move(ports)},
               {"RestartPolicy", {{"Name", spec.restart_policy}, {"MaximumRetryCount", 0}}}};
  if (spec.keep_user) {
    host["UsernsMode"] = "keep-id";
  }
  if (spec.limits.memory_mb > 0) {
    host["Memory"] = spec.limits.memory_mb * kMib;
    host["MemorySwap"] = spec.limits.memory_mb * kMib;  // of both together: no swap
  }
  if (spec.limits.cpu_millis > 0) {
    host["NanoCpus"] = spec.limits.cpu_millis * 1'000'000;
  }
  if (spec.limits.pids > 0) {
    host["PidsLimit"] = spec.limits.pids;
  }
  if (json log = LogConfig(spec, engine); !log.empty()) {
    host["LogConfig"] = std::move(log);
  }
  // Podman's own defaults are above what a service without CAP_SYS_RESOURCE may give.
  if (engine.kind == EngineKind::kPodman) {
    host["Ulimits"] = {{{"Name", "nofile"}, {"Soft", 1024}, {"Hard", 4096}},
                       {{"Name", "nproc"}, {"Soft", 4096}, {"Hard", 4096}}};
  }
  return host;
}

}  // namespace

json CreateBody(const ContainerSpec& spec, const EngineInfo& engine) {
  json body = {{"Image", spec.image_id},
               {"AttachStdin", spec.open_stdin},
               {"AttachStdout", true},
               {"AttachStderr", true},
               {"OpenStdin", spec.open_stdin},
               {"StdinOnce", spec.open_stdin},
               {"Tty", false},
               {"Env", spec.environment},
               {"User", spec.user},
               {"HostConfig", HostConfig(spec, engine)}};
  if (!spec.entry_point.empty()) {
    body["Entrypoint"] = spec.entry_point;
  }
  if (!spec.command.empty()) {
    body["Cmd"] = spec.command;
  }
  if (!spec.working_directory.empty()) {
    body["WorkingDir"] = spec.working_directory;
  }
  body["Healthcheck"] = HealthCheckOf(spec.health_check);
  json labels = json::object();
  for (const auto& [name, value] : spec.labels) {
    labels[name] = value;
  }
  body["Labels"] = std::move(labels);
  for (const PublishedPort& port : spec.ports) {
    body["ExposedPorts"][PortKey(port)] = json::object();
  }
  return body;
}

}  // namespace casemate::container
