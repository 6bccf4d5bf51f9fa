// Loopback and hostname of the new namespaces. Run in the child; functions return 0 or an errno.
#pragma once

#include "sandbox/native/launcher/child.h"

namespace casemate::launcher {

int BringUpLoopback(ChildContext& context);
int SetHostname(ChildContext& context);

}  // namespace casemate::launcher
