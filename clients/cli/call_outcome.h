// How the result of a call of `run` becomes the end of a process, and what is said of it. Main
// thread only.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace casemate::cli {

// `result`: structured. `signal`: the one that took the call back, or 0.
int ExitCodeOf(const nlohmann::json& result, bool is_error, int signal);
// To standard error; `text` where the error has no message.
void PrintError(const nlohmann::json& error, const std::string& text);
void PrintNotes(const nlohmann::json& result);

}  // namespace casemate::cli
