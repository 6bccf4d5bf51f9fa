// A real registry: Debian's docker-registry, with and without passwords and TLS, and behind a
// connection that breaks.
#include <catch2/catch.hpp>

#include "tests/unit/registry/fake_registry.h"
#include "tests/unit/registry/image_fixture.h"
#include "tests/unit/registry/real_registry.h"

namespace casemate::registry {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

void RoundTrip(const std::string& address, const RegistryOptions& options) {
  const Store from;
  const TestImage image = MakeImage(*from, {300'000, 1, 0});
  const auto pushed =
      Must(OpenAt(address, options)->Push(image.manifest, {"1", "two"}, *from, {}, {}));
  CHECK(pushed.blobs_pushed == 4);
  CHECK(Must(OpenAt(address, options)->Push(image.manifest, {"1"}, *from, {}, {})).blobs_present ==
        4);
  for (const std::string& reference : {std::string("two"), image.manifest.digest}) {
    const Store to;
    int moved = 0;
    const auto pulled = Must(OpenAt(address, options)
                                 ->Pull(reference, {}, *to,
                                        [&](const Progress& progress) {
                                          moved += progress.kind == Progress::Kind::kDone ? 1 : 0;
                                        },
                                        {}));
    CHECK(pulled.digest == image.manifest.digest);
    CHECK(moved == 4);
    for (const std::string& digest : from->All()) {
      CHECK(to->Check(digest));
    }
  }
}

ErrorCode CodeOf(const std::string& address, const RegistryOptions& options) {
  auto opened = Registry::Open(Must(ParseImageName(address + "/team/shop:1")), options, {});
  if (!opened) {
    CAPTURE(opened.error().message);
    CHECK_FALSE(opened.error().remedy.empty());
    return opened.error().code;
  }
  const Store to;
  const auto pulled = (*opened)->Pull("", {}, *to, {}, {});
  REQUIRE_FALSE(pulled);
  return pulled.error().code;
}

TEST_CASE("docker-registry: pushed and pulled", "[registry][real]") {
  if (!HasRegistry()) {
    return;
  }
  RealRegistry registry({});
  CHECK(CodeOf(registry.address(), Quick()) == ErrorCode::kNotFound);
  RoundTrip(registry.address(), Quick());
}

TEST_CASE("docker-registry: in many chunks", "[registry][real]") {
  if (!HasRegistry()) {
    return;
  }
  RealRegistry registry({});
  RegistryOptions options = Quick();
  options.chunk_bytes = 100'000;
  RoundTrip(registry.address(), options);
}

TEST_CASE("docker-registry: with a password", "[registry][real]") {
  if (!HasRegistry()) {
    return;
  }
  RealRegistry registry({.user = "me", .password = "pass:word"});
  const casemate::testing::TempDir dir;
  RegistryOptions options = Quick();
  options.credentials = "file:" + dir.Write("right", "me:pass:word");
  RoundTrip(registry.address(), options);
  options.credentials = "file:" + dir.Write("wrong", "me:other");
  CHECK(CodeOf(registry.address(), options) == ErrorCode::kPermissionDenied);
  CHECK(CodeOf(registry.address(), Quick()) == ErrorCode::kPermissionDenied);
}

TEST_CASE("docker-registry: by TLS, which is always verified", "[registry][real]") {
  if (!HasRegistry()) {
    return;
  }
  const casemate::testing::TempDir dir;
  const Certificate certificate = MakeCertificate(dir, "server", "IP:127.0.0.1");
  const Certificate other = MakeCertificate(dir, "other", "IP:127.0.0.1");
  RealRegistry registry({.user = "me", .password = "x", .certificate = certificate});
  RegistryOptions options = Quick();
  options.ca_file = certificate.file;
  options.credentials = "file:" + dir.Write("pair", "me:x");
  RoundTrip(registry.address(), options);
  // The certificate is for the address, not for the name.
  CHECK(CodeOf("localhost:" + std::to_string(registry.port()), options) ==
        ErrorCode::kPermissionDenied);
  options.ca_file = other.file;
  CHECK(CodeOf(registry.address(), options) == ErrorCode::kPermissionDenied);
  options.ca_file = dir / "none.pem";
  CHECK(CodeOf(registry.address(), options) == ErrorCode::kInvalidArgument);
  options.ca_file = certificate.key;
  CHECK(CodeOf(registry.address(), options) == ErrorCode::kInvalidArgument);
  // By plain HTTP it is no registry, and nothing secret is said.
  options.ca_file = "";
  CHECK(CodeOf(registry.address(), options) == ErrorCode::kUnavailable);
  // And one that speaks no TLS is not spoken to.
  RealRegistry plain({});
  options.ca_file = certificate.file;
  CHECK(CodeOf(plain.address(), options) == ErrorCode::kUnavailable);
}

TEST_CASE("docker-registry: behind a connection that breaks", "[registry][real]") {
  if (!HasRegistry()) {
    return;
  }
  RealRegistry registry({});
  RegistryOptions options = Quick();
  options.chunk_bytes = 200'000;
  options.retry.attempts = 8;
  const Store from;
  const TestImage image = MakeImage(*from, {1'500'000});
  {
    const CuttingProxy proxy(registry.port(), 450'000, 3);
    const auto pushed =
        Must(OpenAt(proxy.address(), options)->Push(image.manifest, {"1"}, *from, {}, {}));
    CHECK(pushed.failures > 0);
    CHECK(proxy.connections() > 3);
  }
  const CuttingProxy proxy(registry.port(), 450'000, 3);
  const Store to;
  int again = 0;
  const auto pulled = Must(OpenAt(proxy.address(), options)
                               ->Pull("1", {}, *to,
                                      [&](const Progress& progress) {
                                        again += progress.kind == Progress::Kind::kAgain ? 1 : 0;
                                      },
                                      {}));
  CHECK(pulled.digest == image.manifest.digest);
  CHECK(to->Check(image.layers[0].digest));
  CHECK(again == 3);
}

}  // namespace
}  // namespace casemate::registry
