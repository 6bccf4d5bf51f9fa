// Writing what was generated (a Dockerfile and its .dockerignore, a manifest) into a directory:
// below it and nowhere else, whole or not at all, and never over what is there unless that is asked
// for. Stateless; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "tools/containerize/generate.h"

namespace casemate::containerize {

struct Saved {
  std::vector<std::string> written;  // paths from the root
  std::vector<std::string> kept;     // that were there, and stay
};

// `root` is lent for the call. A Dockerfile that is there is an error unless `overwrite`; a
// .dockerignore that is there is kept then. One with the same text is not written again. Errors:
// kInvalidArgument names `overwrite`; those of the kernel.
Result<Saved> SaveGenerated(int root, const Generated& generated, bool overwrite);
// One file, by the rules for a Dockerfile.
Result<Saved> SaveFile(int root, const std::string& path, const std::string& text, bool overwrite);

}  // namespace casemate::containerize
