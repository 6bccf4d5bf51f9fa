// What policy is told about containers and images (context.container, context.image), and whose a
// container is. Pure; thread-safe.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "sandbox/container/containers.h"
#include "sandbox/container/engine/types.h"

namespace casemate::tools {

// {id, name, image, state, own, dangers}. `own` is false: who knows the caller says otherwise.
nlohmann::json FactsOf(const container::ContainerDetails& container);
// {reference, allowed, pinned}, and `id` of what the engine has by that name: an approval is for
// it.
nlohmann::json FactsOf(const container::FoundImage& image);

// Who made a container of Casemate's, and what for ("run", "service"); empty: it is none. An image
// brings labels of its own along, so labels alone say nothing (attack: an image that is labelled
// with a principal's id); a mount of our files from `engine_directory` (ContainersOptions) cannot
// come from an image.
struct Origin {
  std::string principal;
  std::string purpose;
};
Origin OriginOf(const container::ContainerDetails& container, const std::string& engine_directory);

// "3f2a9c1b04de"
std::string ShortId(const std::string& id);

}  // namespace casemate::tools
