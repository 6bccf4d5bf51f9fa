// Layer: files as one layer of an OCI image, the same bytes for the same files on any machine:
// entries in order of their paths with all directories above them, owners by number, one time for
// all, and compression in pieces of fixed size, each a member of its own (RFC 1952, 2.2), so that
// several processors give what one gives. What it depends on beside its entries is kLayerFormat.
// Stateless; a plan belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/container/oci/blob_store.h"
#include "sandbox/container/oci/directories.h"
#include "sandbox/container/oci/tar_header.h"

namespace casemate::oci {

// Layout, compressor, its version and level: with another of these a layer has another digest.
std::string_view LayerFormat();

struct LayerEntry {
  std::string path;  // relative, clean
  TarType type = TarType::kFile;
  std::uint32_t mode = 0;  // permission bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string link_target;
  std::int64_t size = 0;
  // The content of a file: `text`, or what is opened, which must have this size and digest.
  std::string text;
  std::function<Result<UniqueFd>()> open;
  Sha256::Digest digest{};  // of either
};

class LayerPlan {
 public:
  // Errors: kInvalidArgument when there is something else at that path, or below one of a file.
  Result<void> Add(LayerEntry entry);
  Result<void> AddText(std::string path, std::string text, std::uint32_t mode);
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

  // Sorts, and adds the directories above: as `base` has them, others with 0755 (but for /tmp,
  // /var/tmp and /root). Call once, after the last Add. Errors: as of Add; kInvalidArgument for a
  // directory where the base has a link, which it would replace with all that is behind it.
  Result<void> Close(const Directories& base = {});
  [[nodiscard]] const std::vector<LayerEntry>& entries() const { return entries_; }
  // SHA-256 over everything that decides what bytes the layer has, `mtime_s` included.
  [[nodiscard]] std::string Key(std::int64_t mtime_s) const;

 private:
  std::vector<LayerEntry> entries_;
};

struct Layer {
  Descriptor blob;      // compressed
  std::string diff_id;  // digest of the archive itself
  std::int64_t tar_bytes = 0;
};

// `plan` must be closed. Errors: kInvalidArgument when a file is no longer what the plan says;
// kResourceExhausted when the disk is full; kCancelled; of the kernel.
Result<Layer> WriteLayer(const LayerPlan& plan, std::int64_t mtime_s, BlobStore& store,
                         const std::stop_token& stop);

}  // namespace casemate::oci
