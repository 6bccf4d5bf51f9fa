// Opening what lies below a directory, and nothing else: openat2(2) resolves the whole path in the
// kernel, so no exchange of a directory for a link can lead outside. Stateless; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace casemate::container {

enum class InnerLinks { kRefuse, kFollow };  // links that stay below the directory

// `flags` of open(2). The descriptor is invalid on errors, errno then says why.
UniqueFd OpenBeneath(int root, const std::string& path, int flags, InnerLinks links);

// A name of the context as errors show it: quoted, control characters visible, cut.
std::string ShownPath(std::string_view path);
// Errors of the context: `err` while doing `what` with `path`.
Error ContextError(std::string_view what, std::string_view path, int err);

}  // namespace casemate::container
