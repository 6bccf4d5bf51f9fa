// Packing a container: its files as layers on its base, with configuration and manifest, written by
// Casemate itself. Nothing is run, no engine is needed, and the same manifest, sources and base
// give the same bytes wherever this version of Casemate does it. Stateless; thread-safe.
#pragma once

#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/container/oci/blob_store.h"
#include "sandbox/container/oci/image.h"
#include "sandbox/container/oci/layer_cache.h"
#include "tools/package/identity.h"
#include "tools/package/manifest.h"

namespace casemate::package {

struct PackOptions {
  oci::ImageFormat format = oci::ImageFormat::kOci;
  bool use_cache = true;  // layers that were written before
  // What the identity is of: packed files must be these. nullptr: whatever is there. Borrowed.
  const Sources* sources = nullptr;
  std::string manifest_file;  // in the directory; no source
};

struct Packed {
  oci::Image image;
  std::string base_digest;  // of the base's manifest; empty: scratch
  std::size_t layers_written = 0;
  std::size_t layers_cached = 0;
  std::size_t files = 0;
  bool has_init = false;
  std::vector<std::string> notes;
};

// The files of one container, below `directory` (lent for the call), where outputs of builds lie as
// well. The blobs of the base must be in the cache's store. Errors: kInvalidArgument names the
// member of the manifest; kNotFound for files that are not there; those of WriteLayer, WriteImage.
Result<Packed> PackContainer(const Manifest& manifest, const Container& container,
                             const Identity& identity, int directory, const PackOptions& options,
                             oci::LayerCache& cache, oci::BlobStore& store,
                             const std::stop_token& stop);

// "NAME:TAG@sha256:…" in parts. Precondition: the manifest was read.
std::string DigestOfBase(const Container& container);  // empty: scratch

}  // namespace casemate::package
