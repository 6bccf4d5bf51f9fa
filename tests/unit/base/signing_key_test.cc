#include "base/signing_key.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "tests/unit/temp_dir.h"

namespace casemate {
namespace {

using Catch::Contains;

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string HexOf(std::string_view bytes) {
  return ToHex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

std::string Pem(const std::string& label, const std::string& der) {
  return "-----BEGIN " + label + "-----\n" + EncodeBase64(der) + "\n-----END " + label + "-----\n";
}

std::string PrivatePem(const std::string& seed_hex) {
  return Pem("PRIVATE KEY", FromHex("302e020100300506032b657004220420" + seed_hex));
}

std::string PublicPem(const std::string& key_hex) {
  return Pem("PUBLIC KEY", FromHex("302a300506032b6570032100" + key_hex));
}

// Exit code of a shell command; its words are ours.
int Shell(const std::string& command) {
  const int status = std::system(command.c_str());  // NOLINT: a test, without threads
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct Vector {
  const char* seed;
  const char* key;
  const char* message;
  const char* signature;
};
// RFC 8032, 7.1, tests 1 to 3.
constexpr Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
     "b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
     "1d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984d"
     "c6594a7c15e9716ed28dc027beceea1ec40a"},
};

TEST_CASE("Ed25519 signs and verifies as RFC 8032 says", "[signing_key]") {
  for (const Vector& vector : kVectors) {
    INFO(vector.seed);
    auto key = SigningKey::Parse(PrivatePem(vector.seed));
    auto verifying = VerifyingKey::Parse(PublicPem(vector.key));
    REQUIRE(key);
    REQUIRE(verifying);
    const std::string message = FromHex(vector.message);
    const std::string signature = key->Sign(message);
    CHECK(HexOf(signature) == vector.signature);
    CHECK(key->verifying_key().Pem() == PublicPem(vector.key));
    CHECK(key->key_id() ==
          Sha256Hex(FromHex(std::string("302a300506032b6570032100") + vector.key)));
    CHECK(verifying->Verify(message, signature));
    CHECK_FALSE(verifying->Verify(message + "x", signature));
    CHECK_FALSE(verifying->Verify(message, signature.substr(1)));
    CHECK_FALSE(verifying->Verify(message, signature + "x"));
    for (const std::size_t at : {std::size_t{0}, std::size_t{40}, std::size_t{63}}) {
      std::string other = signature;
      other[at] = static_cast<char>(other[at] ^ 1);
      CHECK_FALSE(verifying->Verify(message, other));
    }
  }
}

TEST_CASE("A key is made once, for its owner only, with its public half beside it",
          "[signing_key]") {
  const testing::TempDir dir;
  CHECK(VerifyingKey::Load(dir.path()).error().code == ErrorCode::kNotFound);
  const mode_t old_mask = umask(0);
  auto key = SigningKey::LoadOrMake(dir / "state");
  umask(old_mask);
  REQUIRE(key);
  struct stat info{};
  REQUIRE(stat((dir / "state/signing_key.pem").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  REQUIRE(stat((dir / "state/signing_key.pub").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0644);
  CHECK(SigningKey::LoadOrMake(dir / "state")->key_id() == key->key_id());
  CHECK(VerifyingKey::Load(dir / "state")->key_id() == key->key_id());
  CHECK(ListNames(dir / "state") == std::vector<std::string>{"signing_key.pem", "signing_key.pub"});
  // Another installation has another.
  CHECK(SigningKey::LoadOrMake(dir / "other")->key_id() != key->key_id());

  SECTION("the public half follows from the private one") {
    std::filesystem::remove(dir / "state/signing_key.pub");
    REQUIRE(SigningKey::LoadOrMake(dir / "state"));
    CHECK(VerifyingKey::Load(dir / "state")->key_id() == key->key_id());
    (void)dir.Write("state/signing_key.pub", PublicPem(kVectors[0].key));
    REQUIRE(SigningKey::LoadOrMake(dir / "state"));
    CHECK(VerifyingKey::Load(dir / "state")->key_id() == key->key_id());
  }
}

TEST_CASE("A key that others may read or own, and what is none, is refused", "[signing_key]") {
  const testing::TempDir dir;
  const std::string path = dir / "signing_key.pem";
  REQUIRE(SigningKey::LoadOrMake(dir.path()));
  for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0610U}) {
    REQUIRE(chmod(path.c_str(), mode) == 0);
    auto refused = SigningKey::LoadOrMake(dir.path());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::kPermissionDenied);
    CHECK_THAT(refused.error().remedy, Contains("chmod 600 " + path));
  }
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  REQUIRE(SigningKey::LoadOrMake(dir.path()));
  if (geteuid() == 0) {
    REQUIRE(chown(path.c_str(), 1234, 0) == 0);
    CHECK(SigningKey::LoadOrMake(dir.path()).error().code == ErrorCode::kPermissionDenied);
    REQUIRE(chown(path.c_str(), 0, 0) == 0);
  } else {
    WARN("not root: a key of another owner is not tested");
  }
  // A link leads to what somebody else may have chosen.
  std::filesystem::rename(path, dir / "elsewhere.pem");
  std::filesystem::create_symlink(dir / "elsewhere.pem", path);
  CHECK_FALSE(SigningKey::LoadOrMake(dir.path()));
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  CHECK_FALSE(SigningKey::LoadOrMake(dir.path()));
}

TEST_CASE("Damaged and foreign keys are refused, without quoting them, and kept", "[signing_key]") {
  const testing::TempDir dir;
  const std::string path = dir / "signing_key.pem";
  REQUIRE(Shell("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out '" +
                (dir / "rsa.pem") + "' 2>/dev/null") == 0);
  REQUIRE(Shell("openssl genpkey -algorithm ED448 -out '" + (dir / "448.pem") + "'") == 0);
  const std::string good = PrivatePem(kVectors[0].seed);
  const std::string wrong[] = {"",
                               "no key",
                               good.substr(0, good.size() / 2),
                               good.substr(0, good.size() - 5),
                               good + good,
                               "text before\n" + good,
                               Pem("PRIVATE KEY", ""),
                               PrivatePem(std::string(kVectors[0].seed).substr(2)),
                               PrivatePem(std::string(kVectors[0].seed) + "00"),
                               PublicPem(kVectors[0].key),
                               *ReadFile(dir / "rsa.pem", 65536),
                               *ReadFile(dir / "448.pem", 65536),
                               std::string(100'000, 'A')};
  for (const std::string& text : wrong) {
    INFO(text.substr(0, 200));
    CHECK_FALSE(SigningKey::Parse(text));
    (void)dir.Write("signing_key.pem", text);
    REQUIRE(chmod(path.c_str(), 0600) == 0);
    auto refused = SigningKey::LoadOrMake(dir.path());
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().remedy, Contains("backup"));
    CHECK(Describe(refused.error()).find(EncodeBase64(FromHex(kVectors[0].seed)).substr(2, 20)) ==
          std::string::npos);
    CHECK(*ReadFile(path, 200'000) == text);
  }
  CHECK_FALSE(VerifyingKey::Parse(good));
  CHECK_FALSE(VerifyingKey::Parse(PublicPem(std::string(kVectors[0].key).substr(2))));
}

TEST_CASE("Processes that make the key at once get the same one", "[signing_key]") {
  constexpr int kProcesses = 8;
  for (int round = 0; round < 10; ++round) {
    const testing::TempDir dir;
    int gate[2];
    int results[2];
    REQUIRE(pipe(gate) == 0);
    REQUIRE(pipe(results) == 0);
    for (int i = 0; i < kProcesses; ++i) {
      const pid_t child = fork();
      REQUIRE(child >= 0);
      if (child == 0) {
        close(gate[1]);
        char byte = 0;
        (void)!read(gate[0], &byte, 1);  // until all are there
        auto key = SigningKey::LoadOrMake(dir.path());
        const std::string line = (key ? key->key_id() : std::string(64, '?'));
        (void)!write(results[1], line.data(), line.size());
        _exit(0);
      }
    }
    close(gate[0]);
    close(gate[1]);
    close(results[1]);
    std::set<std::string> ids;
    for (int i = 0; i < kProcesses; ++i) {
      std::string line(64, ' ');
      REQUIRE(read(results[0], line.data(), line.size()) == 64);
      ids.insert(line);
    }
    close(results[0]);
    while (wait(nullptr) > 0) {
    }
    CHECK(ids == std::set<std::string>{SigningKey::LoadOrMake(dir.path())->key_id()});
    CHECK(ListNames(dir.path()).size() == 2);  // nothing is left of those that came late
  }
}

TEST_CASE("openssl reads our keys and verifies our signatures, and we those of openssl",
          "[signing_key]") {
  const testing::TempDir dir;
  auto key = SigningKey::LoadOrMake(dir.path());
  REQUIRE(key);
  const std::string message = dir.Write("message", "of Casemate");
  (void)dir.Write("signature", key->Sign("of Casemate"));
  const std::string verify = "openssl pkeyutl -verify -rawin -in '" + message + "' -sigfile '" +
                             (dir / "signature") + "' -pubin -inkey '" + (dir / "signing_key.pub") +
                             "' >/dev/null 2>&1";
  CHECK(Shell(verify) == 0);
  (void)dir.Write("message", "of somebody");
  CHECK(Shell(verify) != 0);
  // Of both files it makes what we wrote.
  CHECK(Shell("openssl pkey -pubin -in '" + (dir / "signing_key.pub") + "' -pubout | cmp - '" +
              (dir / "signing_key.pub") + "'") == 0);
  CHECK(Shell("openssl pkey -in '" + (dir / "signing_key.pem") + "' -pubout | cmp - '" +
              (dir / "signing_key.pub") + "'") == 0);
  CHECK(Shell("openssl pkey -in '" + (dir / "signing_key.pem") + "' | cmp - '" +
              (dir / "signing_key.pem") + "'") == 0);

  const testing::TempDir theirs;
  REQUIRE(Shell("umask 077 && openssl genpkey -algorithm ED25519 -out '" +
                (theirs / "signing_key.pem") + "'") == 0);
  auto their_key = SigningKey::LoadOrMake(theirs.path());
  REQUIRE(their_key);
  REQUIRE(Shell("openssl pkeyutl -sign -rawin -in '" + message + "' -inkey '" +
                (theirs / "signing_key.pem") + "' -out '" + (theirs / "signature") + "'") == 0);
  CHECK(their_key->verifying_key().Verify("of somebody", *ReadFile(theirs / "signature", 100)));
  CHECK_FALSE(key->verifying_key().Verify("of somebody", *ReadFile(theirs / "signature", 100)));
}

}  // namespace
}  // namespace casemate
