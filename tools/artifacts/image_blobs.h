// The blobs that an image consists of, followed from its manifest or index. Stateless; as
// thread-safe as the store.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/container/oci/blob_store.h"
#include "sandbox/container/oci/descriptor.h"

namespace casemate::artifacts {

inline constexpr std::size_t kMaxImageManifests = 64;  // of one index
inline constexpr std::size_t kMaxImageLayers = 1024;   // of one manifest

struct ImageManifest {
  oci::Descriptor descriptor;
  oci::Descriptor config;
  std::vector<oci::Descriptor> layers;
};

// One manifest, or those of an index.
struct ImageBlobs {
  oci::Descriptor root;  // what the image's digest names
  bool is_index = false;
  std::vector<ImageManifest> manifests;
};

// Reads and checks manifests; config and layers are only named by them. Errors: kNotFound,
// kDataLoss of the store for a manifest; kInvalidArgument for what is none.
Result<ImageBlobs> FollowImage(const oci::BlobStore& blobs, std::string_view digest);

}  // namespace casemate::artifacts
