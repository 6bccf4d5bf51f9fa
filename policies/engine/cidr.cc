#include "policies/engine/cidr.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace casemate::policies {

namespace {

constexpr int kMappedBits = 96;  // ::ffff:0:0/96
constexpr std::size_t kMaxIpBytes = 45;

Error BadCidr(std::string_view expected) {
  return InvalidArgument("", "expected " + std::string(expected));
}

// Bit `index` of the address, from the most significant.
bool BitAt(const IpAddress& address, int index) {
  const auto byte = address.bytes.at(static_cast<std::size_t>(index / 8));
  return ((byte >> (7 - index % 8)) & 1) != 0;
}

}  // namespace

std::optional<IpAddress> ParseIp(std::string_view text) {
  if (text.empty() || text.size() > kMaxIpBytes) {
    return std::nullopt;
  }
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) {
    return std::nullopt;
  }
  IpAddress address;
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) {
    return address;
  }
  address.bytes.fill(0);
  if (inet_pton(AF_INET, terminated.c_str(), address.bytes.data() + 12) == 1) {
    address.bytes[10] = 0xff;
    address.bytes[11] = 0xff;
    return address;
  }
  return std::nullopt;
}

Result<Cidr> Cidr::Parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) {
    return BadCidr("a network with its prefix length, such as 10.0.0.0/8 or fd00::/8");
  }
  const std::string_view host = text.substr(0, slash);
  const std::string_view digits = text.substr(slash + 1);
  const auto network = ParseIp(host);
  if (!network) {
    return BadCidr("an IPv4 or IPv6 address before the slash");
  }
  const bool is_v4 = host.find(':') == std::string_view::npos;
  const int longest = is_v4 ? 32 : 128;
  int prefix = 0;
  const auto [stop, code] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (code != std::errc() || stop != digits.data() + digits.size() || prefix < 0 ||
      prefix > longest || (digits.size() > 1 && digits[0] == '0')) {
    return BadCidr("a prefix length of 0 to " + std::to_string(longest));
  }
  Cidr cidr;
  cidr.network_ = *network;
  cidr.prefix_ = is_v4 ? kMappedBits + prefix : prefix;
  for (int bit = cidr.prefix_; bit < 128; ++bit) {
    if (BitAt(cidr.network_, bit)) {
      return BadCidr("no bits beyond the prefix length: the network address, such as 10.0.0.0/8");
    }
  }
  return cidr;
}

bool Cidr::Contains(const IpAddress& address) const {
  const auto whole = static_cast<std::ptrdiff_t>(prefix_ / 8);
  if (!std::equal(network_.bytes.begin(), network_.bytes.begin() + whole, address.bytes.begin())) {
    return false;
  }
  for (int bit = static_cast<int>(whole) * 8; bit < prefix_; ++bit) {
    if (BitAt(network_, bit) != BitAt(address, bit)) {
      return false;
    }
  }
  return true;
}

}  // namespace casemate::policies
