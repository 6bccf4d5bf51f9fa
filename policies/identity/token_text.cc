#include "policies/identity/token_text.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/text.h"

namespace casemate::policies {
namespace {

constexpr std::string_view kPrefix = "cmt_";
constexpr std::size_t kRandomBytes = 32;
constexpr std::size_t kMaxRoles = 16;
constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxPrincipalBytes = 128;

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Starts with a letter or digit: never taken for a flag, and never a space, which separates roles.
bool IsWord(std::string_view text, std::string_view also, std::size_t max_bytes) {
  return !text.empty() && text.size() <= max_bytes && IsAlphanumeric(text.front()) &&
         std::ranges::all_of(text, [&](char c) {
           return IsAlphanumeric(c) || also.find(c) != std::string_view::npos;
         });
}

Error BadWord(std::string field, const std::string& got, std::string_view also,
              std::size_t max_bytes) {
  return InvalidArgument(std::move(field), "expected 1 to " + std::to_string(max_bytes) +
                                               " letters, digits and any of " + std::string(also) +
                                               ", the first a letter or digit; got `" +
                                               EscapeControls(got, false) + "`");
}

std::string RandomSecret() {
  std::string bytes(kRandomBytes, '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = getrandom(bytes.data() + filled, bytes.size() - filled, 0);
    if (got < 0 && errno != EINTR) {
      std::abort();  // a guessable token would be worse than none
    }
    filled += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  std::string text = EncodeBase64(bytes).substr(0, kTokenSecretBytes);  // without the padding
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

}  // namespace

bool IsTokenId(std::string_view text) {
  return text.size() == kTokenIdBytes && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string MakeToken(std::string_view id) {
  return std::string(kPrefix) + std::string(id) + "_" + RandomSecret();
}

std::optional<std::string_view> IdInToken(std::string_view token) {
  constexpr std::size_t kSeparator = kPrefix.size() + kTokenIdBytes;
  if (token.size() != kSeparator + 1 + kTokenSecretBytes || !token.starts_with(kPrefix) ||
      token[kSeparator] != '_') {
    return std::nullopt;
  }
  const std::string_view id = token.substr(kPrefix.size(), kTokenIdBytes);
  return IsTokenId(id) ? std::optional(id) : std::nullopt;
}

Result<void> CheckTokenNames(const std::string& name, const Principal& principal) {
  constexpr std::string_view kInNames = "._-";
  constexpr std::string_view kInPrincipals = "._-@:+";
  if (!IsWord(name, kInNames, kMaxNameBytes)) {
    return BadWord("name", name, kInNames, kMaxNameBytes);
  }
  if (IsTokenId(name)) {
    return InvalidArgument("name",
                           "expected a name that does not look like the id of a token, "
                           "got `" +
                               name + "`");
  }
  if (!IsWord(principal.id, kInPrincipals, kMaxPrincipalBytes)) {
    return BadWord("principal", principal.id, kInPrincipals, kMaxPrincipalBytes);
  }
  if (!IsWord(principal.tenant, kInPrincipals, kMaxPrincipalBytes)) {
    return BadWord("tenant", principal.tenant, kInPrincipals, kMaxPrincipalBytes);
  }
  if (principal.roles.size() > kMaxRoles) {
    return InvalidArgument("roles", "expected at most " + std::to_string(kMaxRoles) +
                                        " roles, got " + std::to_string(principal.roles.size()));
  }
  for (const std::string& role : principal.roles) {
    if (!IsWord(role, kInNames, kMaxNameBytes)) {
      return BadWord("roles", role, kInNames, kMaxNameBytes);
    }
  }
  return {};
}

}  // namespace casemate::policies
