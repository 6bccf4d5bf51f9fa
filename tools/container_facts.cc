#include "tools/container_facts.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "sandbox/container/run/dangers.h"
#include "sandbox/container/run/guard_files.h"
#include "sandbox/container/run/image_backend.h"

namespace casemate::tools {
namespace {

using nlohmann::json;

constexpr std::size_t kShortDigits = 12;

std::string LabelOf(const container::Labels& labels, const char* name) {
  const auto found = std::ranges::find(labels, name, &std::pair<std::string, std::string>::first);
  return found == labels.end() ? std::string() : found->second;
}

// As labels have it, whoever wrote them.
Origin LabelledOrigin(const container::Labels& labels) {
  return {LabelOf(labels, container::kLabelTenant), LabelOf(labels, container::kLabelPrincipal),
          LabelOf(labels, container::kLabelPurpose)};
}

// Who has the machine: at the command line and over stdio, and with the token of `local`.
bool IsOperator(const policies::Principal& principal) {
  const policies::Principal own;
  return principal.id == own.id && principal.tenant == own.tenant &&
         std::ranges::find(principal.roles, own.roles.front()) != principal.roles.end();
}

}  // namespace

json FactsOf(const container::ContainerDetails& container) {
  return {{"id", container.summary.id},
          {"name", container.summary.name},
          {"image", container.summary.image},
          {"state", container.summary.state},
          {"own", false},
          {"dangers", container::DangersOf(container)}};
}

json FactsOf(const container::FoundImage& image) {
  json facts = {
      {"reference", image.reference}, {"allowed", image.is_allowed}, {"pinned", image.is_pinned}};
  if (image.details) {
    facts["id"] = image.details->id;
  }
  return facts;
}

Origin OriginOf(const container::ContainerDetails& container, const std::string& engine_directory) {
  if (!container::MountsGuard(container, engine_directory)) {
    return {};
  }
  return LabelledOrigin(container.summary.labels);
}

bool IsOf(const Origin& origin, const policies::Principal& principal) {
  return !origin.principal.empty() && origin.principal == principal.id &&
         origin.tenant == principal.tenant;
}

bool IsHiddenFrom(const Origin& origin, const policies::Principal& principal) {
  return origin.purpose == "run" && !IsOf(origin, principal) && !IsOperator(principal);
}

bool IsHiddenFrom(const container::EngineEvent& event, const policies::Principal& principal) {
  return event.type == "container" && IsHiddenFrom(LabelledOrigin(event.attributes), principal);
}

void LeaveOutHidden(const container::Engine& engine, const std::string& engine_directory,
                    const policies::Principal& principal,
                    std::vector<container::ContainerSummary>& containers) {
  std::erase_if(containers, [&](const container::ContainerSummary& container) {
    if (!IsHiddenFrom(LabelledOrigin(container.labels), principal)) {
      return false;
    }
    // Labels of an image hide nothing. What cannot be looked at is gone, or stays hidden.
    const auto details = engine.Inspect(container.id);
    return !details || IsHiddenFrom(OriginOf(*details, engine_directory), principal);
  });
}

std::string ShortId(const std::string& id) {
  return id.substr(0, kShortDigits);
}

}  // namespace casemate::tools
