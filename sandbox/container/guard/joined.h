// The guard of a command that joins a container of ours which runs already: not its first process,
// but the reaper of all that the command leaves. One thread.
#pragma once

#include "sandbox/container/guard/command.h"

namespace casemate::container::guard {

// argv: TOKEN SECRET -- PROGRAM ARG… Runs the program under our filter; when it ends, all that
// descends from it ends. SIGTERM is passed on to its group, SIGINT ends all of it at once. What
// could not be started is told on stderr, as kCannotRun.
int JoinedMode(char** argv, const Filter& filter);

// argv: HEX, the arguments, each ended by a NUL, in hexadecimal digits. The same for the
// container's health check.
int HealthMode(const char* hex, const Filter& filter);

// argv: TOKEN (TERM|KILL). Tells the guard of that token. 0: told; 1: there is none.
int EndMode(char** argv);

}  // namespace casemate::container::guard
