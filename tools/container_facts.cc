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
}

Origin OriginOf(const container::ContainerDetails& container, const std::string& engine_directory) {
  if (!container::MountsGuard(container, engine_directory)) {
    return {};
  }
  const container::Labels& labels = container.summary.labels;
  return {LabelOf(labels, container::kLabelPrincipal), LabelOf(labels, container::kLabelPurpose)};
}

std::string ShortId(const std::string& id) {
  return id.substr(0, kShortDigits);
}
  if (image.details) {
    facts["id"] = image.details->id;
  }
  return facts;

}  // namespace casemate::tools
