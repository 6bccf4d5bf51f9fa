// Credentials: where they come from, who gets them, and that nobody else does.
#include <cstdlib>

#include <catch2/catch.hpp>

#include "base/text.h"
#include "sandbox/container/registry/credentials.h"
#include "tests/unit/registry/model_registry.h"

namespace casemate::registry {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

using Answer = ModelRegistry::Answer;

TEST_CASE("Credentials by reference", "[registry]") {
  const casemate::testing::TempDir dir;
  setenv("CASEMATE_TEST_PAIR", "me:pass:word", 1);  // NOLINT(concurrency-mt-unsafe): no thread yet
  const auto env = Must(FindCredentials("env:CASEMATE_TEST_PAIR", "h"));
  unsetenv("CASEMATE_TEST_PAIR");  // NOLINT(concurrency-mt-unsafe)
  REQUIRE(env.credentials);
  CHECK(env.credentials->user == "me");
  CHECK(env.credentials->password == "pass:word");
  const auto file = Must(FindCredentials("file:" + dir.Write("pair", "me:x\n"), "h"));
  CHECK(file.credentials->password == "x");
  const std::string config = "docker-config:" + dir.Write("config.json", R"({
    "auths": {
      "https://index.docker.io/v1/": {"auth": "aHViOm9uZQ=="},
      "host:5000": {"username": "u", "password": "p"},
      "token.example.com": {"auth": "MDA6", "identitytoken": "idt"},
      "empty.example.com": {}
    },
    "credHelpers": {"gcr.io": "gcloud"}, "credsStore": "desktop"})");
  CHECK(Must(FindCredentials(config, "docker.io")).credentials->password == "one");
  CHECK(Must(FindCredentials(config, "host:5000")).credentials->user == "u");
  CHECK(Must(FindCredentials(config, "token.example.com")).credentials->identity_token == "idt");
  CHECK_FALSE(Must(FindCredentials(config, "host")).credentials);
  CHECK(Must(FindCredentials(config, "empty.example.com")).note.find("desktop") !=
        std::string::npos);
  CHECK(Must(FindCredentials(config, "gcr.io")).note.find("gcloud") != std::string::npos);
  for (const std::string& reference :
       {std::string("env:CASEMATE_NOT_SET"), std::string("env:"), "file:" + dir / "none",
        "file:" + dir.Write("bad", "no-colon"), "file:" + dir.Write("lines", "a:b\nc:d\n"),
        "docker-config:" + dir / "none", "docker-config:" + dir.Write("broken", "{"),
        std::string("user:my-password"), std::string("docker-configs"), std::string("ENV:X")}) {
    CAPTURE(reference);
    const auto found = FindCredentials(reference, "h");
    REQUIRE_FALSE(found);
    CHECK(Describe(found.error()).find("my-password") == std::string::npos);
    CHECK(Describe(found.error()).find("c:d") == std::string::npos);
  }
}

struct Guarded {
  casemate::testing::TempDir dir;
  Store from;
  TestImage image = MakeImage(*from, {10});
  RegistryOptions options = Quick();
  Guarded() { options.credentials = "file:" + dir.Write("pair", "user:secret-word"); }
  [[nodiscard]] Result<oci::Descriptor> Pull(const ModelRegistry& model) const {
    const Store to;
    return OpenAt(model.http.address(), options)->Pull("", {}, *to, {}, {});
  }
};

const std::string kBasic = "Basic " + EncodeBase64("user:secret-word");

TEST_CASE("A token is asked for with credentials, used, and renewed when it has run out",
          "[registry]") {
  Guarded guarded;
  std::atomic<int> tokens = 0;
  FakeRegistry service([&](const Request&) {
    return Say("200 OK", R"({"access_token":"tok)" + std::to_string(++tokens) + "\"}");
  });
  int used = 0;
  ModelRegistry model([&](const Request& request, ModelRegistry&) -> std::optional<Answer> {
    // Each token does for two requests.
    if (request.target == "/v2/" ||
        (request.Header("Authorization") == "Bearer tok" + std::to_string(tokens.load()) &&
         used++ < 2)) {
      return {};
    }
    used = 0;
    return Say("401 Unauthorized", "",
               "WWW-Authenticate: Bearer realm=\"http://" + service.address() +
                   "/t?x=1\",service=\"the registry\",scope=\"repository:other:push\"\r\n");
  });
  model.Take(guarded.image);
  CHECK(guarded.Pull(model));
  CHECK(tokens == 2);
  for (const Request& request : service.requests()) {
    CHECK(request.Header("Authorization") == kBasic);
    // Of this repository, and no more than is needed, whatever the registry asks for.
    CHECK(request.target == "/t?x=1&service=the%20registry&scope=repository%3Ateam%2Fshop%3Apull");
  }
  for (const Request& request : model.http.requests()) {
    CHECK(request.Header("Authorization") != kBasic);
  }
}

TEST_CASE("An identity token is exchanged", "[registry]") {
  Guarded guarded;
  FakeRegistry service([&](const Request& request) {
    return request.method == "POST" ? Say("200 OK", R"({"token":"t"})") : Say("400 No");
  });
  ModelRegistry model([&](const Request& request, ModelRegistry&) -> std::optional<Answer> {
    if (request.Header("Authorization") == "Bearer t") {
      return {};
    }
    return Say("401 Unauthorized", "",
               "WWW-Authenticate: Bearer realm=\"http://" + service.address() + "/t\"\r\n");
  });
  model.Take(guarded.image);
  guarded.options.credentials =
      "docker-config:" + guarded.dir.Write("config.json", R"({"auths":{")" + model.http.address() +
                                                              R"(":{"identitytoken":"i&d"}}})");
  CHECK(guarded.Pull(model));
  REQUIRE(service.requests().size() == 1);
  CHECK(service.requests()[0].body.find("refresh_token=i%26d") != std::string::npos);
}

TEST_CASE("Token services that must not be asked, and tokens that are none", "[registry]") {
  Guarded guarded;
  const auto refused = [&](const std::string& challenge, ErrorCode code) {
    ModelRegistry model([&](const Request& request, ModelRegistry&) -> std::optional<Answer> {
      if (request.target == "/v2/") {
        return {};
      }
      return Say("401 Unauthorized", "you sent " + request.Header("Authorization"),
                 "WWW-Authenticate: " + challenge + "\r\n");
    });
    CAPTURE(challenge);
    const auto pulled = guarded.Pull(model);
    REQUIRE_FALSE(pulled);
    CAPTURE(pulled.error().message);
    CHECK(pulled.error().code == code);
    CHECK(model.http.CountOf("GET", "/v2/team/") <= 4);
    const std::string words = Describe(pulled.error());
    CHECK(words.find("secret-word") == std::string::npos);
    CHECK(words.find(kBasic.substr(6)) == std::string::npos);
    CHECK(words.find("the-token") == std::string::npos);
  };
  refused("Bearer realm=\"http://192.0.2.1/t\"", ErrorCode::kPermissionDenied);
  refused("Bearer realm=\"http://127.0.0.1.example.com/t\"", ErrorCode::kPermissionDenied);
  refused("Bearer realm=\"http://user@127.0.0.1/t\"", ErrorCode::kUnavailable);
  refused("Bearer realm=\"file:///etc/passwd\"", ErrorCode::kUnavailable);
  refused("Bearer realm=\"\"", ErrorCode::kUnavailable);
  refused("Bearer", ErrorCode::kUnavailable);
  refused("Negotiate", ErrorCode::kPermissionDenied);
  refused("", ErrorCode::kPermissionDenied);
  refused("Basic realm=\"x\"",
          ErrorCode::kPermissionDenied);  // it refuses the password, and shows it
  const auto with = [&](const Answer& answer, ErrorCode code) {
    FakeRegistry service([&](const Request&) { return answer; });
    refused("Bearer realm=\"http://" + service.address() + "/t\"", code);
    for (const Request& request : service.requests()) {
      CHECK(request.target.starts_with("/t?"));
    }
  };
  with(Say("200 OK", R"({"token":"the-token"})"), ErrorCode::kPermissionDenied);
  with(Say("200 OK", R"({"token":"a\r\nX-Evil: 1"})"), ErrorCode::kUnavailable);
  with(Say("200 OK", R"({"token":""})"), ErrorCode::kUnavailable);
  with(Say("200 OK", R"({"token":1})"), ErrorCode::kUnavailable);
  with(Say("200 OK", "no"), ErrorCode::kUnavailable);
  with(Say("401 No", "secret-word"), ErrorCode::kPermissionDenied);
  with(Say("302 Found", "", "Location: /elsewhere\r\n"), ErrorCode::kUnavailable);
  with(Say("200 OK", std::string((1 << 20) + 1, ' ')), ErrorCode::kResourceExhausted);
}

TEST_CASE("Who has no credentials is told how to name some", "[registry]") {
  Guarded guarded;
  guarded.options = Quick();
  ModelRegistry model([&](const Request&, ModelRegistry&) -> std::optional<Answer> {
    return Say("401 Unauthorized", "", "WWW-Authenticate: Basic realm=\"x\"\r\n");
  });
  const auto pulled = guarded.Pull(model);
  REQUIRE_FALSE(pulled);
  CHECK(pulled.error().code == ErrorCode::kPermissionDenied);
  CHECK(pulled.error().remedy.find("env:NAME") != std::string::npos);
}

}  // namespace
}  // namespace casemate::registry
