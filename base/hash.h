// SHA-256 (FIPS 180-4) and random bytes, by Nettle, and getrandom(2). Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace casemate {

// Lower-case hex of SHA-256 over `bytes` (64 characters).
std::string Sha256Hex(std::string_view bytes);

// The same over bytes that come in pieces. One thread at a time.
class Sha256 {
 public:
  using Digest = std::array<std::uint8_t, 32>;
  Sha256();
  void Update(std::string_view bytes);
  // Of all pieces so far; begins anew.
  Digest Finish();
  std::string FinishHex();

 private:
  static constexpr std::size_t kStateBytes = 128;  // of Nettle's context, checked where it is made
  alignas(16) std::array<std::uint8_t, kStateBytes> state_;
};

// Lower-case hex of HMAC-SHA-256 (RFC 2104).
std::string HmacSha256Hex(std::string_view key, std::string_view bytes);
// Whether two texts are equal, in a time that depends on their lengths only.
[[nodiscard]] bool EqualInConstantTime(std::string_view a, std::string_view b);
// Lower-case hex of `byte_count` random bytes from the kernel; aborts if the kernel has none.
std::string RandomHex(std::size_t byte_count);

}  // namespace casemate
