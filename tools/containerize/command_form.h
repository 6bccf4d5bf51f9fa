// Commands of shells in the exec form that images start: as their words when no shell is needed,
// else through `sh -c` so that the command itself, not the shell, gets the signals. Pure;
// thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace casemate::containerize {

// The words of a simple command; nullopt: it needs a shell (variables, operators, patterns,
// assignments, quotes that do not end).
std::optional<std::vector<std::string>> SimpleWords(std::string_view command);

// The JSON array of CMD. The last command of a list (`a && b`) replaces the shell.
std::string ExecForm(std::string_view command);

}  // namespace casemate::containerize
