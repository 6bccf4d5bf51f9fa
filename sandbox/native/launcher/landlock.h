// Landlock: a second, independent fence around the file system, signals and abstract sockets.
#pragma once

#include "sandbox/native/launcher/child.h"

namespace casemate::launcher {

// 0, with *error set: this kernel has none, or it is off.
int LandlockAbi(int* error);

// In the child, after the last mount. Uses everything that the kernel's ABI offers for files and
// scopes; ABI 0 is an error unless the mode allows it. TCP rules are left out: the network
// namespace holds loopback only.
int RestrictByLandlock(ChildContext& context);

}  // namespace casemate::launcher
