// An image in a store, with what is recorded of it. Test-only.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tests/unit/temp_dir.h"
#include "tools/artifacts/artifact_store.h"
#include "tools/artifacts/dsse.h"
#include "tools/artifacts/provenance.h"

namespace casemate::artifacts::test {

struct Image {
  std::string digest;
  std::string config;
  std::vector<std::string> layers;
};

inline Image PutImage(oci::BlobStore& blobs, const std::vector<std::string>& layers,
                      const std::string& config = R"({"architecture":"amd64","os":"linux"})") {
  Image image;
  auto put_config = blobs.Put(oci::kConfigType, config);
  REQUIRE(put_config);
  image.config = put_config->digest;
  nlohmann::json list = nlohmann::json::array();
  for (const std::string& layer : layers) {
    auto put = blobs.Put(oci::kLayerType, layer);
    REQUIRE(put);
    image.layers.push_back(put->digest);
    list.push_back(oci::ToJson(*put));
  }
  auto put = blobs.Put(oci::kManifestType, DumpJson({{"schemaVersion", 2},
                                                     {"mediaType", oci::kManifestType},
                                                     {"config", oci::ToJson(*put_config)},
                                                     {"layers", list}}));
  REQUIRE(put);
  image.digest = put->digest;
  return image;
}

inline const std::string kSourceHash = oci::DigestOf("sources");
inline const std::string kManifestHash = oci::DigestOf("manifest");

inline std::string Provenance(const std::string& digest, const std::string& sbom,
                              const SigningKey& key) {
  auto statement = ProvenanceStatement({.subjects = {{"shop", digest}},
                                        .manifest_hash = kManifestHash,
                                        .source_hash = kSourceHash,
                                        .sbom_digest = oci::DigestOf(sbom)});
  REQUIRE(statement);
  return SignEnvelope(kInTotoType, *statement, key);
}

struct Fixture {
  Fixture() {
    store = *Store::Open(dir / "casemate.db");
    artifacts = *ArtifactStore::Open(*store, dir.path(), [this] { return now; });
  }
  // Facts of an image that is there.
  static Artifact Facts(const std::string& digest, const std::string& name = "shop") {
    Artifact facts;
    facts.name = name;
    facts.tag = "1.0";
    facts.manifest_hash = kManifestHash;
    facts.source_hash = kSourceHash;
    facts.image_digest = digest;
    return facts;
  }
  Artifact Record(const Artifact& facts) {
    const std::string sbom = "{\"sbom of\":\"" + facts.image_digest + "\"}";
    auto recorded = artifacts->Record(facts, sbom, Provenance(facts.image_digest, sbom, key));
    INFO((recorded ? std::string() : Describe(recorded.error())));
    REQUIRE(recorded);
    return *std::move(recorded);
  }
  [[nodiscard]] std::string PathOf(const std::string& digest) const {
    return dir / ("artifacts/blobs/sha256/" + std::string(oci::HexOf(digest)));
  }
  // What is wrong with it: "layer 1 of 2: damaged".
  std::vector<std::string> Wrong(const std::string& id, const VerifyingKey& with) {
    auto verification = artifacts->Verify(std::nullopt, id, with);
    REQUIRE(verification);
    std::vector<std::string> wrong;
    for (const ArtifactCheck& check : verification->checks) {
      if (!check.is_whole) {
        wrong.push_back(check.what + ": " + check.detail);
      }
    }
    CHECK(verification->is_whole() == wrong.empty());
    return wrong;
  }
  std::vector<std::string> Wrong(const std::string& id) { return Wrong(id, key.verifying_key()); }

  casemate::testing::TempDir dir;
  std::int64_t now = 1'700'000'000'000;
  SigningKey key = *SigningKey::LoadOrMake(dir.path());
  std::unique_ptr<Store> store;
  std::unique_ptr<ArtifactStore> artifacts;
};

}  // namespace casemate::artifacts::test
