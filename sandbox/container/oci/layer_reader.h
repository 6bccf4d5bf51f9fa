// Reading layers, of our own and of strangers: unpacked, hashed and told entry by entry, within
// bounds. ReadLayer is stateless and thread-safe; a LayerStream belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"
#include "sandbox/container/oci/blob_store.h"
#include "sandbox/container/oci/descriptor.h"
#include "sandbox/container/oci/tar_reader.h"

namespace casemate::oci {

struct LayerLimits {
  std::int64_t max_bytes = std::int64_t{64} << 30;  // unpacked
  std::size_t max_entries = 1'000'000;
};

struct LayerContent {
  std::string diff_id;  // digest of the unpacked archive
  std::int64_t tar_bytes = 0;
  std::size_t entries = 0;
};

enum class LayerCompression : std::uint8_t { kNone, kGzip };

// Errors: kUnavailable for zstd; kInvalidArgument for what is no layer.
Result<LayerCompression> CompressionOf(std::string_view media_type);

// The bytes of one layer as they come.
class LayerStream {
 public:
  // `visitor` is borrowed.
  LayerStream(LayerCompression compression, const LayerLimits& limits, TarVisitor& visitor,
              std::stop_token stop);
  LayerStream(const LayerStream&) = delete;
  LayerStream& operator=(const LayerStream&) = delete;
  ~LayerStream();
  // Errors: kInvalidArgument; kResourceExhausted beyond the limits; kCancelled; the visitor's.
  Result<void> Feed(std::string_view bytes);
  Result<LayerContent> Finish();

 private:
  class Inflater;
  // Of the archive itself.
  Result<void> TakeUnpacked(std::string_view bytes);
  Result<void> Inflate(std::string_view bytes);

  const LayerLimits limits_;
  const std::stop_token stop_;
  TarReader tar_;
  Sha256 hash_;
  std::int64_t bytes_ = 0;
  std::unique_ptr<Inflater> inflater_;  // of gzip only
};

// The blob is compared with its digest while it is read: what `visitor` was told counts only when
// this succeeds. Whether the diff_id is the configuration's is for the caller to compare. Errors:
// kNotFound; kDataLoss when the blob is damaged; of LayerStream and CompressionOf.
Result<LayerContent> ReadLayer(const Descriptor& layer, const BlobStore& store,
                               const LayerLimits& limits, TarVisitor& visitor,
                               const std::stop_token& stop);

}  // namespace casemate::oci
