#include "sandbox/container/oci/image_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "sandbox/container/oci/image_tree.h"

namespace casemate::oci {
namespace {

constexpr std::size_t kMaxLookups = 20'000'000;  // names by way of links
constexpr std::size_t kMaxKeptBytes = std::size_t{256} << 20;
constexpr std::size_t kRandomBytes = 8;
constexpr std::string_view kKeptFormat = "casemate-directories-1";

// Paths by the place of their content: layer, then entry.
using Places = std::map<std::size_t, std::map<std::size_t, std::vector<std::string>>>;

class Search {
 public:
  Search(const ImageTree& tree, const std::function<bool(const std::string&)>& wanted,
         std::size_t max_file_bytes, std::size_t max_total_bytes, const std::stop_token& stop)
      : tree_(tree),
        wanted_(wanted),
        max_file_bytes_(max_file_bytes),
        left_bytes_(max_total_bytes),
        stop_(stop) {}

  Result<Places> Run() {
    for (const auto& [path, node] : tree_.nodes()) {
      if (auto offered = Offer(path, path, node); !offered) {
        return offered.error();
      }
      if (node.kind != TarKind::kSymlink) {
        continue;
      }
      const auto target = tree_.Resolve(path, true);
      if (auto offered = target ? OfferBelow(path, *target) : Result<void>(); !offered) {
        return offered.error();
      }
    }
    return std::move(places_);
  }

 private:
  // What a linked directory holds, by the name of the link. One around the link adds nothing.
  Result<void> OfferBelow(const std::string& link, const std::string& directory) {
    const std::string prefix = directory + "/";
    if (directory.empty() || link.starts_with(prefix)) {
      return {};
    }
    for (auto at = tree_.nodes().lower_bound(prefix);
         at != tree_.nodes().end() && at->first.starts_with(prefix); ++at) {
      if (auto offered = Offer(link + "/" + at->first.substr(prefix.size()), at->first, at->second);
          !offered) {
        return offered;
      }
    }
    return {};
  }

  Result<void> Offer(const std::string& path, const std::string& real,
                     const ImageTree::Node& node) {
    if (stop_.stop_requested()) {
      return Error{ErrorCode::kCancelled, "the call was cancelled", {}, {}, 0};
    }
    if (++lookups_ > kMaxLookups) {
      return Error{ErrorCode::kResourceExhausted,
                   "expected an image with fewer links to directories",
                   "layer",
                   {},
                   0};
    }
    if ((node.kind != TarKind::kFile && node.kind != TarKind::kSymlink) || !wanted_(path)) {
      return {};
    }
    const ImageTree::Node* file = &node;
    if (node.kind == TarKind::kSymlink) {
      const auto target = tree_.Resolve(real, true);
      file = target ? tree_.Find(*target) : nullptr;
    }
    return file != nullptr && file->kind == TarKind::kFile ? Take(path, *file) : Result<void>();
  }

  Result<void> Take(const std::string& path, const ImageTree::Node& file) {
    const auto size = static_cast<std::size_t>(file.size);
    if (size > max_file_bytes_ || size > left_bytes_) {
      return Error{ErrorCode::kResourceExhausted,
                   Quoted(path) + " has " + std::to_string(size) + " bytes; expected at most " +
                       std::to_string(size > max_file_bytes_ ? max_file_bytes_ : left_bytes_) +
                       (size > max_file_bytes_ ? " of a file" : " more of all files"),
                   "layer",
                   {},
                   0};
    }
    left_bytes_ -= size;
    places_[file.content_layer][file.content_entry].push_back(path);
    return {};
  }

  const ImageTree& tree_;
  const std::function<bool(const std::string&)>& wanted_;
  const std::size_t max_file_bytes_;
  std::size_t left_bytes_;
  const std::stop_token& stop_;
  std::size_t lookups_ = 0;
  Places places_;
};

// Takes the content of some entries.
class Collector : public TarVisitor {
 public:
  Collector(const Places::mapped_type& places, std::map<std::string, std::string>& files)
      : places_(places), files_(files) {}

  Result<void> Entry(const TarHeader& header) override {
    const auto found = places_.find(entry_++);
    names_ = found == places_.end() ? nullptr : &found->second;
    content_.clear();
    if (names_ != nullptr) {
      content_.reserve(static_cast<std::size_t>(header.size));
    }
    return {};
  }
  Result<void> Content(std::string_view bytes) override {
    if (names_ != nullptr) {
      content_ += bytes;
    }
    return {};
  }
  Result<void> EntryEnd() override {
    if (names_ != nullptr) {
      for (const std::string& name : *names_) {
        files_[name] = content_;
      }
    }
    return {};
  }

 private:
  const Places::mapped_type& places_;
  std::map<std::string, std::string>& files_;
  std::size_t entry_ = 0;
  const std::vector<std::string>* names_ = nullptr;
  std::string content_;
};

// The digest is part of the sum: what was kept for one image is never another's.
std::string SumOf(std::string_view manifest, std::string_view body) {
  Sha256 hash;
  hash.Update(manifest);
  hash.Update("\n");
  hash.Update(body);
  return hash.FinishHex();
}

std::string KeptText(std::string_view manifest, const Directories& directories) {
  std::string body;
  for (const auto& [path, info] : directories) {
    body += std::to_string(info.mode) + " " + std::to_string(info.uid) + " " +
            std::to_string(info.gid) + " " + (info.is_link ? "1 " : "0 ") +
            std::to_string(path.size()) + " " + std::to_string(info.target.size()) + " " + path +
            info.target + "\n";
  }
  return std::string(kKeptFormat) + " " + SumOf(manifest, body) + "\n" + body;
}

// The number before the next space.
std::optional<std::uint32_t> TakeNumber(std::string_view& text) {
  std::uint32_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr == text.data() + text.size() || *read.ptr != ' ') {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()) + 1);
  return value;
}

std::optional<Directories> ReadKept(std::string_view manifest, std::string_view text) {
  constexpr std::size_t kHexLength = 64;
  const std::size_t head = kKeptFormat.size() + 1 + kHexLength + 1;
  if (text.size() < head || !text.starts_with(kKeptFormat) || text[kKeptFormat.size()] != ' ' ||
      text[head - 1] != '\n') {
    return std::nullopt;
  }
  const std::string_view sum = text.substr(kKeptFormat.size() + 1, kHexLength);
  text.remove_prefix(head);
  if (SumOf(manifest, text) != sum) {
    return std::nullopt;
  }
  Directories directories;
  while (!text.empty()) {
    const auto mode = TakeNumber(text);
    const auto uid = TakeNumber(text);
    const auto gid = TakeNumber(text);
    const auto is_link = TakeNumber(text);
    const auto path_size = TakeNumber(text);
    const auto target_size = TakeNumber(text);
    if (!mode || !uid || !gid || !is_link || !path_size || !target_size) {
      return std::nullopt;
    }
    const std::size_t end = std::size_t{*path_size} + *target_size;
    if (end >= text.size() || text[end] != '\n') {
      return std::nullopt;
    }
    directories.emplace(text.substr(0, *path_size),
                        DirectoryInfo{*mode, *uid, *gid, *is_link != 0,
                                      std::string(text.substr(*path_size, *target_size))});
    text.remove_prefix(end + 1);
  }
  return directories;
}

Result<void> Keep(const std::string& directory, const std::string& path, const std::string& text) {
  const std::string beside = directory + "/.new-" + RandomHex(kRandomBytes);
  const UniqueFd file(open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) {
    return ErrnoError("cannot write to " + directory, errno);
  }
  auto written = WriteAll(file.get(), text);
  if (written && rename(beside.c_str(), path.c_str()) != 0) {
    written = ErrnoError("cannot write to " + directory, errno);
  }
  if (!written) {
    unlink(beside.c_str());
  }
  return written;
}

}  // namespace

Result<std::map<std::string, std::string>> ReadImageFiles(
    const Image& image, const BlobStore& store,
    const std::function<bool(const std::string&)>& wanted, std::size_t max_file_bytes,
    std::size_t max_total_bytes, const std::stop_token& stop) {
  ImageTree tree(ImageTree::Keep::kAll);
  if (auto applied = ApplyLayers(image, store, tree, stop); !applied) {
    return applied.error();
  }
  const auto places = Search(tree, wanted, max_file_bytes, max_total_bytes, stop).Run();
  if (!places) {
    return places.error();
  }
  std::map<std::string, std::string> files;
  for (const auto& [layer, entries] : *places) {
    Collector collector(entries, files);
    if (const auto read = ReadImageLayer(image, layer, store, {}, collector, stop); !read) {
      return read.error();
    }
  }
  return files;
}

Result<Directories> DirectoriesOf(const Image& image, const BlobStore& store,
                                  const std::stop_token& stop) {
  ImageTree tree(ImageTree::Keep::kDirectoriesAndLinks);
  if (auto applied = ApplyLayers(image, store, tree, stop); !applied) {
    return applied.error();
  }
  Directories directories;
  for (const auto& [path, node] : tree.nodes()) {
    directories.emplace(path, DirectoryInfo{node.mode, node.uid, node.gid,
                                            node.kind == TarKind::kSymlink, node.link_target});
  }
  return directories;
}

Result<Directories> KeptDirectoriesOf(const Image& image, const BlobStore& store,
                                      const std::stop_token& stop) {
  if (!IsDigest(image.manifest.digest)) {
    return InvalidArgument("image", "expected an image whose manifest has a digest");
  }
  const std::string directory = store.directory() + "/directories";
  const std::string path = directory + "/" + std::string(HexOf(image.manifest.digest));
  if (const auto text = ReadFile(path, kMaxKeptBytes)) {
    if (auto kept = ReadKept(image.manifest.digest, *text)) {
      return *std::move(kept);
    }
  }
  auto read = DirectoriesOf(image, store, stop);
  if (!read) {
    return read;
  }
  if (auto made = MakePrivateDirectories(directory); !made) {
    return made.error();
  }
  if (auto kept = Keep(directory, path, KeptText(image.manifest.digest, *read)); !kept) {
    return kept.error();
  }
  return read;
}

}  // namespace casemate::oci
