// A small image in a store, and options that do not make tests wait. Test-only.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "sandbox/container/oci/blob_store.h"
#include "sandbox/container/registry/registry.h"
#include "tests/unit/temp_dir.h"

namespace casemate::registry::test {

template <typename T>
T Must(Result<T> result) {
  if (!result) {
    FAIL(Describe(result.error()));
  }
  return std::move(result).value();
}

// Bytes that no two of are alike, the same each time.
inline std::string Noise(std::size_t size, std::uint32_t seed) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) {
    seed = seed * 1664525U + 1013904223U;
    byte = static_cast<char>(seed >> 24);
  }
  return bytes;
}

struct Store {
  casemate::testing::TempDir dir;
  std::unique_ptr<oci::BlobStore> blobs = Must(oci::BlobStore::Open(dir.path()));
  oci::BlobStore& operator*() const { return *blobs; }
  oci::BlobStore* operator->() const { return blobs.get(); }
};

struct TestImage {
  oci::Descriptor manifest;
  std::string manifest_body;
  oci::Descriptor config;
  std::string config_body;
  std::vector<oci::Descriptor> layers;
  std::vector<std::string> layer_bodies;
};

inline TestImage MakeImage(oci::BlobStore& store, const std::vector<std::size_t>& layer_sizes,
                           const std::string& architecture = "amd64") {
  TestImage image;
  image.config_body =
      R"({"architecture":")" + architecture + R"(","os":"linux","rootfs":{"type":"layers"}})";
  image.config = Must(store.Put(oci::kConfigType, image.config_body));
  nlohmann::json layers = nlohmann::json::array();
  std::uint32_t seed = 7;
  for (const std::size_t size : layer_sizes) {
    image.layer_bodies.push_back(Noise(size, ++seed));
    image.layers.push_back(Must(store.Put(oci::kLayerType, image.layer_bodies.back())));
    layers.push_back(oci::ToJson(image.layers.back()));
  }
  image.manifest_body = DumpJson({{"schemaVersion", 2},
                                  {"mediaType", oci::kManifestType},
                                  {"config", oci::ToJson(image.config)},
                                  {"layers", layers}});
  image.manifest = Must(store.Put(oci::kManifestType, image.manifest_body));
  return image;
}

// Without credentials, whatever this user has.
inline RegistryOptions Quick() {
  static const casemate::testing::TempDir dir;
  static const std::string none = dir.Write("none.json", "{}");
  RegistryOptions options;
  options.credentials = "docker-config:" + none;
  options.retry = {.attempts = 4, .first_ms = 1, .most_ms = 4};
  options.idle_ms = 20'000;
  return options;
}

inline std::unique_ptr<Registry> OpenAt(const std::string& address, const RegistryOptions& options,
                                        const std::string& rest = "/team/shop:1") {
  return Must(Registry::Open(Must(ParseImageName(address + rest)), options, {}));
}

}  // namespace casemate::registry::test
