// Anonymous in-memory files that nobody can change any more, ourselves included. Stateless;
// thread-safe.
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace casemate::sandbox {

enum class MemfdUse { kData, kProgram };

// A memfd (close-on-exec) that holds `bytes`, with F_SEAL_SHRINK|GROW|WRITE|SEAL; kData is never
// executable where the kernel knows MFD_NOEXEC_SEAL (6.3). `name` shows in /proc only.
// Errors: kUnavailable or kResourceExhausted, with errno.
Result<UniqueFd> MakeSealedMemfd(const char* name, std::string_view bytes, MemfdUse use);

}  // namespace casemate::sandbox
