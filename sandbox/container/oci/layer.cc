#include "sandbox/container/oci/layer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/text.h"
#include "sandbox/container/oci/gzip_members.h"

namespace casemate::oci {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} << 10;
constexpr std::uint32_t kDirectoryMode = 0755;

// Of a directory that the base does not have and that is in a layer only because of what it holds.
std::uint32_t ModeOf(std::string_view directory) {
  if (directory == "tmp" || directory == "var/tmp") {
    return 01777;
  }
  return directory == "root" ? 0700 : kDirectoryMode;
}

// In the order of a walk: what a directory holds comes right after it ('/' before all others).
bool IsBefore(const LayerEntry& a, const LayerEntry& b) {
  return std::ranges::lexicographical_compare(a.path, b.path, [](char x, char y) {
    const auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
    return rank(x) < rank(y);
  });
}

Error Changed(const std::string& path) {
  return Error{ErrorCode::kInvalidArgument, Quoted(path) + " has changed while it was packaged",
               path, "package again when nothing writes to the sources", 0};
}

Error Twice(const std::string& path) {
  return InvalidArgument("files",
                         "expected one thing at " + Quoted("/" + path) + " of the image, got two");
}

Error HidesLink(const std::string& path, const Directories& base) {
  const auto target = ResolvePath(path, true, base);
  return InvalidArgument(
      "files", (target ? "expected a place below " + Quoted("/" + *target) + " instead of "
                       : "expected another place than below ") +
                   Quoted("/" + path) + ", which is a link in the base" +
                   (target ? "" : " and leads in a circle"));
}

// A layer that holds a directory replaces mode and owner of those below: they stay the base's.
Result<LayerEntry> DirectoryAbove(const std::string& path, const Directories& base) {
  LayerEntry directory;
  directory.path = path;
  directory.type = TarType::kDirectory;
  directory.mode = ModeOf(path);
  if (const auto found = base.find(path); found != base.end()) {
    if (found->second.is_link) {
      return HidesLink(path, base);
    }
    directory.mode = found->second.mode;
    directory.uid = found->second.uid;
    directory.gid = found->second.gid;
  }
  return directory;
}

// `open`: the directories around it that `all` has, to which its others are added.
Result<void> AddDirectoriesAbove(const std::string& path, const Directories& base,
                                 std::vector<std::string>& open, std::vector<LayerEntry>& all) {
  for (std::size_t slash = path.find('/', open.empty() ? 0 : open.back().size() + 1);
       slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string above = path.substr(0, slash);
    if (!all.empty() && all.back().path == above) {  // a file or a link
      return Twice(above);
    }
    auto directory = DirectoryAbove(above, base);
    if (!directory) {
      return directory.error();
    }
    all.push_back(*std::move(directory));
    open.push_back(above);
  }
  return {};
}

// The archive, as it is made: hashed, cut and compressed.
class Archive {
 public:
  Archive(BlobWriter blob, const std::stop_token& stop) : out_(std::move(blob)), stop_(stop) {}

  Result<void> Add(const LayerEntry& entry, std::int64_t mtime_s) {
    if (stop_.stop_requested()) {
      return Error{ErrorCode::kCancelled, "the call was cancelled", {}, {}, 0};
    }
    TarEntry header;
    header.type = entry.type;
    header.path = entry.path;
    header.link_target = entry.link_target;
    header.mode = entry.mode;
    header.uid = entry.uid;
    header.gid = entry.gid;
    header.size = entry.type == TarType::kFile ? entry.size : 0;
    header.mtime_s = mtime_s;
    block_.clear();
    AppendTarHeader(header, block_);
    if (auto put = Put(block_); !put) {
      return put;
    }
    if (entry.type != TarType::kFile) {
      return {};
    }
    if (auto put = entry.open ? PutFile(entry) : Put(entry.text); !put) {
      return put;
    }
    block_.clear();
    AppendTarPadding(entry.size, block_);
    return Put(block_);
  }

  Result<Layer> Finish() {
    block_.clear();
    AppendTarEnd(block_);
    if (auto put = Put(block_); !put) {
      return put.error();
    }
    auto blob = out_.Finish(kLayerType);
    if (!blob) {
      return blob.error();
    }
    return Layer{*std::move(blob), "sha256:" + hash_.FinishHex(), bytes_};
  }

 private:
  Result<void> Put(std::string_view bytes) {
    hash_.Update(bytes);
    bytes_ += static_cast<std::int64_t>(bytes.size());
    return out_.Write(bytes);
  }

  // What is read is what was judged, or the layer is not made.
  Result<void> PutFile(const LayerEntry& entry) {
    auto file = entry.open();
    if (!file) {
      return file.error();
    }
    Sha256 hash;
    std::int64_t left = entry.size;
    buffer_.resize(kReadBytes);
    while (true) {
      const ssize_t got = read(file->get(), buffer_.data(), buffer_.size());
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got < 0) {
        return ErrnoError("cannot read " + Quoted(entry.path), errno);
      }
      if (got == 0) {
        break;
      }
      left -= got;
      if (left < 0) {
        return Changed(entry.path);
      }
      const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(got));
      hash.Update(bytes);
      if (auto put = Put(bytes); !put) {
        return put;
      }
      if (stop_.stop_requested()) {
        return Error{ErrorCode::kCancelled, "the call was cancelled", {}, {}, 0};
      }
    }
    return left == 0 && hash.Finish() == entry.digest ? Result<void>() : Changed(entry.path);
  }

  GzipMembers out_;
  const std::stop_token& stop_;
  Sha256 hash_;
  std::int64_t bytes_ = 0;
  std::string block_;
  std::string buffer_;
};

}  // namespace

std::string_view LayerFormat() {
  static const std::string kFormat = "tar-1 " + std::string(GzipMembers::Format());
  return kFormat;
}

Result<void> LayerPlan::Add(LayerEntry entry) {
  if (entry.path.empty()) {
    return InvalidArgument("files", "expected a path below \"/\" for each file, got \"/\"");
  }
  entries_.push_back(std::move(entry));
  return {};
}

Result<void> LayerPlan::AddText(std::string path, std::string text, std::uint32_t mode) {
  LayerEntry entry;
  entry.path = std::move(path);
  entry.mode = mode;
  entry.size = static_cast<std::int64_t>(text.size());
  Sha256 hash;
  hash.Update(text);
  entry.digest = hash.Finish();
  entry.text = std::move(text);
  return Add(std::move(entry));
}

Result<void> LayerPlan::Close(const Directories& base) {
  std::ranges::sort(entries_, IsBefore);
  std::vector<LayerEntry> all;
  all.reserve(entries_.size());
  std::vector<std::string> open;  // directories around the entry that is looked at
  for (LayerEntry& entry : entries_) {
    if (!all.empty() && all.back().path == entry.path) {
      if (all.back().type == TarType::kDirectory && entry.type == TarType::kDirectory) {
        continue;
      }
      return Twice(entry.path);
    }
    while (!open.empty() && !entry.path.starts_with(open.back() + "/")) {
      open.pop_back();
    }
    if (auto added = AddDirectoriesAbove(entry.path, base, open, all); !added) {
      return added;
    }
    if (entry.type == TarType::kDirectory) {
      if (const auto found = base.find(entry.path); found != base.end() && found->second.is_link) {
        return HidesLink(entry.path, base);
      }
      open.push_back(entry.path);
    }
    all.push_back(std::move(entry));
  }
  entries_ = std::move(all);
  return {};
}

std::string LayerPlan::Key(std::int64_t mtime_s) const {
  Sha256 hash;
  const auto add = [&hash](std::string_view text) {
    hash.Update(std::to_string(text.size()) + ":");
    hash.Update(text);
  };
  add(LayerFormat());
  add(std::to_string(mtime_s));
  for (const LayerEntry& entry : entries_) {
    add(entry.path);
    add(std::string(1, static_cast<char>(entry.type)) + std::to_string(entry.mode) + " " +
        std::to_string(entry.uid) + ":" + std::to_string(entry.gid) + " " +
        std::to_string(entry.size));
    add(entry.link_target);
    add(ToHex(entry.digest));
  }
  return hash.FinishHex();
}

Result<Layer> WriteLayer(const LayerPlan& plan, std::int64_t mtime_s, BlobStore& store,
                         const std::stop_token& stop) {
  auto blob = store.Write();
  if (!blob) {
    return blob.error();
  }
  Archive archive(*std::move(blob), stop);
  for (const LayerEntry& entry : plan.entries()) {
    if (auto added = archive.Add(entry, mtime_s); !added) {
      return added.error();
    }
  }
  return archive.Finish();
}

}  // namespace casemate::oci
