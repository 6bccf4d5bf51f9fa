// Short, line-oriented log on standard error (the host's log when we are an MCP stdio server).
// Thread-safe: one write(2) a line. Never writes to standard output.
#pragma once

#include <string_view>

namespace casemate {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Lines below `level` are dropped. Set once at start; the default is kInfo.
void SetLogLevel(LogLevel level);
// Control characters in `message` are escaped, so that no caller can forge a line.
void Log(LogLevel level, std::string_view message);
// Whatever the level: what a program that started us waits for, such as an address. One write as
// well, for another thread's line inside of it would make it unreadable.
void Announce(std::string_view message);

}  // namespace casemate
