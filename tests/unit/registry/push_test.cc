// Pushing to registries that break off, forget and lie.
#include <catch2/catch.hpp>

#include "tests/unit/registry/model_registry.h"

namespace casemate::registry {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr std::size_t kChunk = 64 << 10;

RegistryOptions Chunky() {
  RegistryOptions options = Quick();
  options.chunk_bytes = kChunk;
  return options;
}

struct Pushed {
  Store store;
  TestImage image = MakeImage(*store, {5 * kChunk / 2});
  Result<PushResult> To(const ModelRegistry& model, const std::vector<std::string>& tags = {"1"}) {
    return OpenAt(model.http.address(), Chunky())->Push(image.manifest, tags, *store, {}, {});
  }
};

TEST_CASE("An image is pushed in chunks, under its digest and tags, and asked for again",
          "[registry]") {
  ModelRegistry model;
  Pushed pushed;
  const auto result = Must(pushed.To(model, {"1", "latest"}));
  CHECK(result.manifest.digest == pushed.image.manifest.digest);
  CHECK(result.blobs_pushed == 2);
  CHECK(result.failures == 0);
  CHECK(model.blobs[pushed.image.layers[0].digest] == pushed.image.layer_bodies[0]);
  CHECK(model.manifests["latest"] == pushed.image.manifest_body);
  CHECK(model.manifests[pushed.image.manifest.digest] == pushed.image.manifest_body);
  CHECK(model.http.CountOf("PATCH") == 4);  // one of the config, three of the layer
  CHECK(model.http.CountOf("GET", "/v2/team/shop/manifests/") == 3);
  const auto again = Must(pushed.To(model, {"2"}));
  CHECK(again.blobs_pushed == 0);
  CHECK(again.blobs_present == 2);
  CHECK(model.http.CountOf("PATCH") == 4);
  for (const Request& request : model.http.requests()) {
    CHECK(request.Header("Host") == model.http.address());
  }
}

TEST_CASE("An index is pushed after its images", "[registry]") {
  ModelRegistry model;
  const Store store;
  const TestImage one = MakeImage(*store, {10});
  const TestImage two = MakeImage(*store, {20}, "arm64");
  const auto index = Must(store->Put(
      oci::kIndexType,
      DumpJson({{"schemaVersion", 2},
                {"mediaType", oci::kIndexType},
                {"manifests", {oci::ToJson(one.manifest), oci::ToJson(two.manifest)}}})));
  Must(OpenAt(model.http.address(), Quick())->Push(index, {"1"}, *store, {}, {}));
  CHECK(model.blobs.contains(two.layers[0].digest));
  CHECK(model.manifests.contains(one.manifest.digest));
  CHECK(oci::DigestOf(model.manifests["1"]) == index.digest);
}

// What happens at the second chunk of the layer, once; the push must succeed.
int PatchesWith(const std::function<std::optional<ModelRegistry::Answer>(
                    const Request& request, ModelRegistry& model)>& trouble) {
  bool is_done = false;
  ModelRegistry model(
      [&](const Request& request, ModelRegistry& self) -> std::optional<ModelRegistry::Answer> {
        if (is_done || request.method != "PATCH" ||
            !request.Header("Content-Range").starts_with(std::to_string(kChunk) + "-")) {
          return {};
        }
        is_done = true;
        return trouble(request, self);
      });
  Pushed pushed;
  const auto result = Must(pushed.To(model));
  CHECK(is_done);
  CHECK(result.failures == 1);
  CHECK(model.blobs[pushed.image.layers[0].digest] == pushed.image.layer_bodies[0]);
  return model.http.CountOf("PATCH");
}

TEST_CASE("An upload that breaks off goes on from what the registry has", "[registry]") {
  // The connection breaks when half of the chunk is there.
  CHECK(PatchesWith([](const Request& request, ModelRegistry& model) {
          *model.upload += request.body.substr(0, kChunk / 2);
          return FakeRegistry::Answer{.bytes = "", .keep = false};
        }) == 4);
  // It has all of the chunk, but the answer is lost.
  CHECK(PatchesWith([](const Request& request, ModelRegistry& model) {
          static_cast<void>(model.Obey(request));
          return FakeRegistry::Answer{.bytes = "HTTP/1.1 20", .keep = false};
        }) == 4);
  CHECK(PatchesWith([](const Request&, ModelRegistry&) {
          return Say("503 Service Unavailable", "later");
        }) == 5);
  CHECK(PatchesWith([](const Request&, ModelRegistry&) {
          return Say("429 Too Many Requests", "", "Retry-After: 0\r\n");
        }) == 5);
  CHECK(PatchesWith([](const Request&, ModelRegistry& model) {
          return Say("416 Requested Range Not Satisfiable", "",
                     ModelRegistry::RangeOf(*model.upload));
        }) == 5);
  // It took a part before it was in trouble.
  CHECK(PatchesWith([](const Request& request, ModelRegistry& model) {
          *model.upload += request.body.substr(0, 100);
          return Say("503 No", "");
        }) == 5);
  // It has forgotten all: from the beginning.
  CHECK(PatchesWith([](const Request&, ModelRegistry& model) {
          model.upload.reset();
          return FakeRegistry::Answer{.bytes = "", .keep = false};
        }) == 6);
  // It says that it has what it was never sent.
  CHECK(PatchesWith([](const Request&, ModelRegistry&) {
          return Say("202 Accepted", "", "Range: 0-99999999\r\n");
        }) == 6);
  CHECK(PatchesWith([](const Request&, ModelRegistry&) {
          return Say("202 Accepted", "", "Range: 7-3\r\n");
        }) == 6);
}

TEST_CASE("Trouble that stays is an error after so many attempts", "[registry]") {
  struct Row {
    std::string method;
    FakeRegistry::Answer answer;
    ErrorCode code;
    int most;  // requests of that method
  };
  const Row rows[] = {
      {"PATCH", Say("500 Oops", "x"), ErrorCode::kUnavailable, 4},
      {"PATCH", {.bytes = "", .keep = false}, ErrorCode::kUnavailable, 4},
      {"PATCH", Say("202 Accepted", "", "Range: 0-0\r\n"), ErrorCode::kUnavailable, 4},
      {"PATCH", Say("416 No", ""), ErrorCode::kUnavailable, 4},
      {"PATCH", Say("403 Forbidden", R"({"errors":[{"code":"DENIED","message":"a\u0007b"}]})"),
       ErrorCode::kPermissionDenied, 1},
      {"PATCH", Say("413 Large"), ErrorCode::kResourceExhausted, 1},
      {"PATCH", Say("429 Slow", "", "Retry-After: 4000\r\n"), ErrorCode::kResourceExhausted, 1},
      {"POST", Say("202 Accepted", ""), ErrorCode::kUnavailable, 1},
      {"POST", Say("202 Accepted", "", "Location: ftp://x/y\r\n"), ErrorCode::kUnavailable, 1},
      {"POST", Say("202 Accepted", "", "Location: http://192.0.2.1/y\r\n"),
       ErrorCode::kPermissionDenied, 1},
      {"POST", Say("404 Not Found"), ErrorCode::kNotFound, 1},
      {"PUT", Say("400 No", R"({"errors":[{"code":"DIGEST_INVALID","message":"m"}]})"),
       ErrorCode::kUnavailable, 4},
  };
  for (const Row& row : rows) {
    CAPTURE(row.method, row.answer.bytes);
    ModelRegistry model(
        [&](const Request& request, ModelRegistry&) -> std::optional<ModelRegistry::Answer> {
          return request.method == row.method ? std::optional(row.answer) : std::nullopt;
        });
    Pushed pushed;
    const auto result = pushed.To(model);
    REQUIRE_FALSE(result);
    CAPTURE(result.error().message);
    CHECK(result.error().code == row.code);
    CHECK(model.http.CountOf(row.method) <= row.most);
    CHECK(result.error().message.find('\a') == std::string::npos);
    CHECK(model.manifests.empty());
  }
}

TEST_CASE("The end of an upload whose answer is lost is looked for", "[registry]") {
  int lost = 0;
  ModelRegistry model(
      [&](const Request& request, ModelRegistry& self) -> std::optional<ModelRegistry::Answer> {
        if (request.method == "PUT" && request.target.find("uploads") != std::string::npos &&
            lost++ == 0) {
          static_cast<void>(self.Obey(request));
          return FakeRegistry::Answer{.bytes = "", .keep = false};
        }
        return {};
      });
  Pushed pushed;
  CHECK(Must(pushed.To(model)).failures == 1);
}

TEST_CASE("A registry that does not have what it took is found out", "[registry]") {
  const auto pushing = [](const ModelRegistry::Trouble& trouble) {
    ModelRegistry model(trouble);
    Pushed pushed;
    const auto result = pushed.To(model);
    REQUIRE_FALSE(result);
    CAPTURE(result.error().message);
    CHECK(result.error().code == ErrorCode::kDataLoss);
  };
  pushing([](const Request& request, ModelRegistry& model) -> std::optional<ModelRegistry::Answer> {
    if (request.method == "GET" && request.target.ends_with("/manifests/1")) {
      return Say("200 OK", model.manifests["1"] + " ");
    }
    return {};
  });
  pushing([](const Request& request, ModelRegistry& model) -> std::optional<ModelRegistry::Answer> {
    if (request.method == "PUT" && request.target.ends_with("/manifests/1")) {
      model.blobs.clear();
    }
    return {};
  });
  pushing([](const Request& request, ModelRegistry&) -> std::optional<ModelRegistry::Answer> {
    if (request.method == "HEAD") {
      return FakeRegistry::Answer{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"};
    }
    return {};
  });
  pushing([](const Request& request, ModelRegistry&) -> std::optional<ModelRegistry::Answer> {
    if (request.method == "PUT" && request.target.ends_with("/manifests/1")) {
      return Say("201 Created", "", "Docker-Content-Digest: " + oci::DigestOf("x") + "\r\n");
    }
    return {};
  });
}

TEST_CASE("What the store does not have, or not whole, is not pushed", "[registry]") {
  ModelRegistry model;
  Pushed pushed;
  const std::string layer = pushed.image.layers[0].digest;
  REQUIRE(pushed.store->Remove(layer));
  const auto missing = pushed.To(model);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::kNotFound);
  static_cast<void>(pushed.store.dir.Write("blobs/sha256/" + layer.substr(7),
                                           std::string(pushed.image.layer_bodies[0].size(), 'x')));
  const auto damaged = pushed.To(model);
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().code == ErrorCode::kDataLoss);
  CHECK(model.manifests.empty());
  CHECK(pushed.To(model, {"../x"}).error().code == ErrorCode::kInvalidArgument);
}

TEST_CASE("An upload goes where the registry says, but credentials stay at home", "[registry]") {
  const casemate::testing::TempDir dir;
  ModelRegistry* home_of_blobs = nullptr;
  FakeRegistry foreign([&](const Request& request) { return home_of_blobs->Obey(request); });
  ModelRegistry model(
      [&](const Request& request, ModelRegistry& self) -> std::optional<ModelRegistry::Answer> {
        if (request.Header("Authorization") != "Basic dTpwdw==") {  // u:pw
          return Say("401 Unauthorized", "", "WWW-Authenticate: Basic realm=\"x\"\r\n");
        }
        if (request.method == "POST") {
          self.location =
              "http://" + foreign.address() + self.location.substr(self.location.find("/v2/"));
        }
        return {};
      });
  home_of_blobs = &model;
  const Store store;
  const TestImage image = MakeImage(*store, {10});
  RegistryOptions options = Chunky();
  options.credentials = "file:" + dir.Write("pair", "u:pw\n");
  Must(OpenAt(model.http.address(), options)->Push(image.manifest, {"1"}, *store, {}, {}));
  CHECK(foreign.CountOf("PATCH") == 2);
  CHECK(foreign.CountOf("PUT") == 2);
  for (const Request& request : foreign.requests()) {
    CHECK(request.Header("Authorization").empty());
  }
}

}  // namespace
}  // namespace casemate::registry
