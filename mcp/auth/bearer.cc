#include "mcp/auth/bearer.h"

#include <strings.h>

#include <algorithm>

namespace casemate::mcp {
namespace {

// b64token (RFC 6750 §2.1).
bool IsTokenCharacter(char c) {
  constexpr std::string_view kSigns = "-._~+/=";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kSigns.find(c) != std::string_view::npos;
}

}  // namespace

BearerToken FindBearer(const http::Headers& headers) {
  constexpr std::string_view kScheme = "Bearer";
  const http::HeaderValue header = http::FindHeader(headers, "Authorization");
  if (header.repeated) {
    // Attack: a proxy in front checks the one, we take the other.
    return {BearerToken::Kind::kMalformed, {}};
  }
  if (!header.value) {
    return {};
  }
  const std::string_view value = *header.value;
  const std::size_t space = std::min(value.find(' '), value.size());
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): the size is given
  if (space != kScheme.size() || strncasecmp(value.data(), kScheme.data(), space) != 0) {
    return {};
  }
  const std::size_t begin = std::min(value.find_first_not_of(' ', space), value.size());
  const std::string_view token = value.substr(begin);
  if (token.empty() || !std::ranges::all_of(token, IsTokenCharacter)) {
    return {BearerToken::Kind::kMalformed, {}};
  }
  return {BearerToken::Kind::kPresent, token};
}

}  // namespace casemate::mcp
