// Url: of HTTP and HTTPS, as registries send us about. Plain values and pure functions;
// thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace casemate::registry {

struct Url {
  std::string scheme;      // "http", "https"
  std::string host;        // without brackets, in lower case
  std::uint16_t port = 0;  // always there
  std::string target;      // path and query, "/" at least

  // What may be said of it in errors: a query may hold a signature.
  [[nodiscard]] std::string Origin() const;
  // Of the header Host: without the port that the scheme has anyway.
  [[nodiscard]] std::string Authority() const;
};

// An absolute one. Errors: kInvalidArgument for another scheme, a user in it, or bytes that none
// has.
Result<Url> ParseUrl(std::string_view text);
// What the Location `text` means in an answer to a request for `base`. Errors: as of ParseUrl.
Result<Url> Follow(const Url& base, std::string_view text);
// With one more parameter; `value` is escaped here.
std::string WithParameter(std::string target, std::string_view name, std::string_view value);
// Of this machine itself: localhost, 127.0.0.0/8, ::1.
[[nodiscard]] bool IsLoopback(std::string_view host);
// The proxy that the environment names for it (HTTPS_PROXY, HTTP_PROXY, NO_PROXY); empty: none.
std::string ProxyFor(const Url& url);

}  // namespace casemate::registry
