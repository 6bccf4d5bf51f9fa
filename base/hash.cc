#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/text.h"

namespace casemate {

std::string Sha256Hex(std::string_view bytes) {
  std::array<std::uint8_t, 32> digest{};
  unsigned int length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1 ||
      length != digest.size()) {
    std::abort();  // a record without its hash must never be written
  }
  return ToHex(digest);
}

std::string HmacSha256Hex(std::string_view key, std::string_view bytes) {
  std::array<std::uint8_t, 32> code{};
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), code.data(),
           &size) == nullptr) {
    std::abort();  // no memory: nothing may pass unauthenticated
  }
  return ToHex(code);
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string RandomHex(std::size_t byte_count) {
  std::vector<std::uint8_t> bytes(byte_count);
  std::size_t filled = 0;
  while (filled < byte_count) {
    const ssize_t got = getrandom(bytes.data() + filled, byte_count - filled, 0);
    if (got < 0 && errno != EINTR) {
      std::abort();  // guessable ids would be worse than no server
    }
    filled += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  return ToHex(bytes);
}

}  // namespace casemate
