// What a sandbox gives up for good. Run in the child; functions return 0 or an errno.
#pragma once

#include "sandbox/native/launcher/child.h"

namespace casemate::launcher {

int SetRlimits(ChildContext& context);

// Bounding, ambient and all other capability sets empty, no_new_privs, not dumpable, a session
// without terminal. Reads the sets back.
int DropPrivileges(ChildContext& context);

// The request's seccomp filter, which init is under as well as the command.
int InstallFilter(ChildContext& context);

}  // namespace casemate::launcher
