// The text of a .dockerignore: what never belongs into a build's context, and what the language of
// the application leaves in its directory. Pure; thread-safe.
#pragma once

#include <string>

#include "tools/containerize/recipe.h"

namespace casemate::containerize {

std::string IgnoreFile(const Project& project, const Recipe& recipe);

}  // namespace casemate::containerize
