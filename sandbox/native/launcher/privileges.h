// What a sandbox gives up for good, and the ties that end it with the launcher. Run in the child;
// functions return 0 or an errno.
#pragma once

#include "sandbox/native/launcher/child.h"

namespace casemate::launcher {

// Asks for SIGKILL at the launcher's death, and fails if it is dead already.
int DieWithLauncher(int lifeline);

int SetRlimits(ChildContext& context);

// Bounding, ambient and all other capability sets empty, no_new_privs, not dumpable, a session
// without terminal. Reads the sets back.
int DropPrivileges(ChildContext& context);

}  // namespace casemate::launcher
