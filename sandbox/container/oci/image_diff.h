// CompareImages: in what two images differ, layer by layer and file by file, for those who made the
// same project twice and got two digests. Stateless; thread-safe. Names are as the layers have
// them: any bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/container/oci/blob_store.h"
#include "sandbox/container/oci/image.h"
#include "sandbox/container/oci/tar_reader.h"

namespace casemate::oci {

// What a layer says of a path.
struct FileState {
  TarKind kind = TarKind::kFile;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime_s = 0;
  std::int64_t size = 0;
  std::string link_target;
  std::string digest;  // "sha256:…" of the content, of files only
  bool operator==(const FileState&) const = default;
};

struct FileDrift {
  std::size_t layer = 0;  // from 0, the base's first
  std::string path;
  std::optional<FileState> before;  // nullopt: it was added
  std::optional<FileState> after;   // nullopt: it was removed
  // Of "type", "content", "mode", "owner", "mtime" and "link", those that differ.
  std::vector<std::string> attributes;
};

// Two layers at one place. Without differences of files they differ in the form of the archive:
// the order of entries, names of owners, attributes, padding.
struct LayerDrift {
  std::size_t layer = 0;
  std::string before;  // diff_ids
  std::string after;
  std::size_t files = 0;  // that differ
};

struct ConfigDrift {
  std::string pointer;  // RFC 6901
  std::string before;   // JSON, cut if it is long; empty: there is none
  std::string after;
};

struct ImageDrift {
  std::size_t layers_before = 0;
  std::size_t layers_after = 0;
  std::vector<LayerDrift> layers;
  std::vector<FileDrift> files;  // by layer and path
  std::size_t more_files = 0;    // beyond the limit
  std::vector<ConfigDrift> config;
  std::size_t more_config = 0;
  [[nodiscard]] bool empty() const {
    return layers_before == layers_after && layers.empty() && config.empty() && more_config == 0;
  }
};

struct DriftLimits {
  std::size_t max_files = 1000;
  std::size_t max_config = 200;
};

// `a` is before, `b` after. Layers beyond those of the other are counted and not read. Errors: of
// ReadImageLayer; kInvalidArgument when a configuration is none; kResourceExhausted.
Result<ImageDrift> CompareImages(const Image& a, const Image& b, const BlobStore& store,
                                 const DriftLimits& limits, const std::stop_token& stop);

}  // namespace casemate::oci
