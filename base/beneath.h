// Opening what lies below a directory, and nothing else: openat2(2) resolves the whole path in the
// kernel, so no exchange of a directory for a link can lead outside. Stateless; thread-safe.
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace casemate {

enum class InnerLinks { kRefuse, kFollow };  // links that stay below the directory

// `flags` of open(2). The descriptor is invalid on errors, errno then says why.
UniqueFd OpenBeneath(int root, const std::string& path, int flags, InnerLinks links);

}  // namespace casemate
