#include "sandbox/container/oci/image_tree.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "sandbox/container/oci/directories.h"

namespace casemate::oci {
namespace {

constexpr std::size_t kMaxNodes = 2'000'000;
constexpr std::size_t kMaxNameBytes = std::size_t{256} << 20;  // of all nodes
constexpr std::ptrdiff_t kMaxDepth = 256;
constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kReserved = ".wh..wh.";  // of AUFS
constexpr std::string_view kOpaque = ".wh..wh..opq";

std::string ParentOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? "" : path.substr(0, slash));
}

std::string_view NameOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string Join(const std::string& directory, std::string_view name) {
  return directory + (directory.empty() ? "" : "/") + std::string(name);
}

// Engines take an absolute name from the root of the image; "..", which could leave it, is refused.
Result<std::string> InRoot(std::string_view path) {
  path.remove_prefix(path.starts_with('/') ? 1 : 0);
  const std::string around = "/" + std::string(path) + "/";
  if (around.find("/../") != std::string::npos) {
    return InvalidArgument("layer", "expected paths without \"..\", got " + Quoted(path));
  }
  if (std::ranges::count(path, '/') > kMaxDepth) {
    return InvalidArgument("layer", "expected paths of at most " + std::to_string(kMaxDepth) +
                                        " directories, got " + Quoted(path));
  }
  return std::string(path);
}

Error TooMuch(const std::string& what) {
  return Error{
      ErrorCode::kResourceExhausted, "expected an image of at most " + what, "layer", {}, 0};
}

Error InACircle(std::string_view path) {
  return InvalidArgument("layer", "expected no links in a circle on the way to " + Quoted(path));
}

}  // namespace

const ImageTree::Node* ImageTree::Find(std::string_view path) const {
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? nullptr : &found->second;
}

std::optional<std::string> ImageTree::Resolve(std::string_view path, bool follow_last) const {
  return ResolvePath(path, follow_last, [this](const std::string& at) -> const std::string* {
    const Node* node = Find(at);
    return node != nullptr && node->kind == TarKind::kSymlink ? &node->link_target : nullptr;
  });
}

Result<void> ImageTree::Apply(const TarHeader& header, std::size_t layer, std::size_t entry) {
  if (layer != layer_) {
    layer_ = layer;
    hidden_.clear();
  }
  const auto path = InRoot(header.path);
  if (!path) {
    return path.error();
  }
  if (path->empty()) {
    return header.kind == TarKind::kDirectory
               ? Place("", header, entry)
               : InvalidArgument("layer", "expected a directory as the root");
  }
  const auto directory = Resolve(ParentOf(*path), true);
  if (!directory) {
    return InACircle(*path);
  }
  const std::string_view name = NameOf(*path);
  if (name.starts_with(kWhiteout)) {
    return WhiteOut(*directory, name);
  }
  if (path->starts_with(kReserved)) {  // a pool of hard links, which nobody sees
    return {};
  }
  const std::string real = Join(*directory, name);
  if (auto made = MakeParents(real); !made) {
    return made;
  }
  return header.kind == TarKind::kHardLink ? PlaceHardLink(real, header)
                                           : Place(real, header, entry);
}

Result<void> ImageTree::WhiteOut(const std::string& directory, std::string_view name) {
  if (name == kOpaque) {
    Hide(directory, false);
    return {};
  }
  if (name.starts_with(kReserved)) {
    return {};
  }
  name.remove_prefix(kWhiteout.size());
  if (name.empty() || name == "." || name == "..") {
    return InvalidArgument("layer", "expected a whiteout of something below " +
                                        Quoted("/" + directory) + ", got one of " + Quoted(name));
  }
  Hide(Join(directory, name), true);
  return {};
}

void ImageTree::Hide(const std::string& path, bool inclusive) {
  if (!hidden_.insert((inclusive ? "=" : "/") + path).second) {
    return;  // this layer did: what is there now is its own
  }
  const std::string prefix = path.empty() ? "" : path + "/";
  std::set<std::string> kept;  // directories that hold something of this layer
  const auto keep = [&](const std::string& of) {
    for (std::string above = ParentOf(of); above.size() >= path.size() && !above.empty();
         above = ParentOf(above)) {
      if (!kept.insert(above).second) {
        break;
      }
    }
  };
  const auto hide = [&](Nodes::iterator at) {
    if (at->second.layer == layer_) {
      keep(at->first);
      return at;
    }
    if (!kept.contains(at->first)) {
      return Erase(at);
    }
    at->second = Node{};  // made anew, and not said how
    at->second.layer = layer_;
    return at;
  };
  auto at = path.empty() ? nodes_.end() : nodes_.lower_bound(path + "0");  // '0' follows '/'
  while (at != nodes_.begin()) {
    const auto before = std::prev(at);
    if (!before->first.starts_with(prefix) || before->first.empty()) {
      break;
    }
    at = hide(before);
  }
  if (const auto self = nodes_.find(path); inclusive && self != nodes_.end()) {
    hide(self);
  }
}

Result<void> ImageTree::MakeParents(const std::string& path) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string above = path.substr(0, slash);
    const Node* node = Find(above);
    if (node != nullptr && node->kind == TarKind::kDirectory) {
      continue;
    }
    EraseWithAllBelow(above);
    Node made;
    made.layer = layer_;
    if (auto put = Put(above, std::move(made)); !put) {
      return put;
    }
  }
  return {};
}

Result<void> ImageTree::Place(const std::string& path, const TarHeader& header, std::size_t entry) {
  const bool is_directory = header.kind == TarKind::kDirectory;
  const Node* before = Find(path);
  if (before != nullptr && (!is_directory || before->kind != TarKind::kDirectory)) {
    EraseWithAllBelow(path);
  }
  if (!is_directory && header.kind != TarKind::kSymlink && keep_ == Keep::kDirectoriesAndLinks) {
    return {};
  }
  Node node{header.kind,        header.mode, header.uid, header.gid, header.size,
            header.link_target, layer_,      layer_,     entry};
  return Put(path, std::move(node));
}

Result<void> ImageTree::PlaceHardLink(const std::string& path, const TarHeader& header) {
  const auto target = InRoot(header.link_target);
  if (!target) {
    return target.error();
  }
  const auto real = Resolve(*target, false);
  if (!real) {
    return InACircle(*target);
  }
  const Node* found = Find(*real);
  if (found != nullptr && found->kind != TarKind::kDirectory) {
    if (*real == path) {
      return {};
    }
    Node node = *found;
    node.layer = layer_;
    EraseWithAllBelow(path);
    return Put(path, std::move(node));
  }
  if (keep_ == Keep::kAll || found != nullptr) {
    return InvalidArgument(
        "layer", Quoted(path) + ": expected a link to a file, got one to " + Quoted(*target));
  }
  EraseWithAllBelow(path);  // a file
  return {};
}

Result<void> ImageTree::Put(const std::string& path, Node node) {
  const auto [at, is_new] = nodes_.try_emplace(path);
  name_bytes_ -= at->second.link_target.size();
  name_bytes_ += node.link_target.size() + (is_new ? path.size() : 0);
  at->second = std::move(node);
  if (nodes_.size() > kMaxNodes) {
    return TooMuch(std::to_string(kMaxNodes) + " files");
  }
  if (name_bytes_ > kMaxNameBytes) {
    return TooMuch(std::to_string(kMaxNameBytes) + " bytes of names");
  }
  return {};
}

ImageTree::Nodes::iterator ImageTree::Erase(Nodes::iterator at) {
  name_bytes_ -= at->first.size() + at->second.link_target.size();
  return nodes_.erase(at);
}

void ImageTree::EraseWithAllBelow(const std::string& path) {
  if (const auto self = nodes_.find(path); self != nodes_.end()) {
    Erase(self);
  }
  const std::string prefix = path + "/";
  auto at = nodes_.lower_bound(prefix);
  while (at != nodes_.end() && at->first.starts_with(prefix)) {
    at = Erase(at);
  }
}

Result<LayerContent> ReadImageLayer(const Image& image, std::size_t layer, const BlobStore& store,
                                    const LayerLimits& limits, TarVisitor& visitor,
                                    const std::stop_token& stop) {
  if (layer >= image.layers.size() || layer >= image.diff_ids.size()) {
    return InvalidArgument("layer", "expected a layer that the image has");
  }
  auto content = ReadLayer(image.layers[layer], store, limits, visitor, stop);
  if (content && content->diff_id != image.diff_ids[layer]) {
    return Error{ErrorCode::kDataLoss,
                 "expected the layer " + image.layers[layer].digest + " to unpack to " +
                     image.diff_ids[layer] + " as the configuration says, got " + content->diff_id,
                 "layer",
                 {},
                 0};
  }
  return content;
}

Result<void> ApplyLayers(const Image& image, const BlobStore& store, ImageTree& tree,
                         const std::stop_token& stop) {
  class Visitor : public TarVisitor {
   public:
    Visitor(ImageTree& tree, std::size_t layer) : tree_(tree), layer_(layer) {}
    Result<void> Entry(const TarHeader& header) override {
      return tree_.Apply(header, layer_, entry_++);
    }

   private:
    ImageTree& tree_;
    const std::size_t layer_;
    std::size_t entry_ = 0;
  };
  LayerLimits left;
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    Visitor visitor(tree, i);
    const auto content = ReadImageLayer(image, i, store, left, visitor, stop);
    if (!content) {
      return content.error();
    }
    left.max_bytes -= content->tar_bytes;
    left.max_entries -= content->entries;
  }
  return {};
}

}  // namespace casemate::oci
