// What the command that starts an application says of it: the port that it is given. Pure;
// thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tools/analysis/project.h"

namespace casemate::analysis {

// "4040" of `gunicorn --bind 0.0.0.0:4040 app:app`, also as the standby of a variable
// (`--port ${PORT:-4040}`).
std::optional<std::string> PortOfCommand(std::string_view command);

// A stated command comes before what code says by default: its port becomes the first.
void ApplyRunCommand(App& app);

}  // namespace casemate::analysis
