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

using Sha256Digest = Sha256::Digest;

const std::uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

// Nettle's contexts are plain structs of integers.
sha256_ctx* Context(std::uint8_t* state) {
  return reinterpret_cast<sha256_ctx*>(state);
}

}  // namespace

Sha256::Sha256() : state_{} {
  static_assert(sizeof(sha256_ctx) <= kStateBytes && alignof(sha256_ctx) <= 16);
  sha256_init(Context(state_.data()));
}

void Sha256::Update(std::string_view bytes) {
  sha256_update(Context(state_.data()), bytes.size(), Bytes(bytes));
}

Sha256::Digest Sha256::Finish() {
  Digest digest{};
  sha256_digest(Context(state_.data()), digest.size(), digest.data());
  return digest;
}

std::string Sha256::FinishHex() {
  return ToHex(Finish());
}

std::string Sha256Hex(std::string_view bytes) {
  Sha256Digest digest{};
  sha256_ctx context{};
  sha256_init(&context);
  sha256_update(&context, bytes.size(), Bytes(bytes));
  sha256_digest(&context, digest.size(), digest.data());
  return ToHex(digest);
}

std::string HmacSha256Hex(std::string_view key, std::string_view bytes) {
  Sha256Digest code{};
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
