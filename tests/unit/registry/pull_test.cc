// Pulling from registries that break off, send something else, or never end.
#include <latch>
#include <thread>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "tests/unit/registry/model_registry.h"

namespace casemate::registry {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

using Answer = ModelRegistry::Answer;

struct Made {
  Store from;
  TestImage image = MakeImage(*from, {300'000, 10});
  Store to;

  Result<oci::Descriptor> Pull(const ModelRegistry& model, const RegistryOptions& options = Quick(),
                               const std::stop_token& stop = {}) const {
    return OpenAt(model.http.address(), options)->Pull("", {}, *to, {}, stop);
  }
};

bool IsLayer(const Request& request, const Made& made) {
  return request.method == "GET" && request.target.ends_with(made.image.layers[0].digest);
}

TEST_CASE("An image is pulled, and what is there already is not fetched", "[registry]") {
  Made made;
  ModelRegistry model;
  model.Take(made.image);
  CHECK(Must(made.Pull(model)).digest == made.image.manifest.digest);
  for (const auto& blob : made.image.layers) {
    CHECK(made.to->Check(blob.digest));
  }
  CHECK(made.to->Check(made.image.config.digest));
  CHECK(made.to->Check(made.image.manifest.digest));
  const int blobs = model.http.CountOf("GET", "/v2/team/shop/blobs/");
  CHECK(blobs == 3);
  Must(made.Pull(model));
  CHECK(model.http.CountOf("GET", "/v2/team/shop/blobs/") == blobs);
  // What was damaged since is fetched again.
  static_cast<void>(
      made.to.dir.Write("blobs/sha256/" + made.image.layers[1].digest.substr(7), "0123456789"));
  Must(made.Pull(model));
  CHECK(made.to->Check(made.image.layers[1].digest));
}

// The layer's first answer is `first`; those after it are right.
Result<oci::Descriptor> PullWith(const Made& made, const std::function<Answer()>& first,
                                 std::string* range = nullptr) {
  int asked = 0;
  ModelRegistry model([&](const Request& request, ModelRegistry&) -> std::optional<Answer> {
    if (!IsLayer(request, made)) {
      return {};
    }
    if (asked++ == 0) {
      return first();
    }
    if (range != nullptr) {
      *range = request.Header("Range");
    }
    return {};
  });
  model.Take(made.image);
  return made.Pull(model);
}

Answer Half(const Made& made) {
  return {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" +
                   made.image.layer_bodies[0].substr(0, 100'000),
          .keep = false};
}

TEST_CASE("What breaks off goes on from where it was", "[registry]") {
  Made made;
  std::string range;
  CHECK(PullWith(made, [&] { return Half(made); }, &range));
  CHECK(range == "bytes=100000-");
  for (const char* const status : {"503 No", "429 No", "500 No", "408 No"}) {
    Made other;
    CHECK(PullWith(other, [&] { return Say(status); }));
  }
}

TEST_CASE("A registry that takes no notice of ranges is bearable", "[registry]") {
  Made made;
  int asked = 0;
  ModelRegistry model([&](const Request& request, ModelRegistry&) -> std::optional<Answer> {
    if (!IsLayer(request, made)) {
      return {};
    }
    return asked++ == 0 ? Half(made) : Say("200 OK", made.image.layer_bodies[0]);
  });
  model.Take(made.image);
  CHECK(made.Pull(model));
  CHECK(asked == 2);
}

TEST_CASE("What is not as its digest says does not get into the store", "[registry]") {
  const auto endless = [](const std::string& head) {
    return Answer{.bytes = head, .keep = false, .after = [](std::string& more) {
                    more.assign(65536, 'x');
                    return true;
                  }};
  };
  Made made;
  const std::function<Answer()> rows[] = {
      [&] { return Say("200 OK", std::string(300'000, 'x')); },
      [&] { return Say("200 OK", std::string(300'001, 'x')); },
      [&] { return endless("HTTP/1.1 200 OK\r\n\r\n"); },
      [&] { return endless("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"); },
      [&] { return Say("206 Partial Content", "abc", "Content-Range: bytes 5-7/300000\r\n"); },
      [&] { return Say("416 No"); },
  };
  for (const auto& row : rows) {
    const auto pulled = PullWith(made, row);
    REQUIRE_FALSE(pulled);
    CAPTURE(pulled.error().message);
    CHECK(pulled.error().code == ErrorCode::kDataLoss);
    CHECK(made.to->SizeOf(made.image.layers[0].digest) == -1);
  }
  // A part from elsewhere after one that broke off.
  int asked = 0;
  ModelRegistry model([&](const Request& request, ModelRegistry&) -> std::optional<Answer> {
    if (!IsLayer(request, made)) {
      return {};
    }
    return asked++ == 0 ? Half(made)
                        : Say("206 Partial Content", made.image.layer_bodies[0].substr(100'000),
                              "Content-Range: bytes 100001-300000/300001\r\n");
  });
  model.Take(made.image);
  const auto pulled = made.Pull(model);
  REQUIRE_FALSE(pulled);
  CHECK(pulled.error().code == ErrorCode::kDataLoss);
}

TEST_CASE("Trouble that stays ends a pull after so many attempts", "[registry]") {
  for (const Answer& answer :
       {Say("503 No"), Answer{.bytes = "", .keep = false},
        Answer{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n", .keep = false}}) {
    Made made;
    ModelRegistry model([&](const Request& request, ModelRegistry&) {
      return IsLayer(request, made) ? std::optional(answer) : std::nullopt;
    });
    model.Take(made.image);
    const auto pulled = made.Pull(model);
    REQUIRE_FALSE(pulled);
    CHECK(pulled.error().code == ErrorCode::kUnavailable);
    CHECK(model.http.CountOf("GET", "/v2/team/shop/blobs/" + made.image.layers[0].digest) <= 8);
  }
}

TEST_CASE("Manifests that are not what was asked for", "[registry]") {
  struct Row {
    std::string body;
    std::string type;
    std::string reference;
    ErrorCode code;
  };
  const std::string digest = oci::DigestOf("x");
  const std::string config =
      R"("config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" + digest +
      R"(","size":1})";
  const std::string manifest(oci::kManifestType);
  const Row rows[] = {
      {"{}", manifest, digest, ErrorCode::kDataLoss},
      {"no json", manifest, "1", ErrorCode::kDataLoss},
      {"[]", manifest, "1", ErrorCode::kDataLoss},
      {"{}", "text/html", "1", ErrorCode::kDataLoss},
      {"{}", manifest, "1", ErrorCode::kDataLoss},
      {R"({"schemaVersion":1})", "application/vnd.docker.distribution.manifest.v1+json", "1",
       ErrorCode::kDataLoss},
      {"{" + config + R"(,"layers":[],"manifests":[]})", manifest, "1", ErrorCode::kDataLoss},
      {R"({"mediaType":"application/vnd.oci.image.index.v1+json",)" + config + R"(,"layers":[]})",
       manifest, "1", ErrorCode::kDataLoss},
      {"{" + config + R"(,"layers":[{"digest":"sha256:../../x","size":1}]})", manifest, "1",
       ErrorCode::kDataLoss},
      {"{" + config + R"(,"layers":[{"digest":")" + digest + R"(","size":-1}]})", manifest, "1",
       ErrorCode::kDataLoss},
      {"{" + config + R"(,"layers":[{"digest":")" + digest + R"(","size":9000000000000000000},)" +
           R"({"digest":")" + digest + R"(","size":9000000000000000000}]})",
       manifest, "1", ErrorCode::kResourceExhausted},
      {R"({"config":{"mediaType":"x/y","digest":")" + digest + R"(","size":1},"layers":[]})",
       manifest, "1", ErrorCode::kNotFound},
      {std::string((4 << 20) + 1, ' '), manifest, "1", ErrorCode::kResourceExhausted},
      {"{}", manifest, "none", ErrorCode::kNotFound},
      {"{}", manifest, "../x", ErrorCode::kInvalidArgument},
  };
  for (const Row& row : rows) {
    CAPTURE(row.body.substr(0, 200), row.type, row.reference);
    ModelRegistry model;
    model.type = row.type;
    model.manifests["1"] = model.manifests[digest] = row.body;
    const Store to;
    const auto pulled = OpenAt(model.http.address(), Quick())->Pull(row.reference, {}, *to, {}, {});
    REQUIRE_FALSE(pulled);
    CAPTURE(pulled.error().message);
    CHECK(pulled.error().code == row.code);
  }
}

TEST_CASE("Of an index the image for a platform is taken", "[registry]") {
  const Store from;
  const TestImage amd = MakeImage(*from, {10});
  const TestImage arm = MakeImage(*from, {20}, "arm64");
  const auto entry = [](const TestImage& image, const char* os, const char* architecture,
                        const char* variant) {
    auto made = oci::ToJson(image.manifest);
    made["platform"] = {{"os", os}, {"architecture", architecture}, {"variant", variant}};
    return made;
  };
  ModelRegistry model;
  model.Take(amd);
  model.Take(arm);
  const std::string body =
      DumpJson({{"mediaType", oci::kIndexType},
                {"manifests",
                 {entry(amd, "unknown", "unknown", ""), entry(amd, "linux", "amd64", ""),
                  entry(arm, "linux", "arm64", "v8"), entry(arm, "linux", "riscv64", "")}}});
  model.manifests["all"] = body;
  model.type = "";
  const auto pull = [&](const Platform& platform, const Store& to) {
    return OpenAt(model.http.address(), Quick())->Pull("all", platform, *to, {}, {});
  };
  const Store to;
  CHECK(Must(pull({"linux", "amd64", ""}, to)).digest == amd.manifest.digest);
  CHECK(to->Check(oci::DigestOf(body)));
  CHECK(to->SizeOf(arm.layers[0].digest) == -1);
  CHECK(Must(pull({"linux", "arm64", ""}, to)).digest == arm.manifest.digest);
  CHECK(Must(pull({"linux", "arm64", "v8"}, to)).digest == arm.manifest.digest);
  const auto none = pull({"linux", "s390x", ""}, to);
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::kNotFound);
  CHECK(none.error().message.find("linux/arm64/v8") != std::string::npos);
  // The index says so, but the image is another.
  const auto wrong = pull({"linux", "riscv64", ""}, to);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == ErrorCode::kNotFound);
}

TEST_CASE("A call that is taken back ends at once; a registry that hangs ends in time",
          "[registry]") {
  Made made;
  std::latch asked(1);
  std::atomic<bool> told = false;
  ModelRegistry model([&](const Request& request, ModelRegistry&) -> std::optional<Answer> {
    if (!IsLayer(request, made)) {
      return {};
    }
    if (!told.exchange(true)) {
      asked.count_down();
    }
    return Answer{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\nabc"};
  });
  model.Take(made.image);
  std::stop_source stop;
  Result<oci::Descriptor> pulled = Error{};
  const std::int64_t began = MonotonicNs();
  {
    std::jthread thread([&] { pulled = made.Pull(model, Quick(), stop.get_token()); });
    asked.wait();
    stop.request_stop();
  }
  REQUIRE_FALSE(pulled);
  CHECK(pulled.error().code == ErrorCode::kCancelled);
  CHECK((MonotonicNs() - began) / 1'000'000 < 10'000);
  RegistryOptions impatient = Quick();
  impatient.idle_ms = 50;
  impatient.retry.attempts = 2;
  const auto hung = made.Pull(model, impatient);
  REQUIRE_FALSE(hung);
  CHECK(hung.error().code == ErrorCode::kUnavailable);
}

TEST_CASE("Redirects are followed so far, where it is safe, and without credentials",
          "[registry]") {
  const casemate::testing::TempDir dir;
  RegistryOptions options = Quick();
  options.credentials = "file:" + dir.Write("pair", "user:secret-word");
  Made made;
  FakeRegistry storage([&](const Request& request) {
    // The signature in the query is as it was, and nothing is said of who we are.
    return request.target == "/blob?sig=a%2Bb%2Fc%3D" && request.Header("Authorization").empty()
               ? Say("200 OK", made.image.layer_bodies[0])
               : Say("403 Forbidden");
  });
  std::string location;
  ModelRegistry model([&](const Request& request, ModelRegistry&) -> std::optional<Answer> {
    if (request.target != "/v2/" && request.Header("Authorization").empty()) {
      return Say("401 Unauthorized", "", "www-authenticate: Basic realm=x\r\n");
    }
    if (IsLayer(request, made) || request.target.starts_with("/loop")) {
      return Say("307 Temporary Redirect", "", "location: " + location + "\r\n");
    }
    return {};
  });
  model.Take(made.image);
  location = "http://" + storage.address() + "/blob?sig=a%2Bb%2Fc%3D";
  CHECK(made.Pull(model, options));
  for (const std::string bad : {"/loop", "http://192.0.2.1/x", "http://localhost.example.com/x"}) {
    Made other;
    location = bad;
    const auto pulled = other.Pull(model, options);
    REQUIRE_FALSE(pulled);
    CAPTURE(pulled.error().message);
    CHECK(pulled.error().code == ErrorCode::kPermissionDenied);
  }
  CHECK(model.http.CountOf("GET", "/loop") == 5);
  // Back from elsewhere, on a way that was another's choice.
  FakeRegistry back([&](const Request&) {
    return Say("307 Temporary Redirect", "",
               "Location: http://" + model.http.address() + "/v2/other/secret\r\n");
  });
  location = "http://" + back.address() + "/";
  Made other;
  const auto pulled = other.Pull(model, options);
  REQUIRE_FALSE(pulled);
  CHECK(pulled.error().code == ErrorCode::kPermissionDenied);
  for (const Request& request : model.http.requests()) {
    CHECK((request.target != "/v2/other/secret" || request.Header("Authorization").empty()));
  }
}

TEST_CASE("Who is no registry is found out when it is opened", "[registry]") {
  FakeRegistry web([](const Request&) { return Say("404 Not Found", "<html>\x1b[31m no"); });
  const auto name = Must(ParseImageName(web.address() + "/a"));
  const auto opened = Registry::Open(name, Quick(), {});
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ErrorCode::kUnavailable);
  CHECK(opened.error().message.find('\x1b') == std::string::npos);
  const auto odd = Registry::Open({"127.0.0.1:1", "a HTTP/1.1\r\nX: y", "", ""}, Quick(), {});
  REQUIRE_FALSE(odd);
  CHECK(odd.error().code == ErrorCode::kInvalidArgument);
  const auto nobody = Registry::Open(Must(ParseImageName("127.0.0.1:1/a")), Quick(), {});
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().code == ErrorCode::kUnavailable);
  CHECK_FALSE(nobody.error().remedy.empty());
}

}  // namespace
}  // namespace casemate::registry
