// Starting a program for an application: in a session and process group of its own, with default
// handlers and no signal blocked, the application's directory and variables. Its rights are init's:
// nothing is added or taken away. One thread.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "sandbox/container/init/config.h"

namespace casemate::container::init {

inline constexpr int kExitNotExecutable = 126;
inline constexpr int kExitNotFound = 127;
inline constexpr int kExitSignal = 128;  // plus the signal
inline constexpr int kExitOs = 71;       // EX_OSERR

enum class Streams { kInherited, kNone };

// Its process id, or -1 with errno. A program that cannot run ends at once with 126 or 127, and
// says so on its standard error.
pid_t StartProgram(const App& app, char** argv, Streams streams);
// To the group of `leader`, and to itself: it may not have its group yet.
void KillGroup(pid_t leader);
// Monotonic.
std::int64_t NowMs();
// One line on standard error, or nothing where that would have to wait.
[[gnu::format(printf, 1, 2)]] void Say(const char* format, ...);

}  // namespace casemate::container::init
