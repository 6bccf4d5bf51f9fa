#include <array>

#include <nlohmann/json.hpp>

#include "tools/container_optimize_plan.h"

namespace casemate::tools {
namespace {

using nlohmann::json;
using policies::ContainerRight;

constexpr std::array<std::string_view, 11> kKindNames = {
    "set_limits",        "restart_container", "remove_stopped", "prune_images",
    "prune_build_cache", "rotate_logs",       "missing_limits", "page_cache",
    "many_restarts",     "stopped_of_others", "unused_volumes"};

}  // namespace

std::string_view ToString(OptimizeKind kind) {
  return kKindNames.at(static_cast<std::size_t>(kind));
}

bool IsAdvice(OptimizeKind kind) {
  return kind >= OptimizeKind::kRotateLogs;
}

json ActionJson(const OptimizeAction& action) {
  json shown = {{"id", action.id},
                {"kind", ToString(action.kind)},
                {"reason", action.reason},
                {"effect", action.effect},
                {"executable", !IsAdvice(action.kind)}};
  if (!action.container.empty()) {
    shown["container"] = action.container;
    shown["name"] = action.name;
  }
  for (const auto& [name, value] : action.facts) {
    shown["facts"][name] = value;
  }
  if (!action.frees.empty()) {
    shown["frees"] = action.frees;
    shown["frees_bytes"] = action.frees_bytes;
  }
  if (action.kind == OptimizeKind::kSetLimits) {
    shown["limits"] = json::object();
    if (action.limits.memory_bytes > 0) {
      shown["limits"]["memory_bytes"] = action.limits.memory_bytes;
    }
    if (action.limits.pids > 0) {
      shown["limits"]["pids"] = action.limits.pids;
    }
  }
  if (!action.images.empty()) {
    shown["images"] = action.images;
  }
  for (const ContainerRight right : action.needs) {
    shown["needs"].push_back(policies::ToString(right));
  }
  return shown;
}

}  // namespace casemate::tools
