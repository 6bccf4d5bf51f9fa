// Packaging a project: every container of its manifest becomes an artifact: an image with its bill
// of materials and signed provenance, recorded in the store. What was made before of the same
// manifest and sources is used again, after all of it was checked, and outputs of builds, which are
// no sources, were read again. Stateless; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "base/signing_key.h"
#include "sandbox/container/oci/image.h"
#include "sandbox/container/oci/image_diff.h"
#include "sandbox/container/registry/options.h"
#include "tools/artifacts/artifact_store.h"
#include "tools/package/base_image.h"
#include "tools/package/identity.h"
#include "tools/package/manifest.h"

namespace casemate::package {

// The initialisers let g++ 12 accept designated initialisers that name only some members.
// NOLINTBEGIN(readability-redundant-member-init)
struct ProjectBuildOptions {
  std::vector<std::string> containers{};  // names; empty: all
  oci::ImageFormat format = oci::ImageFormat::kOci;
  bool use_cache = true;
  bool verify = false;                   // make each once more from nothing, and compare
  registry::RegistryOptions registry{};  // whence bases come
  artifacts::ArtifactOwner owner{};
  std::string invocation_id{};  // for the provenance
};
// NOLINTEND(readability-redundant-member-init)

struct BuiltContainer {
  std::string name;
  artifacts::Artifact artifact;
  bool cached = false;  // it was there, and whole
  std::size_t layers_written = 0;
  std::size_t layers_cached = 0;
  std::size_t files = 0;  // of the workspace
  std::int64_t duration_ms = 0;
  std::vector<std::string> notes;
  std::optional<oci::ImageDrift> drift;  // with `verify`: in what the second one differs
};

struct ProjectBuild {
  Identity identity;
  std::size_t source_files = 0;
  std::int64_t source_bytes = 0;
  std::vector<BuiltContainer> containers;
  std::vector<std::string> notes;
};

// A manifest and where it lies.
struct Project {
  const Manifest& manifest;
  const nlohmann::json& document;
  int directory = -1;  // lent for the call
  std::string file;    // the manifest's, in it
};

// The names that `wanted` stands for. Errors: kInvalidArgument names `containers`, for one that is
// none or that an engine must build.
Result<std::vector<const Container*>> ChosenContainers(const Manifest& manifest,
                                                       const std::vector<std::string>& wanted);

// Errors: of ChosenContainers, Sources::Scan, FetchBase, PackContainer and ArtifactStore::Record.
Result<ProjectBuild> BuildProject(const Project& project, const ProjectBuildOptions& options,
                                  const SigningKey& key, artifacts::ArtifactStore& store,
                                  const Reporter& report, const std::stop_token& stop);

}  // namespace casemate::package
