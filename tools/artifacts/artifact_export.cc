#include "tools/artifacts/artifact_export.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/container/oci/tar_header.h"
#include "tools/artifacts/image_blobs.h"

namespace casemate::artifacts {
namespace {

using nlohmann::json;

constexpr std::size_t kRandomBytes = 8;
constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirectoryMode = 0755;

Error CannotWrite(const std::string& path, int err) {
  Error error = ErrnoError("cannot write " + path, err);
  error.field = "--output";
  if (err == ENOSPC || err == EDQUOT) {
    error.code = ErrorCode::kResourceExhausted;
    error.remedy = "make room, or choose another place";
  }
  return error;
}

// Where the parts of an image go, in the order in which they are added.
class Target {
 public:
  Target() = default;
  virtual ~Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  virtual Result<void> AddDirectory(const std::string& name) = 0;
  // `size` bytes by Write follow.
  virtual Result<void> Begin(const std::string& name, std::int64_t size) = 0;
  virtual Result<void> Write(std::string_view bytes) = 0;
  virtual Result<void> End(std::int64_t size) = 0;
  // Names the whole.
  virtual Result<void> Finish() = 0;
};

constexpr std::string_view kStandardOutput = "-";

class TarTarget : public Target {
 public:
  explicit TarTarget(std::string path)
      : path_(std::move(path)),
        draft_(path_ == kStandardOutput ? std::string()
                                        : path_ + ".new-" + RandomHex(kRandomBytes)) {}
  ~TarTarget() override {
    if (file_.valid() && !draft_.empty()) {
      unlink(draft_.c_str());
    }
  }
  Result<void> Open() {
    file_.Reset(draft_.empty()
                    ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                    : open(draft_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
    return file_.valid() ? Result<void>() : CannotWrite(path_, errno);
  }
  Result<void> AddDirectory(const std::string& name) override {
    return Header(oci::TarType::kDirectory, name, kDirectoryMode, 0);
  }
  Result<void> Begin(const std::string& name, std::int64_t size) override {
    return Header(oci::TarType::kFile, name, kFileMode, size);
  }
  Result<void> Write(std::string_view bytes) override {
    auto written = WriteAll(file_.get(), bytes);
    return written ? written : CannotWrite(path_, written.error().sys_errno);
  }
  Result<void> End(std::int64_t size) override {
    std::string padding;
    oci::AppendTarPadding(size, padding);
    return Write(padding);
  }
  Result<void> Finish() override {
    std::string end;
    oci::AppendTarEnd(end);
    if (auto written = Write(end); !written) {
      return written;
    }
    if (draft_.empty()) {
      return {};
    }
    if (fsync(file_.get()) != 0 || rename(draft_.c_str(), path_.c_str()) != 0) {
      return CannotWrite(path_, errno);
    }
    file_.Reset();
    return {};
  }

 private:
  Result<void> Header(oci::TarType type, const std::string& name, mode_t mode, std::int64_t size) {
    std::string header;
    oci::AppendTarHeader(
        {.type = type, .path = name, .link_target = {}, .mode = mode, .size = size, .mtime_s = 0},
        header);
    return Write(header);
  }

  const std::string path_;
  const std::string draft_;
  UniqueFd file_;
};

class DirectoryTarget : public Target {
 public:
  explicit DirectoryTarget(std::string path)
      : path_(std::move(path)), draft_(path_ + ".new-" + RandomHex(kRandomBytes)) {}
  ~DirectoryTarget() override {
    if (!is_done_) {
      std::error_code ignored;
      std::filesystem::remove_all(draft_, ignored);
    }
  }
  Result<void> Open() { return Make(draft_); }
  Result<void> AddDirectory(const std::string& name) override { return Make(draft_ + "/" + name); }
  Result<void> Begin(const std::string& name, std::int64_t) override {
    file_.Reset(
        open((draft_ + "/" + name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
    return file_.valid() ? Result<void>() : CannotWrite(path_, errno);
  }
  Result<void> Write(std::string_view bytes) override {
    auto written = WriteAll(file_.get(), bytes);
    return written ? written : CannotWrite(path_, written.error().sys_errno);
  }
  Result<void> End(std::int64_t) override {
    const bool is_synced = fsync(file_.get()) == 0;
    const int err = errno;
    file_.Reset();
    return is_synced ? Result<void>() : CannotWrite(path_, err);
  }
  Result<void> Finish() override {
    // Takes the place of an empty directory, and of nothing else.
    if (rename(draft_.c_str(), path_.c_str()) != 0) {
      return CannotWrite(path_, errno);
    }
    is_done_ = true;
    return {};
  }

 private:
  [[nodiscard]] Result<void> Make(const std::string& path) const {
    return mkdir(path.c_str(), kDirectoryMode) == 0 ? Result<void>() : CannotWrite(path_, errno);
  }

  const std::string path_;
  const std::string draft_;
  UniqueFd file_;
  bool is_done_ = false;
};

Result<void> AddText(Target& target, const std::string& name, std::string_view text) {
  const auto size = static_cast<std::int64_t>(text.size());
  if (auto begun = target.Begin(name, size); !begun) {
    return begun;
  }
  if (auto written = target.Write(text); !written) {
    return written;
  }
  return target.End(size);
}

Result<void> AddBlob(Target& target, const std::string& name, const oci::BlobStore& blobs,
                     const oci::Descriptor& blob) {
  if (!blobs.Has(blob)) {
    return Error{ErrorCode::kNotFound,
                 "the blob " + blob.digest + " is missing or has another size",
                 {},
                 "`casemate artifact verify` says what is damaged; make the image again",
                 0};
  }
  if (auto begun = target.Begin(name, blob.size); !begun) {
    return begun;
  }
  Result<void> written;
  std::int64_t left = blob.size;
  auto streamed = blobs.Stream(blob.digest, [&](std::string_view piece) {
    left -= static_cast<std::int64_t>(piece.size());
    // More than the header says would be read as headers of other entries.
    written = left < 0
                  ? Error{ErrorCode::kDataLoss, blob.digest + " grew while it was read", {}, {}, 0}
                  : target.Write(piece);
    return written.ok();
  });
  if (!written) {
    return written;
  }
  return streamed ? target.End(blob.size) : streamed;
}

std::string BlobName(std::string_view digest) {
  return "blobs/sha256/" + std::string(oci::HexOf(digest));
}

json IndexJson(const ImageBlobs& image, const Artifact& artifact) {
  json entry = oci::ToJson(image.root);
  const std::string tag = artifact.tag.empty() ? "latest" : artifact.tag;
  entry["annotations"] = {
      {"org.opencontainers.image.ref.name", artifact.name + ":" + tag},
      // By this, containerd and Docker name what they load.
      {"io.containerd.image.name",
       "docker.io/" + std::string(artifact.name.find('/') == std::string::npos ? "library/" : "") +
           artifact.name + ":" + tag}};
  return {{"schemaVersion", 2},
          {"mediaType", oci::kIndexType},
          {"manifests", json::array({std::move(entry)})}};
}

Result<void> WriteOci(Target& target, const oci::BlobStore& blobs, const ImageBlobs& image,
                      const Artifact& artifact) {
  for (const char* directory : {"blobs", "blobs/sha256"}) {
    if (auto added = target.AddDirectory(directory); !added) {
      return added;
    }
  }
  std::vector<oci::Descriptor> all = {image.root};
  for (const ImageManifest& manifest : image.manifests) {
    all.push_back(manifest.descriptor);
    all.push_back(manifest.config);
    all.insert(all.end(), manifest.layers.begin(), manifest.layers.end());
  }
  std::set<std::string> added;
  for (const oci::Descriptor& blob : all) {
    if (added.insert(blob.digest).second) {
      if (auto written = AddBlob(target, BlobName(blob.digest), blobs, blob); !written) {
        return written;
      }
    }
  }
  if (auto written = AddText(target, "index.json", DumpJson(IndexJson(image, artifact)));
      !written) {
    return written;
  }
  return AddText(target, "oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
}

// https://github.com/moby/docker-image-spec: manifest.json and files that it names. Docker unpacks
// layers that are compressed.
Result<void> WriteDockerArchive(Target& target, const oci::BlobStore& blobs,
                                const ImageBlobs& image, const Artifact& artifact) {
  if (image.manifests.size() != 1) {
    return InvalidArgument("--format",
                           "the image is for several platforms, which an archive of "
                           "Docker cannot hold; use --format oci");
  }
  const ImageManifest& manifest = image.manifests.front();
  const std::string config(oci::HexOf(manifest.config.digest));
  if (auto written = AddBlob(target, config + ".json", blobs, manifest.config); !written) {
    return written;
  }
  json layers = json::array();
  std::set<std::string> added;
  for (const oci::Descriptor& layer : manifest.layers) {
    const std::string name = std::string(oci::HexOf(layer.digest)) + ".tar.gz";
    layers.push_back(name);
    if (added.insert(name).second) {
      if (auto written = AddBlob(target, name, blobs, layer); !written) {
        return written;
      }
    }
  }
  const std::string tag = artifact.tag.empty() ? "latest" : artifact.tag;
  const json entry = {{"Config", config + ".json"},
                      {"RepoTags", json::array({artifact.name + ":" + tag})},
                      {"Layers", std::move(layers)}};
  return AddText(target, "manifest.json", DumpJson(json::array({entry})));
}

Result<std::unique_ptr<Target>> OpenTarget(ExportFormat format, const std::string& output) {
  if (output.ends_with(".tar") || output == kStandardOutput) {
    auto tar = std::make_unique<TarTarget>(output);
    auto opened = tar->Open();
    return opened ? Result<std::unique_ptr<Target>>(std::move(tar))
                  : Result<std::unique_ptr<Target>>(opened.error());
  }
  if (format == ExportFormat::kDockerArchive) {
    return InvalidArgument("--output",
                           "expected a file that ends with .tar, or -, got " + Quoted(output));
  }
  std::string path = output;
  while (path.size() > 1 && path.ends_with('/')) {
    path.pop_back();
  }
  std::error_code ignored;
  const bool is_there = std::filesystem::exists(path, ignored);
  if (path.empty() || (is_there && (!std::filesystem::is_directory(path, ignored) ||
                                    !std::filesystem::is_empty(path, ignored)))) {
    return InvalidArgument(
        "--output",
        "expected FILE.tar, or a directory that is not there or empty, got " + Quoted(output));
  }
  auto directory = std::make_unique<DirectoryTarget>(path);
  auto opened = directory->Open();
  return opened ? Result<std::unique_ptr<Target>>(std::move(directory))
                : Result<std::unique_ptr<Target>>(opened.error());
}

}  // namespace

Result<void> ExportArtifact(const oci::BlobStore& blobs, const Artifact& artifact,
                            ExportFormat format, const std::string& output) {
  auto image = FollowImage(blobs, artifact.image_digest);
  if (!image) {
    return image.error();
  }
  auto target = OpenTarget(format, output);
  if (!target) {
    return target.error();
  }
  auto written = format == ExportFormat::kOci
                     ? WriteOci(**target, blobs, *image, artifact)
                     : WriteDockerArchive(**target, blobs, *image, artifact);
  return written ? (*target)->Finish() : written;
}

}  // namespace casemate::artifacts
