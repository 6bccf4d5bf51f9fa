// Init: PID 1 of a sandbox. Starts the command, reaps everything, forwards the launcher's SIGTERM,
// ends what the command leaves, records its wait status, and waits to be killed by the launcher.
// Its death ends everything in the PID namespace. It is under the same filter as the command.
#pragma once

#include "sandbox/native/launcher/child.h"

namespace casemate::launcher {

[[noreturn]] void RunInit(ChildContext& context);

}  // namespace casemate::launcher
