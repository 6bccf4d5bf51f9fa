// What is in an image, as its layers leave it: content of files that somebody wants, and all
// directories. Layers are compared with their digests and with the configuration. Stateless;
// thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "sandbox/container/oci/blob_store.h"
#include "sandbox/container/oci/directories.h"
#include "sandbox/container/oci/image.h"

namespace casemate::oci {

// The content of each path that is `wanted` and is a file, or a link that leads to one; paths are
// relative. A file is offered by its own path and by those that lead to it through one linked
// directory (lib/x of usr/lib/x, where /lib is a link). Layers that hold what is wanted are read
// twice. Errors: kResourceExhausted for a wanted file beyond `max_file_bytes`, for all beyond
// `max_total_bytes`, or for an image beyond all bounds; of ReadImageLayer and ImageTree.
Result<std::map<std::string, std::string>> ReadImageFiles(
    const Image& image, const BlobStore& store,
    const std::function<bool(const std::string&)>& wanted, std::size_t max_file_bytes,
    std::size_t max_total_bytes, const std::stop_token& stop);

// All directories and symbolic links. Errors: of ReadImageLayer and ImageTree.
Result<Directories> DirectoriesOf(const Image& image, const BlobStore& store,
                                  const std::stop_token& stop);

// The same from `<store>/directories`, where it is kept by the digest of the manifest. What is
// damaged there is made anew. Errors: as above; of the kernel.
Result<Directories> KeptDirectoriesOf(const Image& image, const BlobStore& store,
                                      const std::stop_token& stop);

}  // namespace casemate::oci
