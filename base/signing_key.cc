#include "base/signing_key.h"

#include <fcntl.h>
#include <nettle/eddsa.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace casemate {
namespace {

static_assert(kEd25519KeyBytes == ED25519_KEY_SIZE);
static_assert(kEd25519SignatureBytes == ED25519_SIGNATURE_SIZE);

// RFC 8410: what stands before the 32 bytes of a key, in DER.
constexpr std::string_view kPrivatePrefix(
    "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16);
constexpr std::string_view kPublicPrefix("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12);
constexpr std::string_view kPrivateLabel = "PRIVATE KEY";
constexpr std::string_view kPublicLabel = "PUBLIC KEY";
constexpr std::string_view kPrivateFile = "/signing_key.pem";
constexpr std::string_view kPublicFile = "/signing_key.pub";
constexpr std::size_t kMaxFileBytes = 16384;
constexpr std::size_t kRandomBytes = 8;
constexpr std::string_view kBlanks = " \t\r\n";
constexpr mode_t kPublicMode = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;

const std::uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

void Wipe(std::string& text) {
  explicit_bzero(text.data(), text.size());
  text.clear();
}

std::string Der(std::string_view prefix, const Ed25519Key& key) {
  std::string der(prefix);
  der.append(reinterpret_cast<const char*>(key.data()), key.size());
  return der;
}

std::string ToPem(std::string_view label, std::string_view prefix, const Ed25519Key& key) {
  std::string der = Der(prefix, key);
  std::string pem = "-----BEGIN " + std::string(label) + "-----\n" + EncodeBase64(der) +
                    "\n-----END " + std::string(label) + "-----\n";
  Wipe(der);
  return pem;
}

// The 32 bytes; nullopt for all that is not one such block and blanks around it.
std::optional<Ed25519Key> FromPem(std::string_view label, std::string_view prefix,
                                  std::string_view pem) {
  const std::string begin = "-----BEGIN " + std::string(label) + "-----";
  const std::string end = "-----END " + std::string(label) + "-----";
  pem.remove_prefix(std::min(pem.find_first_not_of(kBlanks), pem.size()));
  pem = pem.substr(0, pem.find_last_not_of(kBlanks) + 1);
  if (!pem.starts_with(begin) || !pem.ends_with(end) || pem.size() < begin.size() + end.size()) {
    return std::nullopt;
  }
  std::string body(pem.substr(begin.size(), pem.size() - begin.size() - end.size()));
  std::erase_if(body, [](char c) { return kBlanks.find(c) != std::string_view::npos; });
  auto der = DecodeBase64(body);
  Wipe(body);
  std::optional<Ed25519Key> key;
  if (der && der->size() == prefix.size() + kEd25519KeyBytes && der->starts_with(prefix)) {
    key.emplace();
    std::memcpy(key->data(), der->data() + prefix.size(), key->size());
  }
  if (der) {
    Wipe(*der);
  }
  return key;
}

Error CannotWrite(const std::string& path, int err) {
  Error error = ErrnoError("cannot write " + path, err);
  if (err == ENOSPC || err == EDQUOT) {
    error.code = ErrorCode::kResourceExhausted;
    error.remedy = "make room, or choose another state directory";
  }
  return error;
}

// A file beside the others, to be named once it is whole; unlinked at the end if it still is there.
class Draft {
 public:
  explicit Draft(const std::string& directory)
      : path_(directory + "/.signing_key-" + RandomHex(kRandomBytes)) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() { unlink(path_.c_str()); }

  [[nodiscard]] const char* path() const { return path_.c_str(); }
  // On disk when this returns.
  [[nodiscard]] Result<void> Fill(std::string_view text, mode_t mode) const {
    const UniqueFd file(
        open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!file.valid()) {
      return CannotWrite(path_, errno);
    }
    if (auto written = WriteAll(file.get(), text); !written) {
      return CannotWrite(path_, written.error().sys_errno);
    }
    // Not by open: that depends on the umask.
    if (fchmod(file.get(), mode) != 0 || fsync(file.get()) != 0) {
      return CannotWrite(path_, errno);
    }
    return {};
  }

 private:
  std::string path_;
};

Result<void> SyncDirectory(const std::string& directory) {
  const UniqueFd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || fsync(fd.get()) != 0) {
    return CannotWrite(directory, errno);
  }
  return {};
}

Result<void> Make(const std::string& directory) {
  Ed25519Key seed{};
  std::size_t filled = 0;
  while (filled < seed.size()) {
    const ssize_t got = getrandom(seed.data() + filled, seed.size() - filled, 0);
    if (got < 0 && errno != EINTR) {
      std::abort();  // a key that can be guessed would be worse than none
    }
    filled += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  std::string pem = ToPem(kPrivateLabel, kPrivatePrefix, seed);
  explicit_bzero(seed.data(), seed.size());
  const Draft draft(directory);
  auto written = draft.Fill(pem, S_IRUSR | S_IWUSR);
  Wipe(pem);
  if (!written) {
    return written;
  }
  // Unlike rename(2) this never replaces the key that another process has named meanwhile.
  const std::string path = directory + std::string(kPrivateFile);
  if (link(draft.path(), path.c_str()) != 0 && errno != EEXIST) {
    return CannotWrite(path, errno);
  }
  return SyncDirectory(directory);
}

// As a person can use it: a process that root started reaches the directory in a way of its own.
std::string Shown(const std::string& path) {
  return path.starts_with("/proc/self/fd/") ? "signing_key.pem in the state directory" : path;
}

Result<void> CheckPrivate(int fd, const std::string& path) {
  struct stat info{};
  if (fstat(fd, &info) != 0) {
    return ErrnoError("cannot examine " + path, errno);
  }
  if (!S_ISREG(info.st_mode)) {
    return Error{ErrorCode::kInvalidArgument, path + " is not a regular file", {}, {}, 0};
  }
  if (info.st_uid != geteuid()) {
    return Error{ErrorCode::kPermissionDenied,
                 "the key " + Shown(path) + " belongs to the user " + std::to_string(info.st_uid) +
                     ", expected " + std::to_string(geteuid()),
                 {},
                 "use it as that user, or choose another state directory",
                 0};
  }
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Error{ErrorCode::kPermissionDenied,
                 "others than its owner may use the key " + Shown(path),
                 {},
                 "if nobody can have read it: chmod 600 " + Shown(path) +
                     "; otherwise remove it: a new one is made, and what the old one signed is no "
                     "longer accepted",
                 0};
  }
  return {};
}

// What the private file holds. Errors: kNotFound.
Result<std::string> ReadPrivate(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd.valid()) {
    const int err = errno;
    Error error = ErrnoError("cannot open " + path, err);
    error.code = err == ENOENT ? ErrorCode::kNotFound : error.code;
    return error;
  }
  if (auto checked = CheckPrivate(fd.get(), path); !checked) {
    return checked.error();
  }
  std::string text(kMaxFileBytes, '\0');
  const ssize_t got = read(fd.get(), text.data(), text.size());
  if (got < 0) {
    return ErrnoError("cannot read " + path, errno);
  }
  text.resize(static_cast<std::size_t>(got));
  return text;
}

// The public half follows from the private one: whatever else stood there is replaced.
Result<void> WritePublic(const std::string& directory, const std::string& pem) {
  const std::string path = directory + std::string(kPublicFile);
  struct stat info{};
  const bool is_open =
      stat(path.c_str(), &info) == 0 && (info.st_mode & kPublicMode) == kPublicMode;
  if (auto there = ReadFile(path, kMaxFileBytes); is_open && there && *there == pem) {
    return {};
  }
  const Draft draft(directory);
  if (auto written = draft.Fill(pem, kPublicMode); !written) {
    return written;
  }
  if (rename(draft.path(), path.c_str()) != 0) {
    return CannotWrite(path, errno);
  }
  return SyncDirectory(directory);
}

}  // namespace

Result<VerifyingKey> VerifyingKey::Parse(std::string_view pem) {
  const auto key = FromPem(kPublicLabel, kPublicPrefix, pem);
  if (!key) {
    return InvalidArgument({}, "expected a public key of Ed25519 in PEM (PUBLIC KEY)");
  }
  return VerifyingKey(*key);
}

Result<VerifyingKey> VerifyingKey::Load(const std::string& directory) {
  const std::string path = directory + std::string(kPublicFile);
  auto pem = ReadFile(path, kMaxFileBytes);
  if (!pem) {
    Error error = pem.error();
    if (error.sys_errno == ENOENT) {
      error.code = ErrorCode::kNotFound;
      error.message = "this state directory has no key: nothing has been signed with it";
    }
    return error;
  }
  auto key = Parse(*pem);
  if (!key) {
    Error error = key.error();
    error.field = path;
    return error;
  }
  return key;
}

bool VerifyingKey::Verify(std::string_view bytes, std::string_view signature) const {
  return signature.size() == kEd25519SignatureBytes &&
         ed25519_sha512_verify(key_.data(), bytes.size(), Bytes(bytes), Bytes(signature)) == 1;
}

std::string VerifyingKey::key_id() const {
  return Sha256Hex(Der(kPublicPrefix, key_));
}

std::string VerifyingKey::Pem() const {
  return ToPem(kPublicLabel, kPublicPrefix, key_);
}

SigningKey::SigningKey(const Ed25519Key& seed) : seed_(seed), public_(Ed25519Key{}) {
  ed25519_sha512_public_key(public_.key_.data(), seed_.data());
}

SigningKey::SigningKey(SigningKey&& other) noexcept : seed_(other.seed_), public_(other.public_) {
  explicit_bzero(other.seed_.data(), other.seed_.size());
}

SigningKey::~SigningKey() {
  explicit_bzero(seed_.data(), seed_.size());
}

Result<SigningKey> SigningKey::Parse(std::string_view pem) {
  auto seed = FromPem(kPrivateLabel, kPrivatePrefix, pem);
  if (!seed) {
    return InvalidArgument({}, "expected a private key of Ed25519 in PEM (PRIVATE KEY)");
  }
  SigningKey key(*seed);
  explicit_bzero(seed->data(), seed->size());
  return key;
}

Result<SigningKey> SigningKey::LoadOrMake(const std::string& directory) {
  if (auto made = MakePrivateDirectories(directory); !made) {
    return made.error();
  }
  const std::string path = directory + std::string(kPrivateFile);
  auto text = ReadPrivate(path);
  if (!text && text.error().code == ErrorCode::kNotFound) {
    if (auto made = Make(directory); !made) {
      return made.error();
    }
    text = ReadPrivate(path);
  }
  if (!text) {
    return text.error();
  }
  auto key = Parse(*text);
  Wipe(*text);
  if (!key) {
    Error error = key.error();
    error.field = Shown(path);
    error.remedy =
        "put the key back from a backup; or remove it: a new one is made, and what the "
        "old one signed is no longer accepted";
    return error;
  }
  if (auto written = WritePublic(directory, key->verifying_key().Pem()); !written) {
    return written.error();
  }
  return key;
}

std::string SigningKey::Sign(std::string_view bytes) const {
  std::string signature(kEd25519SignatureBytes, '\0');
  ed25519_sha512_sign(public_.key_.data(), seed_.data(), bytes.size(), Bytes(bytes),
                      reinterpret_cast<std::uint8_t*>(signature.data()));
  return signature;
}

}  // namespace casemate
