// Control groups v2: making a group able to limit the groups below it. Single-threaded.
#pragma once

namespace casemate::launcher {

// Enables memory, pids and cpu, `with_io` also io, for the groups below the one that `group` is the
// directory of. v2
// refuses that while processes are in the group itself (EBUSY). When these are only this launcher
// and its server and the group was delegated to us, both move into the group "casemate-server"
// below it first. Returns 0 or an errno.
inline constexpr const char* kServerGroup = "casemate-server";
int EnableV2(int group, bool with_io);

}  // namespace casemate::launcher
