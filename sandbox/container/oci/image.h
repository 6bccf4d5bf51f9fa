// Image: configuration and manifest of an OCI image (OCI Image Format Specification 1.0), on a base
// that is in the same store or on nothing. The same input gives the same bytes. Stateless.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/container/oci/blob_store.h"
#include "sandbox/container/oci/descriptor.h"
#include "sandbox/container/oci/layer.h"

namespace casemate::oci {

// Docker's extension of the configuration: OCI has none.
struct ImageHealthCheck {
  std::vector<std::string> command;  // without a shell
  int interval_s = 30;
  int timeout_s = 5;
  int start_period_s = 0;
  int retries = 3;
};

// What is empty is left as the base has it.
struct ImageSettings {
  std::string architecture = "amd64";
  std::string variant;
  std::int64_t created_s = 0;  // Unix time
  std::string user;
  std::string working_directory;
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  bool has_command = false;  // of its own, even if empty: the base's is not taken
  std::map<std::string, std::string> environment;  // added to the base's
  std::vector<int> ports;
  std::vector<std::string> volumes;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::optional<ImageHealthCheck> health_check;
};

struct NamedLayer {
  Layer layer;
  std::string made_by;  // for the history
};

// The media types that are written: Podman takes a health check from Docker's only.
enum class ImageFormat : std::uint8_t { kOci, kDocker };

struct Image {
  Descriptor manifest;
  Descriptor config;
  std::vector<Descriptor> layers;  // base first
  std::vector<std::string> diff_ids;
  std::int64_t bytes = 0;  // of all blobs
};

// Both blobs are in the store; those of the layers must be. `base`: digest of its manifest, or of
// an index of which the architecture's is taken; empty: none. Errors: kNotFound when a blob of the
// base is missing; kInvalidArgument when the base is none of ours to read, or of another
// architecture; kDataLoss; kResourceExhausted when the disk is full.
Result<Image> WriteImage(const std::string& base, const std::vector<NamedLayer>& layers,
                         const ImageSettings& settings, ImageFormat format, BlobStore& store);

// What an image consists of, by its manifest. Errors: kNotFound, kInvalidArgument, kDataLoss.
Result<Image> ReadImage(const std::string& manifest, const BlobStore& store);
// Of a manifest itself, or of the entry for linux/`architecture` of an index.
Result<Descriptor> ManifestFor(const std::string& digest, const std::string& architecture,
                               const BlobStore& store);

// "2023-11-14T22:13:20Z"
std::string Rfc3339(std::int64_t unix_s);

}  // namespace casemate::oci
