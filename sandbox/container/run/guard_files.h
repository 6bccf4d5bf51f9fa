// The guard and the system-call filter as files that an engine can mount:
// <directory>/<digest>/guard and filter, written once and the same for all containers. Thread-safe;
// several processes may write at once.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "sandbox/container/engine/types.h"

namespace casemate::container {

inline constexpr std::size_t kGuardDigits = 32;  // hexadecimal, of the name

// Returns the name, below `directory`, of what to mount at guard::kDirectory. `directory` is
// private to this user and exists or is made.
Result<std::string> PlaceGuard(const std::string& directory);

// Whether `container` mounts a guard that PlaceGuard wrote to `directory`, as the engine reaches
// it: it was made by a server of this state directory, or by somebody who is root on this machine
// anyway. Labels prove nothing: images have them, too.
bool MountsGuard(const ContainerDetails& container, const std::string& directory);

}  // namespace casemate::container
