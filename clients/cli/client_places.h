// What the client commands share: where this user's hosts keep their files, and this very program.
#pragma once

#include <string>

#include "base/result.h"
#include "clients/hosts/host.h"

namespace casemate::cli {

// From the environment. `project`: the directory that was given, or empty for the working
// directory.
Result<hosts::Surroundings> SurroundingsHere(const std::string& project);
Result<std::string> ThisProgram();
// kInvalidArgument unless every host takes the name as it is.
Result<void> CheckName(const std::string& name);

}  // namespace casemate::cli
