// What policy is told about containers and images (context.container, context.image), whose a
// container is, and who may know of it. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "policies/identity/principal.h"
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
  std::string tenant;
  std::string principal;
  std::string purpose;
};
Origin OriginOf(const container::ContainerDetails& container, const std::string& engine_directory);
// Whether `principal` made it. The same id in another tenant is somebody else.
bool IsOf(const Origin& origin, const policies::Principal& principal);

// Whether it holds a running call of somebody else, with the files and variables that came along:
// then it is not found, whatever policy says. The machine's operator (`local`, as owner) sees it,
// but no tool enters or changes it for them.
bool IsHiddenFrom(const Origin& origin, const policies::Principal& principal);
// The same of an event, by the labels in its attributes: of what is gone there is nothing else.
bool IsHiddenFrom(const container::EngineEvent& event, const policies::Principal& principal);
// Takes those out of a list. Asks the engine about some.
void LeaveOutHidden(const container::Engine& engine, const std::string& engine_directory,
                    const policies::Principal& principal,
                    std::vector<container::ContainerSummary>& containers);

// "3f2a9c1b04de"
std::string ShortId(const std::string& id);

}  // namespace casemate::tools
