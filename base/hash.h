// SHA-256 (FIPS 180-4) and random bytes, by Nettle, and getrandom(2). Thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace casemate {

// Lower-case hex of SHA-256 over `bytes` (64 characters).
std::string Sha256Hex(std::string_view bytes);
// Lower-case hex of HMAC-SHA-256 (RFC 2104).
std::string HmacSha256Hex(std::string_view key, std::string_view bytes);
// Whether two texts are equal, in a time that depends on their lengths only.
[[nodiscard]] bool EqualInConstantTime(std::string_view a, std::string_view b);
// Lower-case hex of `byte_count` random bytes from the kernel; aborts if the kernel has none.
std::string RandomHex(std::size_t byte_count);

}  // namespace casemate
