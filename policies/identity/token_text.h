// The form of tokens and of the names around them. Pure functions; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "policies/identity/principal.h"

namespace casemate::policies {

inline constexpr std::size_t kTokenIdBytes = 8;       // hex digits
inline constexpr std::size_t kTokenSecretBytes = 43;  // base64url of 32 bytes (RFC 4648 §5)

[[nodiscard]] bool IsTokenId(std::string_view text);
// A new token around `id`, with a secret from the kernel.
std::string MakeToken(std::string_view id);
// The id inside a token; nullopt: this does not look like a token of ours.
std::optional<std::string_view> IdInToken(std::string_view token);
// Errors: kInvalidArgument, naming what is wrong.
Result<void> CheckTokenNames(const std::string& name, const Principal& principal);

}  // namespace casemate::policies
