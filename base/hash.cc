#include "base/hash.h"

#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/text.h"

namespace casemate {
namespace {

using Digest = std::array<std::uint8_t, SHA256_DIGEST_SIZE>;

const std::uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

}  // namespace

std::string Sha256Hex(std::string_view bytes) {
  Digest digest{};
  sha256_ctx context{};
  sha256_init(&context);
  sha256_update(&context, bytes.size(), Bytes(bytes));
  sha256_digest(&context, digest.size(), digest.data());
  return ToHex(digest);
}

std::string HmacSha256Hex(std::string_view key, std::string_view bytes) {
  Digest code{};
  hmac_sha256_ctx context{};
  hmac_sha256_set_key(&context, key.size(), Bytes(key));
  hmac_sha256_update(&context, bytes.size(), Bytes(bytes));
  hmac_sha256_digest(&context, code.size(), code.data());
  return ToHex(code);
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && memeql_sec(a.data(), b.data(), a.size()) != 0;
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
