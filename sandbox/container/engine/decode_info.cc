#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

#include "sandbox/container/engine/answer.h"
#include "sandbox/container/engine/decode.h"

namespace casemate::container {
namespace {

using nlohmann::json;

bool IsPodman(const json& version) {
  const json& components = MemberOf(version, "Components");
  return components.is_array() &&
         std::any_of(components.begin(), components.end(), [](const json& component) {
           return TextOf(component, "Name").starts_with("Podman");
         });
}

}  // namespace

Result<EngineInfo> DecodeInfo(const json& version, const json& info, std::string& min_api) {
  EngineInfo engine;
  engine.kind = IsPodman(version) ? EngineKind::kPodman : EngineKind::kDocker;
  engine.version = TextOf(version, "Version");
  engine.api_version = TextOf(version, "ApiVersion");
  min_api = TextOf(version, "MinAPIVersion");
  if (engine.version.empty() || engine.api_version.empty()) {
    return Error{ErrorCode::kInternal,
                 "expected Version and ApiVersion of the engine, got none",
                 {},
                 "see whether the socket is that of Docker or Podman",
                 0};
  }
  engine.storage_driver = TextOf(info, "Driver");
  engine.cgroup_driver = TextOf(info, "CgroupDriver");
  engine.cgroup_version = TextOf(info, "CgroupVersion") == "2" ? 2 : 1;
  engine.rootless = FlagOf(info, "Rootless");
  for (const std::string& option : TextsOf(info, "SecurityOptions")) {
    engine.rootless = engine.rootless || option.starts_with("name=rootless");
    engine.has_seccomp = engine.has_seccomp || option.starts_with("name=seccomp");
  }
  const bool has_cgroups = !engine.rootless || engine.cgroup_version == 2;
  engine.holds_memory = has_cgroups && FlagOf(info, "MemoryLimit");
  engine.holds_cpu = has_cgroups && FlagOf(info, "CpuCfsQuota");
  engine.holds_pids = has_cgroups && FlagOf(info, "PidsLimit");
  engine.log_driver = TextOf(info, "LoggingDriver");
  engine.runtime = TextOf(info, "DefaultRuntime");
  engine.root_directory = TextOf(info, "DockerRootDir");
  engine.cpus = NumberOf(info, "NCPU");
  engine.memory_bytes = NumberOf(info, "MemTotal");
  engine.warnings = TextsOf(info, "Warnings");
  return engine;
}

}  // namespace casemate::container
