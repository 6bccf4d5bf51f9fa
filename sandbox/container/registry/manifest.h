// Manifests and indexes of OCI and Docker (schema 2), as registries have them. Plain values and
// pure functions; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/container/oci/descriptor.h"

namespace casemate::registry {

struct Platform {
  std::string os = "linux";
  std::string architecture = "amd64";
  std::string variant{};  // empty: any; NOLINT(readability-redundant-member-init)
};

struct IndexEntry {
  oci::Descriptor manifest;
  Platform platform;
};

// One or the other.
struct Document {
  bool is_index = false;
  std::string media_type;
  oci::Descriptor config;               // of a manifest
  std::vector<oci::Descriptor> layers;  // likewise
  std::vector<IndexEntry> entries;      // of an index
};

// `said_type`: what the Content-Type or a descriptor says; must not contradict the content (attack:
// one content that is two images, CVE-2021-41190). Errors: kDataLoss, with `where`.
Result<Document> ParseDocument(std::string_view body, std::string_view said_type,
                               std::string_view where);
// The first that fits. Errors: kNotFound, with those that there are.
Result<oci::Descriptor> Choose(const Document& index, const Platform& platform);
// Whether the config of an image is for that platform. Errors: kNotFound; kDataLoss for no config.
Result<void> CheckPlatform(std::string_view config, const Platform& platform);

}  // namespace casemate::registry
