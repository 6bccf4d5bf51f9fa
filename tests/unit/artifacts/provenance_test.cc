#include "tools/artifacts/provenance.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "sandbox/container/oci/descriptor.h"
#include "tests/unit/temp_dir.h"
#include "tools/artifacts/dsse.h"
#include "tools/artifacts/purl.h"

namespace casemate::artifacts {
namespace {

using nlohmann::json;

struct Keys {
  casemate::testing::TempDir ours_dir, theirs_dir;
  SigningKey ours = *SigningKey::LoadOrMake(ours_dir.path());
  SigningKey theirs = *SigningKey::LoadOrMake(theirs_dir.path());
};

ProvenanceFacts AllFacts() {
  return {.subjects = {{"shop:1.0", oci::DigestOf("image")}, {"shop", oci::DigestOf("other")}},
          .manifest_hash = oci::DigestOf("manifest"),
          .source_hash = oci::DigestOf("sources"),
          .base_name = "docker.io/library/debian:12",
          .base_digest = oci::DigestOf("base"),
          .builder_version = "0.1.0",
          .parameters = {{"platform", "linux/amd64"}, {"recipe", "node"}},
          .environment = {{"reproducible", "true"}},
          .invocation_id = "42",
          .started = "2026-11-22T10:00:00.000Z",
          .finished = "2026-11-22T10:01:00.000Z",
          .sbom_digest = oci::DigestOf("sbom")};
}

TEST_CASE("What is signed is encoded as DSSE says", "[artifacts]") {
  // The example of the specification.
  CHECK(PreAuthEncoding("http://example.com/HelloWorld", "hello world") ==
        "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  CHECK(PreAuthEncoding("", "") == "DSSEv1 0  0 ");
}

TEST_CASE_METHOD(Keys, "An envelope opens with the key that signed it, and no other",
                 "[artifacts]") {
  const std::string envelope = SignEnvelope(kInTotoType, R"({"a":1})", ours);
  CHECK(*OpenEnvelope(envelope, kInTotoType, ours.verifying_key()) == R"({"a":1})");
  CHECK(OpenEnvelope(envelope, kInTotoType, theirs.verifying_key()).error().code ==
        ErrorCode::kPermissionDenied);
  json root = json::parse(envelope);
  CHECK(root["signatures"][0]["keyid"] == ours.key_id());

  SECTION("a hint about the key neither makes nor breaks a signature") {
    root["signatures"][0]["keyid"] = theirs.key_id();
    CHECK(OpenEnvelope(root.dump(), kInTotoType, ours.verifying_key()));
    CHECK_FALSE(OpenEnvelope(root.dump(), kInTotoType, theirs.verifying_key()));
    root["signatures"][0].erase("keyid");
    CHECK(OpenEnvelope(root.dump(), kInTotoType, ours.verifying_key()));
  }
  SECTION("one of several signatures is enough") {
    json both = root;
    both["signatures"].insert(
        both["signatures"].begin(),
        json::parse(SignEnvelope(kInTotoType, "{}", theirs))["signatures"][0]);
    CHECK(OpenEnvelope(both.dump(), kInTotoType, ours.verifying_key()));
    CHECK_FALSE(OpenEnvelope(both.dump(), kInTotoType, theirs.verifying_key()));
  }
  SECTION("another payload or type is refused") {
    json other = root;
    other["payload"] = EncodeBase64(R"({"a":2})");
    CHECK(OpenEnvelope(other.dump(), kInTotoType, ours.verifying_key()).error().code ==
          ErrorCode::kPermissionDenied);
    const std::string typed = SignEnvelope("text/plain", R"({"a":1})", ours);
    CHECK_FALSE(OpenEnvelope(typed, kInTotoType, ours.verifying_key()));
    json relabelled = json::parse(typed);
    relabelled["payloadType"] = kInTotoType;
    CHECK(OpenEnvelope(relabelled.dump(), kInTotoType, ours.verifying_key()).error().code ==
          ErrorCode::kPermissionDenied);
  }
  SECTION("what is no envelope is refused") {
    std::vector<std::string> wrong = {"", "[]", "{}", "null", "{", std::string(100, '[')};
    for (const char* member : {"payload", "payloadType", "signatures"}) {
      json less = root;
      less.erase(member);
      wrong.push_back(less.dump());
      less[member] = 7;
      wrong.push_back(less.dump());
    }
    json more = root;
    more["signatures"] = json::array();
    wrong.push_back(more.dump());
    for (int i = 0; i < 17; ++i) {
      more["signatures"].push_back(root["signatures"][0]);
    }
    wrong.push_back(more.dump());
    more["signatures"] = {"text"};
    wrong.push_back(more.dump());
    more["signatures"] = {{{"sig", "no base64!"}}};
    wrong.push_back(more.dump());
    for (const std::string& text : wrong) {
      INFO(text);
      CHECK(OpenEnvelope(text, kInTotoType, ours.verifying_key()).error().code ==
            ErrorCode::kInvalidArgument);
      CHECK_FALSE(PayloadOf(text, kInTotoType));
    }
  }
}

TEST_CASE("A statement is an in-toto statement with SLSA's provenance", "[artifacts]") {
  auto text = ProvenanceStatement(AllFacts());
  REQUIRE(text);
  CHECK(*text == *ProvenanceStatement(AllFacts()));
  const json root = json::parse(*text);
  CHECK(root["_type"] == "https://in-toto.io/Statement/v1");
  CHECK(root["predicateType"] == "https://slsa.dev/provenance/v1");
  CHECK(root["subject"][0]["name"] == "shop:1.0");
  CHECK(root["subject"][0]["digest"]["sha256"] == oci::HexOf(oci::DigestOf("image")));
  const json& definition = root["predicate"]["buildDefinition"];
  CHECK(definition["buildType"] == "urn:casemate:package:1");
  CHECK(definition["externalParameters"] == json{{"platform", "linux/amd64"}, {"recipe", "node"}});
  CHECK(definition["resolvedDependencies"].size() == 3);
  CHECK(definition["resolvedDependencies"][2]["uri"] ==
        "pkg:oci/debian@" + oci::DigestOf("base") +
            "?repository_url=docker.io/library/debian&tag=12");
  const json& run = root["predicate"]["runDetails"];
  CHECK(run["builder"]["id"] == "urn:casemate:builder:1");
  CHECK(run["metadata"]["invocationId"] == "42");
  CHECK(run["byproducts"][0]["digest"]["sha256"] == oci::HexOf(oci::DigestOf("sbom")));

  auto read = ParseStatement(*text);
  REQUIRE(read);
  CHECK(*ProvenanceStatement(*read) == *text);  // nothing is lost
}

TEST_CASE("A statement with few facts is valid too; wrong ones are refused", "[artifacts]") {
  auto text = ProvenanceStatement({.subjects = {{"a", oci::DigestOf("a")}}});
  REQUIRE(text);
  const json root = json::parse(*text);
  CHECK(root["predicate"]["buildDefinition"]["externalParameters"] == json::object());
  CHECK(root["predicate"]["runDetails"]["metadata"] == json::object());
  CHECK(ParseStatement(*text));

  CHECK_FALSE(ProvenanceStatement({}));
  CHECK_FALSE(ProvenanceStatement({.subjects = {{"a", "sha256:12"}}}));
  CHECK_FALSE(
      ProvenanceStatement({.subjects = {{"a", oci::DigestOf("a")}}, .source_hash = "md5:1234"}));
  for (const char* wrong : {R"(_type)", R"(predicateType)", R"(subject)", R"(predicate)"}) {
    json other = root;
    other[wrong] = "other";
    CHECK_FALSE(ParseStatement(other.dump()));
    other.erase(wrong);
    CHECK_FALSE(ParseStatement(other.dump()));
  }
  json other = root;
  other["subject"][0]["digest"]["sha256"] = "1234";
  CHECK_FALSE(ParseStatement(other.dump()));
  other = root;
  other["predicate"]["buildDefinition"]["buildType"] = "urn:other";
  CHECK_FALSE(ParseStatement(other.dump()));
  CHECK_FALSE(ParseStatement("[]"));
  CHECK_FALSE(ParseStatement(std::string(100'000, '[')));
}

TEST_CASE("Package URLs are canonical", "[artifacts]") {
  CHECK(ToString({"npm", "@babel", "core", "7.1.0"}) == "pkg:npm/%40babel/core@7.1.0");
  CHECK(ToString({"golang", "github.com/acme", "x", "v1.2.3+incompatible"}) ==
        "pkg:golang/github.com/acme/x@v1.2.3%2Bincompatible");
  CHECK(ToString({"deb",
                  "debian",
                  "libc6",
                  "2:2.36-9+deb12u4",
                  {{"distro", "debian-12"}, {"arch", "amd64"}, {"empty", ""}}}) ==
        "pkg:deb/debian/libc6@2:2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12");
  CHECK(ToString({"npm", "", "a?b#c@d e/f", "1"}) == "pkg:npm/a%3Fb%23c%40d%20e%2Ff@1");
  CHECK(ImagePurl("localhost:5000/a/b:1", "sha256:12") ==
        "pkg:oci/b@sha256:12?repository_url=localhost:5000/a/b&tag=1");
  CHECK(ImagePurl("shop", "") == "pkg:oci/shop");
}

}  // namespace
}  // namespace casemate::artifacts
