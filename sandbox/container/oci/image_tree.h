// ImageTree: what an image's layers leave of one another (OCI Image Format Specification 1.0,
// "Applying Changesets"), without content. An entry whose parent is a link in what lies below
// follows it, as containerd does; a directory of that name replaces it. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sandbox/container/oci/blob_store.h"
#include "sandbox/container/oci/image.h"
#include "sandbox/container/oci/layer_reader.h"

namespace casemate::oci {

class ImageTree {
 public:
  struct Node {
    TarKind kind = TarKind::kDirectory;
    std::uint32_t mode = 0755;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int64_t size = 0;
    std::string link_target;
    std::size_t layer = 0;  // that said so last
    // Where a file's content is: for hard links another place than their own.
    std::size_t content_layer = 0;
    std::size_t content_entry = 0;
  };
  using Nodes = std::map<std::string, Node, std::less<>>;
  enum class Keep : std::uint8_t { kAll, kDirectoriesAndLinks };

  explicit ImageTree(Keep keep) : keep_(keep) {}

  // `entry` is the number of the header in its layer; layers come in order, the base first. Errors:
  // kInvalidArgument for what leaves the root, and for hard links to nothing; kResourceExhausted.
  Result<void> Apply(const TarHeader& header, std::size_t layer, std::size_t entry);
  [[nodiscard]] const Nodes& nodes() const { return nodes_; }
  [[nodiscard]] const Node* Find(std::string_view path) const;
  // As of ResolvePath.
  [[nodiscard]] std::optional<std::string> Resolve(std::string_view path, bool follow_last) const;

 private:
  Result<void> WhiteOut(const std::string& directory, std::string_view name);
  // Removes what lower layers have below `path`, and there as well if it is `inclusive`.
  void Hide(const std::string& path, bool inclusive);
  Result<void> MakeParents(const std::string& path);
  Result<void> Place(const std::string& path, const TarHeader& header, std::size_t entry);
  Result<void> PlaceHardLink(const std::string& path, const TarHeader& header);
  Result<void> Put(const std::string& path, Node node);
  Nodes::iterator Erase(Nodes::iterator at);
  void EraseWithAllBelow(const std::string& path);

  const Keep keep_;
  Nodes nodes_;
  std::size_t name_bytes_ = 0;
  std::size_t layer_ = 0;
  std::set<std::string> hidden_;  // by this layer
};

// Reads a layer of an image, whose unpacked bytes must be what the configuration says. Errors: of
// ReadLayer; kDataLoss when they are others.
Result<LayerContent> ReadImageLayer(const Image& image, std::size_t layer, const BlobStore& store,
                                    const LayerLimits& limits, TarVisitor& visitor,
                                    const std::stop_token& stop);

// All layers, within one limit for all. Errors: of ReadImageLayer and ImageTree::Apply.
Result<void> ApplyLayers(const Image& image, const BlobStore& store, ImageTree& tree,
                         const std::stop_token& stop);

}  // namespace casemate::oci
