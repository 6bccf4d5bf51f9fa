// Ends what one exec started in a container. Engines have no request for that, so it is done by the
// kernel where this process may (rootless engines, same user), and otherwise by a second exec that
// runs `kill` inside: as the container's own user, whose processes they are, and as root, which
// without capabilities may signal nobody else's. Linux, engine on this machine; thread-safe.
#pragma once

#include <string>

#include "sandbox/container/engine/engine.h"

namespace casemate::container {

// `exec` runs in `container`: sends `signal` ("TERM", "KILL") to its process, to all that descend
// from it and to all of its session. false: no way was found; it runs on. Errors: those of the
// engine that was asked for the process.
Result<bool> SignalExec(const Engine& engine, const std::string& container, const std::string& exec,
                        const std::string& signal);

}  // namespace casemate::container
