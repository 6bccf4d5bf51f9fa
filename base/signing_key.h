// The key with which an installation signs what it makes: Ed25519 (RFC 8032) by Nettle, kept as
// PEM (RFC 8410), which `openssl pkey` and `openssl pkeyutl` read. Values; reading and making are
// safe for concurrent processes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace casemate {

inline constexpr std::size_t kEd25519KeyBytes = 32;
inline constexpr std::size_t kEd25519SignatureBytes = 64;
using Ed25519Key = std::array<std::uint8_t, kEd25519KeyBytes>;

// The public half.
class VerifyingKey {
 public:
  // SubjectPublicKeyInfo in PEM, and nothing else. Errors: kInvalidArgument.
  static Result<VerifyingKey> Parse(std::string_view pem);
  // `directory`/signing_key.pub. Errors: kNotFound while nothing was ever signed there.
  static Result<VerifyingKey> Load(const std::string& directory);

  // False too for a signature that has not 64 bytes.
  [[nodiscard]] bool Verify(std::string_view bytes, std::string_view signature) const;
  // Lower-case hex of SHA-256 over the SubjectPublicKeyInfo (DER).
  [[nodiscard]] std::string key_id() const;
  [[nodiscard]] std::string Pem() const;

 private:
  friend class SigningKey;
  explicit VerifyingKey(const Ed25519Key& key) : key_(key) {}
  Ed25519Key key_;
};

// Both halves. Not copied, and wiped at its end.
class SigningKey {
 public:
  // PKCS#8 in PEM, and nothing else. Errors: kInvalidArgument; messages never quote the text.
  static Result<SigningKey> Parse(std::string_view pem);
  // `directory`/signing_key.pem, made if there is none: of processes that make it at once, one
  // does, and all get that one. Writes signing_key.pub beside it, for everybody to read. Errors:
  // kPermissionDenied for a key that is somebody else's or that others may read.
  static Result<SigningKey> LoadOrMake(const std::string& directory);

  SigningKey(const SigningKey&) = delete;
  SigningKey& operator=(const SigningKey&) = delete;
  SigningKey(SigningKey&& other) noexcept;
  SigningKey& operator=(SigningKey&& other) = delete;
  ~SigningKey();

  // 64 bytes.
  [[nodiscard]] std::string Sign(std::string_view bytes) const;
  [[nodiscard]] const VerifyingKey& verifying_key() const { return public_; }
  [[nodiscard]] std::string key_id() const { return public_.key_id(); }

 private:
  explicit SigningKey(const Ed25519Key& seed);
  Ed25519Key seed_;
  VerifyingKey public_;
};

}  // namespace casemate
