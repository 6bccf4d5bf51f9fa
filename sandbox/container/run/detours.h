// What a container reaches by a detour, which its own description does not tell: the namespace of a
// container that shares the host's, a volume that is a directory of the host, a link to one.
// Stateless; thread-safe.
#pragma once

#include "base/result.h"
#include "sandbox/container/engine/engine.h"

namespace casemate::container {

// Says in `container` what is at the end of each detour, so that DangersOf sees it: modes that join
// a container which joins the host become "host", such volumes become mounts of kind "bind", and
// `leads_to` of mounts is found as far as this process may look. Errors: those of the engine; what
// is gone meanwhile leads nowhere.
Result<void> FollowDetours(const Engine& engine, ContainerDetails& container);

}  // namespace casemate::container
