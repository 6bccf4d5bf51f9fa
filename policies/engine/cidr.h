// IP networks in CIDR notation (RFC 4632, RFC 4291 section 2.3). An IPv4-mapped IPv6 address
// (::ffff:a.b.c.d) counts as the IPv4 address that it reaches. Pure; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace casemate::policies {

struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};  // IPv4 in its mapped form
};

// Dotted decimal or RFC 4291 text, without zone, brackets or leading zeros that other readers take
// for octal.
std::optional<IpAddress> ParseIp(std::string_view text);

class Cidr {
 public:
  // Errors: kInvalidArgument for a bad address, a missing or bad prefix length, and bits set beyond
  // it (10.0.0.1/8), which are a slip.
  static Result<Cidr> Parse(std::string_view text);
  [[nodiscard]] bool Contains(const IpAddress& address) const;

 private:
  IpAddress network_;
  int prefix_ = 128;  // bits of the 128
};

}  // namespace casemate::policies
