#include "tools/run_limits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace casemate::tools {

namespace {

using nlohmann::json;
using policies::Limits;

constexpr std::array<std::string_view, 6> kLimitNames = {"memory_mb", "cpus",    "pids",
                                                         "output_kb", "disk_mb", "io_mb_s"};

// One limit in the three places where it appears.
struct LimitField {
  const char* path;
  std::optional<std::int64_t> ExplicitLimits::* stated;
  std::int64_t Limits::* value;
};
constexpr std::array<LimitField, 7> kFields = {{
    {"args.limits.memory_mb", &ExplicitLimits::memory_mb, &Limits::memory_mb},
    {"args.limits.cpus", &ExplicitLimits::cpu_millis, &Limits::cpu_millis},
    {"args.limits.pids", &ExplicitLimits::pids, &Limits::pids},
    {"args.timeout_ms", &ExplicitLimits::wall_ms, &Limits::wall_ms},
    {"args.limits.output_kb", &ExplicitLimits::output_kb, &Limits::output_kb},
    {"args.limits.disk_mb", &ExplicitLimits::disk_mb, &Limits::disk_mb},
    {"args.limits.io_mb_s", &ExplicitLimits::io_mb_s, &Limits::io_mb_s},
}};

std::string Show(const LimitField& field, std::int64_t value) {
  const bool millis = field.value == &Limits::cpu_millis;
  return millis ? DumpJson(json(static_cast<double>(value) / 1000)) : std::to_string(value);
}

Error DiskAboveMemory(std::int64_t disk_mb, std::int64_t memory_mb) {
  Error error =
      InvalidArgument("args.limits.disk_mb",
                      "expected at most memory_mb, which is " + std::to_string(memory_mb) +
                          " (private workspaces live in memory), got " + std::to_string(disk_mb));
  error.remedy = "lower limits.disk_mb or raise limits.memory_mb to at least as much";
  return error;
}

}  // namespace

ExplicitLimits DecodeLimits(ArgReader& reader, ArgErrors& errors) {
  ExplicitLimits stated;
  stated.wall_ms = reader.Integer("timeout_ms", kTimeoutMs.min, kTimeoutMs.max);
  const json* object = reader.Object("limits");
  if (object == nullptr) {
    return stated;
  }
  ArgReader limits(*object, "args.limits", kLimitNames, errors);
  stated.memory_mb = limits.Integer("memory_mb", kMemoryMb.min, kMemoryMb.max);
  if (const auto cpus = limits.Number("cpus", kCpus.min, kCpus.max)) {
    stated.cpu_millis = std::llround(*cpus * 1000);
  }
  stated.pids = limits.Integer("pids", kPids.min, kPids.max);
  stated.output_kb = limits.Integer("output_kb", kOutputKb.min, kOutputKb.max);
  stated.disk_mb = limits.Integer("disk_mb", kDiskMb.min, kDiskMb.max);
  stated.io_mb_s = limits.Integer("io_mb_s", kIoMbS.min, kIoMbS.max);
  return stated;
}

Limits ApplyLimits(Limits base, const ExplicitLimits& stated) {
  for (const LimitField& field : kFields) {
    base.*field.value = (stated.*field.stated).value_or(base.*field.value);
  }
  if (!stated.disk_mb && base.disk_mb > base.memory_mb / 2) {
    base.disk_mb = std::max<std::int64_t>(1, base.memory_mb / 2);
  }
  return base;
}

Result<void> CheckLimits(const RunArgs& args) {
  if (!args.explicit_limits.disk_mb) {
    return {};
  }
  const bool mounted_directly = args.profile.workspace_mode != policies::WorkspaceMode::kOverlay;
  if (!args.workspace.empty() && mounted_directly) {
    Error error = InvalidArgument(
        "args.limits.disk_mb",
        "expected no disk_mb together with a workspace under profile `" + args.profile.name +
            "`, got " + std::to_string(*args.explicit_limits.disk_mb) +
            ": the host directory is mounted itself, and its disk use cannot be limited");
    error.remedy =
        "leave limits.disk_mb out, or use profile `scratch`, whose changes live in limited memory";
    return error;
  }
  if (args.limits.disk_mb > args.limits.memory_mb) {
    return DiskAboveMemory(args.limits.disk_mb, args.limits.memory_mb);
  }
  return {};
}

Result<Limits> LimitsUnder(const Limits& granted, const RunArgs& args) {
  for (const LimitField& field : kFields) {
    const auto& stated = args.explicit_limits.*field.stated;
    const bool any = field.value == &Limits::io_mb_s && granted.io_mb_s == 0;
    if (stated && !any && *stated > granted.*field.value) {
      const std::string maximum = Show(field, granted.*field.value);
      Error error = InvalidArgument(field.path, "expected at most " + maximum +
                                                    ", which policy grants for this call, got " +
                                                    Show(field, *stated));
      error.remedy = "use " + maximum + " or less; only your user can raise it, in the policy";
      return error;
    }
  }
  Limits limits = policies::Intersect(args.limits, granted);
  if (limits.disk_mb > limits.memory_mb && args.explicit_limits.disk_mb) {
    return DiskAboveMemory(limits.disk_mb, limits.memory_mb);
  }
  if (!args.explicit_limits.disk_mb) {
    limits.disk_mb = std::min(limits.disk_mb, std::max<std::int64_t>(1, limits.memory_mb / 2));
  }
  return limits;
}

}  // namespace casemate::tools
