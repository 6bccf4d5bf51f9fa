// An artifact as files that other programs read: an OCI image layout (a directory or a tar archive,
// for skopeo, podman load, docker load of version 25 and later), or the archive that `docker load`
// of all versions reads. What is written is whole: it gets its name at the end. Stateless.
#pragma once

#include <string>

#include "base/result.h"
#include "tools/artifacts/artifact_store.h"

namespace casemate::artifacts {

enum class ExportFormat { kOci, kDockerArchive };

// `output`: FILE.tar, which is replaced if it is there; "-", an archive on standard output; or
// (kOci only) a directory that is not there or empty. Every blob is checked while it is read.
// Errors: kInvalidArgument for another output; kNotFound, kDataLoss for blobs; kResourceExhausted
// when the disk is full. No file is left then.
Result<void> ExportArtifact(const oci::BlobStore& blobs, const Artifact& artifact,
                            ExportFormat format, const std::string& output);

}  // namespace casemate::artifacts
