// Files of this build or installation that lie beside the program: others it executes, or loads.
// Nothing but the program's own place says where they are. Stateless; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace casemate {

// The path of `name` in libexec/casemate of the installation or the build directory, without
// symbolic links. `what` is it in words ("the battery"). Errors: kNotFound; kPermissionDenied when
// another than root, this user and the program's own owner could write to it or replace it.
Result<std::string> FindInstalled(std::string_view name, std::string_view what);

}  // namespace casemate
