// Messages with descriptors over sockets that keep their boundaries.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "base/unique_fd.h"
#include "sandbox/native/launcher/request.h"
#include "sandbox/native/launcher/wire.h"

namespace casemate::launcher {

// One message of exactly `size` bytes, with up to kMaxRequestFds descriptors, close-on-exec.
// Returns its length, 0 at the end; *whole is false when it had another size or more descriptors.
ssize_t ReceiveWithFds(int socket, void* data, std::size_t size, UniqueFd* fds, std::size_t* count,
                       bool* whole);
// At most kMaxRequestFds descriptors. 0 or an errno; never waits.
int SendWithFds(int socket, const void* data, std::size_t size, const int* fds, std::size_t count);

enum class Received { kMessage, kMalformed, kEnd };

// `fds` takes up to kMaxRequestFds descriptors, close-on-exec. kMalformed: wrong size, magic,
// version or kind, too many descriptors, or an incarnation that is no plain name.
Received ReceiveControl(int socket, wire::ControlMessage* message, UniqueFd* fds,
                        std::size_t* count);

// [a-z0-9-]{1,63}: it becomes a directory name.
bool IsIncarnationName(const char* name);

}  // namespace casemate::launcher
