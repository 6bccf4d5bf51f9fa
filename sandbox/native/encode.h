// Turns a SandboxSpec into the launcher's wire form (launcher/wire.h). Pure but for fstat(2) of the
// workspace and getrlimit(2); thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "sandbox/native/spec.h"

namespace casemate::sandbox {

// The bytes of a wire::LaunchSpec and all that it refers to. `seccomp_filter` is an array of struct
// sock_filter. Errors: kResourceExhausted beyond wire::kMaxSpecBytes; kInvalidArgument when the
// workspace is not a directory. With `hold` the command waits for a byte (wire.h).
Result<std::string> EncodeSpec(const SandboxSpec& spec, std::string_view seccomp_filter,
                               bool hold = false);

}  // namespace casemate::sandbox
