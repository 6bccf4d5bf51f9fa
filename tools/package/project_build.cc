#include "tools/package/project_build.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sandbox/container/oci/image_files.h"
#include "sandbox/container/oci/layer_cache.h"
#include "tools/analysis/source_tree.h"
#include "tools/artifacts/dsse.h"
#include "tools/artifacts/provenance.h"
#include "tools/artifacts/sbom.h"
#include "tools/package/pack.h"

namespace casemate::package {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMaxDatabaseBytes = std::size_t{128} << 20;  // of packages, of one image

std::string Now() {
  return oci::Rfc3339(std::time(nullptr));
}

std::int64_t MsSince(Clock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
}

class Builder {
 public:
  Builder(const Project& project, const ProjectBuildOptions& options, const SigningKey& key,
          artifacts::ArtifactStore& store, const Reporter& report, const std::stop_token& stop)
      : project_(project),
        options_(options),
        key_(key),
        store_(store),
        report_(report),
        stop_(stop) {}

  Result<ProjectBuild> Run() {
    const auto chosen = ChosenContainers(project_.manifest, options_.containers);
    if (!chosen) {
      return chosen.error();
    }
    if (auto identified = Identify(); !identified) {
      return identified.error();
    }
    auto cache = oci::LayerCache::Open(store_.blobs());
    if (!cache) {
      return cache.error();
    }
    for (const Container* container : *chosen) {
      const auto begin = Clock::now();
      auto built = Build(*container, **cache);
      if (!built) {
        return built.error();
      }
      if (options_.verify) {
        if (auto verified = Verify(*container, **cache, *built); !verified) {
          return verified.error();
        }
      }
      built->duration_ms = MsSince(begin);
      made_.containers.push_back(*std::move(built));
    }
    return std::move(made_);
  }

 private:
  void Report(const std::string& words) const {
    if (report_) {
      report_(words);
    }
  }

  Result<void> Identify() {
    Report("reading the sources");
    auto scanned =
        Sources::Scan(project_.directory, SourcesOf(project_.manifest, project_.file), stop_);
    if (!scanned) {
      return scanned.error();
    }
    sources_.emplace(*std::move(scanned));
    const Sources* sources = &*sources_;
    auto identity = IdentityOf(project_.document, project_.manifest, *sources);
    if (!identity) {
      return identity.error();
    }
    auto tag = TagFor(project_.manifest, *identity, project_.directory);
    if (!tag) {
      return tag.error();
    }
    made_.identity = *std::move(identity);
    made_.source_files = sources->files().size();
    made_.source_bytes = sources->bytes();
    for (const std::string& path : sources->skipped()) {
      made_.notes.push_back(Quoted(path) + " is no file and no source");
    }
    tag_ = *std::move(tag);
    return {};
  }

  [[nodiscard]] artifacts::Artifact FactsOf(const Container& container) const {
    artifacts::Artifact facts;
    facts.name = container.name;
    facts.tag = tag_;
    facts.kind = options_.format == oci::ImageFormat::kOci ? "image" : "docker-image";
    facts.manifest_hash = "sha256:" + made_.identity.manifest_hash;
    facts.source_hash = "sha256:" + made_.identity.source_hash;
    facts.owner = options_.owner;
    return facts;
  }

  Result<BuiltContainer> Build(const Container& container, oci::LayerCache& cache) {
    artifacts::Artifact facts = FactsOf(container);
    BuiltContainer built;
    built.name = container.name;
    // Who comes second with the same finds what the first has made.
    const auto lock =
        cache.LockFor("build-" + container.name + "-" + made_.identity.Short(), stop_);
    if (!lock) {
      return lock.error();
    }
    auto made = options_.use_cache ? FindMade(facts, container) : std::nullopt;
    if (made && !HasOutputs()) {
      return Unchanged(std::move(built), *std::move(made));
    }
    const std::string started = Now();
    if (auto fetched = Fetch(container); !fetched) {
      return fetched.error();
    }
    Report("packing " + container.name);
    auto packed = PackContainer(project_.manifest, container, made_.identity, project_.directory,
                                PackAs(options_.use_cache), cache, store_.blobs(), stop_);
    if (!packed) {
      return packed.error();
    }
    built.layers_written = packed->layers_written;
    built.layers_cached = packed->layers_cached;
    built.files = packed->files;
    built.notes = packed->notes;
    facts.image_digest = packed->image.manifest.digest;
    if (made && made->image_digest == facts.image_digest) {
      return Unchanged(std::move(built), *std::move(made));
    }
    auto recorded = Record(std::move(facts), container, *packed, started);
    if (!recorded) {
      return recorded.error();
    }
    built.artifact = *std::move(recorded);
    Report(container.name + ": " + built.artifact.Reference() + ", " + built.artifact.image_digest);
    return built;
  }

  [[nodiscard]] PackOptions PackAs(bool use_cache) const {
    PackOptions wanted;
    wanted.format = options_.format;
    wanted.use_cache = use_cache;
    wanted.sources = sources_.has_value() ? &*sources_ : nullptr;
    wanted.manifest_file = project_.file;
    return wanted;
  }

  // Packs it once more, without any cache.
  Result<void> Verify(const Container& container, oci::LayerCache& cache, BuiltContainer& built) {
    if (auto fetched = Fetch(container); !fetched) {
      return fetched;
    }
    Report("packing " + container.name + " once more");
    const auto again =
        PackContainer(project_.manifest, container, made_.identity, project_.directory,
                      PackAs(false), cache, store_.blobs(), stop_);
    const auto before = oci::ReadImage(built.artifact.image_digest, store_.blobs());
    if (!again || !before) {
      return again ? before.error() : again.error();
    }
    auto drift = oci::CompareImages(*before, again->image, store_.blobs(), {}, stop_);
    if (!drift) {
      return drift.error();
    }
    built.drift = *std::move(drift);
    return {};
  }

  // What builds leave is no source: it may differ where the identity does not, so all of it is
  // looked at again before anything is called unchanged.
  [[nodiscard]] bool HasOutputs() const {
    return std::ranges::any_of(project_.manifest.applications,
                               [](const Application& app) { return !app.build_outputs.empty(); });
  }

  [[nodiscard]] BuiltContainer Unchanged(BuiltContainer built, artifacts::Artifact found) const {
    Report(built.name + ": unchanged, " + found.Reference());
    built.artifact = std::move(found);
    built.cached = true;
    return built;
  }

  Result<void> Fetch(const Container& container) {
    if (DigestOfBase(container).empty()) {
      return {};
    }
    return FetchBase(container.base, project_.manifest.packaging.architecture, options_.registry,
                     store_.blobs(), report_, stop_);
  }

  // All of it is read again, and it is ours, made by this version of the same base.
  std::optional<artifacts::Artifact> FindMade(const artifacts::Artifact& facts,
                                              const Container& container) {
    const auto found = store_.FindMade(facts);
    if (!found) {
      return std::nullopt;
    }
    for (const artifacts::Artifact& artifact : *found) {
      const auto whole = store_.Verify(artifact.owner, artifact.id, key_.verifying_key());
      if (artifact.tag != facts.tag || !whole || !whole->is_whole()) {
        continue;
      }
      const auto envelope = store_.ReadProvenance(artifact);
      const auto statement = envelope ? artifacts::OpenEnvelope(*envelope, artifacts::kInTotoType,
                                                                key_.verifying_key())
                                      : Result<std::string>(envelope.error());
      const auto said = statement ? artifacts::ParseStatement(*statement)
                                  : Result<artifacts::ProvenanceFacts>(statement.error());
      if (said && said->builder_version == CASEMATE_VERSION &&
          said->base_digest == DigestOfBase(container)) {
        return artifact;
      }
    }
    return std::nullopt;
  }

  Result<artifacts::Artifact> Record(artifacts::Artifact facts, const Container& container,
                                     const Packed& packed, const std::string& started) {
    const auto tree = analysis::SourceTree::Scan(project_.directory, {}, stop_);
    if (!tree) {
      return tree.error();
    }
    artifacts::SbomInput input;
    input.name = facts.name;
    input.version = facts.tag;
    input.image_digest = facts.image_digest;
    input.tool_version = CASEMATE_VERSION;
    input.sources = &*tree;
    auto files = oci::ReadImageFiles(packed.image, store_.blobs(), artifacts::IsPackageDatabase,
                                     artifacts::kMaxImageFileBytes, kMaxDatabaseBytes, stop_);
    if (!files && files.error().code != ErrorCode::kUnavailable) {  // a form that is not read
      return files.error();
    }
    if (files) {
      input.image_files = *std::move(files);
    }
    const auto sbom = artifacts::MakeSbom(input);
    if (!sbom) {
      return sbom.error();
    }
    artifacts::ProvenanceFacts said;
    said.subjects = {{facts.Reference(), facts.image_digest}};
    said.manifest_hash = facts.manifest_hash;
    said.source_hash = facts.source_hash;
    said.base_digest = packed.base_digest;
    said.base_name =
        packed.base_digest.empty() ? "" : container.base.substr(0, container.base.find('@'));
    said.builder_version = CASEMATE_VERSION;
    said.parameters = {{"container", container.name}, {"format", facts.kind}};
    said.environment = {{"layers", std::string(oci::LayerFormat())}};
    if (const auto commit = GitCommit(project_.directory)) {
      said.environment.emplace("git_commit", *commit);
    }
    said.invocation_id = options_.invocation_id;
    said.started = started;
    said.finished = Now();
    said.sbom_digest = oci::DigestOf(*sbom);
    const auto statement = artifacts::ProvenanceStatement(said);
    if (!statement) {
      return statement.error();
    }
    const std::string envelope = artifacts::SignEnvelope(artifacts::kInTotoType, *statement, key_);
    return store_.Record(std::move(facts), *sbom, envelope);
  }

  const Project& project_;
  const ProjectBuildOptions& options_;
  const SigningKey& key_;
  artifacts::ArtifactStore& store_;
  const Reporter& report_;
  const std::stop_token& stop_;
  ProjectBuild made_;
  std::optional<Sources> sources_;
  std::string tag_;
};

}  // namespace

Result<std::vector<const Container*>> ChosenContainers(const Manifest& manifest,
                                                       const std::vector<std::string>& wanted) {
  std::vector<const Container*> chosen;
  for (const std::string& name : wanted) {
    const Container* container = manifest.FindContainer(name);
    if (container == nullptr) {
      return InvalidArgument("containers",
                             "expected names of the manifest's containers, got " + Quoted(name));
    }
    chosen.push_back(container);
  }
  if (wanted.empty()) {
    for (const Container& container : manifest.containers) {
      chosen.push_back(&container);
    }
  }
  for (const Container* container : chosen) {
    if (container->base.empty()) {
      Error error = InvalidArgument(
          "containers", "expected containers with a `base`: " + Quoted(container->name) +
                            " has a Dockerfile, which an engine must build");
      error.remedy = "name those with a base, or build it with `docker build` or `podman build`";
      return error;
    }
  }
  if (chosen.empty()) {
    return InvalidArgument("containers", "expected a manifest with containers, got one without");
  }
  return chosen;
}

Result<ProjectBuild> BuildProject(const Project& project, const ProjectBuildOptions& options,
                                  const SigningKey& key, artifacts::ArtifactStore& store,
                                  const Reporter& report, const std::stop_token& stop) {
  return Builder(project, options, key, store, report, stop).Run();
}

}  // namespace casemate::package
