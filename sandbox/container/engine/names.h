// Names as they go into the target of a request: checked, so that none leads to another request
// than the one it was made for, and escaped. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace casemate::container {

// kInvalidArgument unless it is what engines allow: [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 255.
Result<void> CheckContainerName(std::string_view name);
// kInvalidArgument unless it looks like an image's id, name, name:tag or name@digest.
Result<void> CheckImageReference(std::string_view reference);
// "sha256:" and 64 hexadecimal digits, in lower case.
[[nodiscard]] bool IsImageId(std::string_view id);
// Each byte but letters, digits and "-._~" as %XX.
std::string Escape(std::string_view text);

}  // namespace casemate::container
