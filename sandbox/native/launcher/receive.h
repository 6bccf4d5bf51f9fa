// Reads one control message and its descriptors.
#pragma once

#include <cstddef>

#include "base/unique_fd.h"
#include "sandbox/native/launcher/request.h"
#include "sandbox/native/launcher/wire.h"

namespace casemate::launcher {

enum class Received { kMessage, kMalformed, kEnd };

// `fds` takes up to kMaxRequestFds descriptors, close-on-exec. kMalformed: wrong size, magic,
// version or kind, too many descriptors, or an incarnation that is no plain name.
Received ReceiveControl(int socket, wire::ControlMessage* message, UniqueFd* fds,
                        std::size_t* count);

// [a-z0-9-]{1,63}: it becomes a directory name.
bool IsIncarnationName(const char* name);

}  // namespace casemate::launcher
