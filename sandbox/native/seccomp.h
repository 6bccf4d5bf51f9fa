// The system-call filter of every sandbox: an allow-list. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace casemate::sandbox {

// The filter as an array of struct sock_filter for this machine's architecture. What it does:
// - calls on the list pass; known dangerous ones get EPERM; all others ENOSYS, so that the C
//   library falls back as it would on an older kernel;
// - foreign architectures (int 0x80, x32) are killed: their numbers mean other calls;
// - no new namespaces, only UNIX, IPv4, IPv6 and NETLINK_ROUTE sockets, no raw sockets, no
//   TIOCSTI and TIOCLINUX, a list of prctl options, no change of personality.
// Errors: kUnavailable when libseccomp does not know a call of the list.
Result<std::string> BuildSeccompFilter();

// Number of instructions in such a filter.
std::size_t InstructionCount(std::string_view filter);

}  // namespace casemate::sandbox
