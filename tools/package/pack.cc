#include "tools/package/pack.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "base/text.h"
#include "sandbox/container/init_config/init_config.h"
#include "sandbox/container/oci/image_files.h"
#include "tools/package/image_settings.h"
#include "tools/package/sources.h"

namespace casemate::package {
namespace {

constexpr std::uint32_t kFileMode = 0644;
constexpr std::uint32_t kProgramMode = 0755;
constexpr std::uint32_t kLinkMode = 0777;
constexpr std::uint32_t kOpenToAll = 01777;
constexpr std::uint32_t kMaxId = 2'097'151;  // in a header of ustar

// A layer, before it is written.
struct Draft {
  std::string made_by;
  oci::LayerPlan plan;
};

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

std::optional<std::uint32_t> AsId(std::string_view text) {
  std::uint32_t id = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool is_id =
      read.ec == std::errc() && read.ptr == text.data() + text.size() && id <= kMaxId;
  return is_id ? std::optional(id) : std::nullopt;
}

// nullopt: by name, which only the image could resolve.
std::optional<Owner> OwnerOf(const std::string& user) {
  const std::size_t colon = user.find(':');
  const auto uid = AsId(std::string_view(user).substr(0, colon));
  const auto gid = colon == std::string::npos ? std::optional<std::uint32_t>(0)
                                              : AsId(std::string_view(user).substr(colon + 1));
  return uid && gid ? std::optional(Owner{*uid, *gid}) : std::nullopt;
}

class Packer {
 public:
  Packer(const Manifest& manifest, const Container& container, const Identity& identity,
         int directory, const PackOptions& options, oci::LayerCache& cache, oci::BlobStore& store,
         const std::stop_token& stop)
      : manifest_(manifest),
        container_(container),
        identity_(identity),
        directory_(directory),
        options_(options),
        cache_(cache),
        store_(store),
        stop_(stop) {}

  Result<Packed> Run() {
    if (auto known = ReadBase(); !known) {
      return known.error();
    }
    if (auto drafted = Draw(); !drafted) {
      return drafted.error();
    }
    std::vector<oci::NamedLayer> layers;
    for (Draft& draft : drafts_) {
      auto layer = Write(draft);
      if (!layer) {
        return layer.error();
      }
      layers.push_back({*std::move(layer), draft.made_by});
    }
    auto image = oci::WriteImage(packed_.base_digest, layers,
                                 SettingsOf(manifest_, container_, identity_, packed_.has_init),
                                 options_.format, store_);
    if (!image) {
      return image.error();
    }
    packed_.image = *std::move(image);
    return std::move(packed_);
  }

 private:
  // What layers must leave as it is: modes and owners of directories, and links.
  Result<void> ReadBase() {
    packed_.base_digest = DigestOfBase(container_);
    if (packed_.base_digest.empty()) {
      return {};
    }
    const auto manifest =
        oci::ManifestFor(packed_.base_digest, manifest_.packaging.architecture, store_);
    if (!manifest) {
      return manifest.error();
    }
    const auto base = oci::ReadImage(manifest->digest, store_);
    if (!base) {
      return base.error();
    }
    auto directories = oci::KeptDirectoriesOf(*base, store_, stop_);
    if (directories) {
      base_ = *std::move(directories);
      return {};
    }
    Error error = directories.error();
    if (error.code == ErrorCode::kUnavailable) {  // zstd: what holds for most bases must do
      is_base_unread_ = true;
      packed_.notes.push_back(
          "the base's directories are not known, so that those above files "
          "get usual modes: " +
          error.message);
      return {};
    }
    error.field = "base";
    return error;
  }

  // All layers: what seldom changes first.
  Result<void> Draw() {
    auto init = InitOf(manifest_, container_);
    if (!init) {
      return init.error();
    }
    if (const auto& config = *init; config) {
      if (auto drawn = DrawInit(*config); !drawn) {
        return drawn;
      }
    }
    if (!container_.files.empty()) {
      if (auto drawn = DrawFiles(); !drawn) {
        return drawn;
      }
    } else if (auto drawn = DrawApplications(); !drawn) {
      return drawn;
    }
    return DrawVolumes();  // over what the others say of these directories
  }

  Result<void> DrawApplications() {
    for (const std::string& name : container_.applications) {
      if (auto drawn = DrawApplication(*manifest_.FindApplication(name)); !drawn) {
        return drawn;
      }
    }
    return {};
  }

  Result<void> DrawInit(const container::InitConfig& init) {
    auto text = container::InitConfigText(init);
    if (!text) {
      return text.error();
    }
    Draft draft{"casemate: init", {}};
    if (auto added = draft.plan.AddText(std::string(container::kInitPath.substr(1)),
                                        std::string(container::InitProgram()), kProgramMode);
        !added) {
      return added;
    }
    if (auto added = draft.plan.AddText(std::string(container::kInitConfigPath.substr(1)),
                                        *std::move(text), kFileMode);
        !added) {
      return added;
    }
    for (const container::InitApp& app : init.apps) {
      if (app.directory == kAppRoot || app.directory.starts_with(std::string(kAppRoot) + "/")) {
        init_directories_.push_back(app.directory);
      }
    }
    packed_.has_init = true;
    drafts_.push_back(std::move(draft));
    return {};
  }

  // Engines give a new volume the owner and the mode of the directory that it hides.
  Result<void> DrawVolumes() {
    if (container_.volumes.empty()) {
      return {};
    }
    const auto owner = OwnerOf(container_.user.value_or(std::string(kDefaultUser)));
    Draft draft{"casemate: volumes", {}};
    for (const std::string& volume : container_.volumes) {
      oci::LayerEntry entry;
      entry.path = volume.substr(1);
      entry.type = oci::TarType::kDirectory;
      entry.mode = owner ? kProgramMode : kOpenToAll;
      entry.uid = owner ? owner->uid : 0;
      entry.gid = owner ? owner->gid : 0;
      if (auto added = draft.plan.Add(std::move(entry)); !added) {
        return added;
      }
    }
    drafts_.push_back(std::move(draft));
    return {};
  }

  Result<void> DrawFiles() {
    Draft draft{"casemate: files", {}};
    for (const FileMapping& mapping : container_.files) {
      if (auto added = AddFiles(mapping, IsOutput(mapping.from), draft.plan); !added) {
        return added;
      }
    }
    if (auto added = AddWorkingDirectories(draft.plan); !added) {
      return added;
    }
    drafts_.push_back(std::move(draft));
    return {};
  }

  // The init enters each application's directory, and engines make only the image's own.
  Result<void> AddWorkingDirectories(oci::LayerPlan& plan) {
    for (const std::string& directory : init_directories_) {
      oci::LayerEntry entry;
      entry.path = directory.substr(1);
      entry.type = oci::TarType::kDirectory;
      entry.mode = kProgramMode;
      if (auto added = plan.Add(std::move(entry)); !added) {
        return added;
      }
    }
    return {};
  }

  Result<void> DrawApplication(const Application& app) {
    Draft draft{"casemate: application " + app.name, {}};
    if (app.build_outputs.empty()) {
      if (auto added = AddFiles({app.path, PlaceOf(app)}, false, draft.plan); !added) {
        return added;
      }
    }
    for (const std::string& output : app.build_outputs) {
      const std::string inner = output.empty() ? "" : "/" + output;
      const std::string from = app.path.empty() ? output : app.path + inner;
      if (auto added = AddFiles({from, PlaceOf(app) + inner}, true, draft.plan); !added) {
        return added;
      }
    }
    drafts_.push_back(std::move(draft));
    return {};
  }

  // What a build left is wanted even where a .dockerignore keeps it out of the sources.
  [[nodiscard]] bool IsOutput(const std::string& path) const {
    for (const Application& app : manifest_.applications) {
      for (const std::string& output : app.build_outputs) {
        const std::string whole = app.path.empty() ? output : app.path + "/" + output;
        if (path == whole || path.starts_with(whole + "/")) {
          return true;
        }
      }
    }
    return false;
  }

  Result<void> AddFiles(const FileMapping& mapping, bool output, oci::LayerPlan& plan) {
    SourceOptions wanted;
    wanted.below = mapping.from;
    wanted.ignores = !output;
    auto sources = Sources::Scan(directory_, wanted, stop_);
    if (!sources) {
      Error error = sources.error();
      if (error.code == ErrorCode::kNotFound && output) {
        error.remedy = "build it first: the application's build.commands make it";
      }
      return error;
    }
    if (auto same = CheckUnchanged(wanted, *sources); !same) {
      return same;
    }
    for (const std::string& path : sources->skipped()) {
      packed_.notes.push_back(Quoted(path) + " is no file and is left out");
    }
    if (sources->files().empty()) {
      return Error{ErrorCode::kNotFound,
                   "there is no file at " + Quoted(mapping.from.empty() ? "." : mapping.from),
                   "files", "look at the rules of .dockerignore, and at what builds leave", 0};
    }
    scans_.push_back(std::make_shared<const Sources>(*std::move(sources)));
    for (const SourceFile& file : scans_.back()->files()) {
      if (auto added = AddFile(file, mapping, plan); !added) {
        return added;
      }
    }
    packed_.files += scans_.back()->files().size();
    return {};
  }

  // The image is recorded under the hash of the sources: it must hold those and no later ones.
  [[nodiscard]] Result<void> CheckUnchanged(const SourceOptions& scanned,
                                            const Sources& now) const {
    if (options_.sources == nullptr) {
      return {};
    }
    const auto changed = [](const std::string& path) {
      return Error{ErrorCode::kInvalidArgument, Quoted(path) + " changed while it was packaged",
                   "files", "package it again once nothing writes to it", 0};
    };
    const auto before = options_.sources->At(scanned.below);
    for (const SourceFile& file : before) {
      const auto found = std::ranges::lower_bound(now.files(), file.path, {}, &SourceFile::path);
      if (found == now.files().end() || found->path != file.path || found->digest != file.digest ||
          found->link_target != file.link_target || found->is_link != file.is_link ||
          found->is_executable != file.is_executable) {
        return changed(file.path);
      }
    }
    for (const SourceFile& file : now.files()) {
      const bool is_known = std::ranges::binary_search(before, file.path, {}, &SourceFile::path);
      if (!is_known && scanned.ignores && !IsOutput(file.path) &&
          file.path != options_.manifest_file) {
        return changed(file.path);
      }
    }
    return {};
  }

  Result<void> AddFile(const SourceFile& file, const FileMapping& mapping, oci::LayerPlan& plan) {
    if (auto fits = CheckPlace(mapping.to); !fits) {
      return fits;
    }
    // "/app" for a file itself, "/app/REST" for what lies below a directory.
    std::string_view rest = std::string_view(file.path).substr(mapping.from.size());
    std::string path = mapping.to;
    if (!rest.empty()) {
      rest.remove_prefix(rest[0] == '/' ? 1 : 0);
      path += (path.ends_with('/') ? "" : "/") + std::string(rest);
    }
    oci::LayerEntry entry;
    entry.path = path.substr(1);
    entry.type = file.is_link ? oci::TarType::kSymlink : oci::TarType::kFile;
    entry.mode = file.is_link ? kLinkMode : file.is_executable ? kProgramMode : kFileMode;
    entry.link_target = file.link_target;
    entry.size = file.is_link ? 0 : file.size;
    entry.digest = file.digest;
    if (!file.is_link) {
      entry.open = [sources = scans_.back(), name = file.path] { return sources->OpenFile(name); };
    }
    return plan.Add(std::move(entry));
  }

  // Most images link these to /usr: a directory of that name in a layer would hide all that is
  // there. LayerPlan::Close knows it of bases that were read.
  [[nodiscard]] Result<void> CheckPlace(const std::string& to) const {
    constexpr auto kLinked =
        std::to_array<std::string_view>({"bin", "sbin", "lib", "lib32", "lib64", "libx32"});
    constexpr auto kMounted = std::to_array<std::string_view>({"proc", "sys", "dev"});
    std::string_view first = std::string_view(to).substr(1);
    first = first.substr(0, first.find('/'));
    if (is_base_unread_ && std::ranges::find(kLinked, first) != kLinked.end()) {
      return InvalidArgument("files", "expected a place below \"/usr\" instead of " + Quoted(to) +
                                          ", which is a link in most bases");
    }
    if (std::ranges::find(kMounted, first) != kMounted.end()) {
      return InvalidArgument("files", "expected a place that the image keeps, got " + Quoted(to) +
                                          ", where engines mount their own");
    }
    return {};
  }

  // One at a time for the same content: who comes second finds what the first has made.
  Result<oci::Layer> Write(Draft& draft) {
    if (auto closed = draft.plan.Close(base_); !closed) {
      return closed.error();
    }
    const std::int64_t epoch = manifest_.packaging.source_date_epoch;
    const std::string key = draft.plan.Key(epoch);
    const auto lock = cache_.LockFor(key, stop_);
    if (!lock) {
      return lock.error();
    }
    if (options_.use_cache) {
      if (auto found = cache_.Find(key)) {
        ++packed_.layers_cached;
        return *std::move(found);
      }
    }
    auto layer = oci::WriteLayer(draft.plan, epoch, store_, stop_);
    if (!layer) {
      return layer.error();
    }
    if (auto put = cache_.Put(key, *layer); !put) {
      return put.error();
    }
    ++packed_.layers_written;
    return layer;
  }

  const Manifest& manifest_;
  const Container& container_;
  const Identity& identity_;
  const int directory_;
  const PackOptions& options_;
  oci::LayerCache& cache_;
  oci::BlobStore& store_;
  const std::stop_token& stop_;
  oci::Directories base_;
  bool is_base_unread_ = false;
  std::vector<Draft> drafts_;
  std::vector<std::shared_ptr<const Sources>> scans_;
  std::vector<std::string> init_directories_;
  Packed packed_;
};

}  // namespace

std::string DigestOfBase(const Container& container) {
  const std::size_t at = container.base.find('@');
  return at == std::string::npos ? "" : container.base.substr(at + 1);
}

Result<Packed> PackContainer(const Manifest& manifest, const Container& container,
                             const Identity& identity, int directory, const PackOptions& options,
                             oci::LayerCache& cache, oci::BlobStore& store,
                             const std::stop_token& stop) {
  return Packer(manifest, container, identity, directory, options, cache, store, stop).Run();
}

}  // namespace casemate::package
