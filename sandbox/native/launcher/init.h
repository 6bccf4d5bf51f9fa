// Init: PID 1 of a sandbox. Starts the command, reaps everything, forwards the launcher's SIGTERM,
// records the command's wait status and ends, which ends everything in the PID namespace. It is
// under the same filter as the command.
#pragma once

#include "sandbox/native/launcher/child.h"

namespace casemate::launcher {

[[noreturn]] void RunInit(ChildContext& context);

}  // namespace casemate::launcher
