// The AppArmor profile that lets Casemate make user namespaces on Ubuntu (apparmor/casemate), and
// how to load it. The launcher needs none of its own: a program that is executed from a memfd has
// no name that a profile could attach to, so it stays under the one of the server. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace casemate::sandbox {

// The shipped profile, for programs in /usr/bin and /usr/local/bin.
std::string_view ShippedAppArmorProfile();
// The same for the program at this absolute path. Errors: kInvalidArgument for a path with
// characters that have a meaning in profiles.
Result<std::string> AppArmorProfileFor(std::string_view program);
// Shell commands that load a profile for `program`: the shipped file, where it lies beside the
// program's directory below `root` (the host's "/") and names it, else one printed by the program.
std::string LoadAppArmorProfile(const std::string& program, const std::string& root);

}  // namespace casemate::sandbox
