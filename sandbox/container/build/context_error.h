// How errors of a build context speak. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace casemate::container {

// A name of the context as errors show it: quoted, control characters visible, cut.
std::string ShownPath(std::string_view path);
// Errors of the context: `err` while doing `what` with `path`.
Error ContextError(std::string_view what, std::string_view path, int err);

}  // namespace casemate::container
