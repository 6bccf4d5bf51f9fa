// The file form of signatures: YAML, as signatures.yaml in this folder explains. The built-in table
// is such a file that travels inside the program. Stateless; thread-safe. Errors are
// kInvalidArgument and name file, line and column.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/container/services/signatures.h"

namespace casemate::container {

// `origin` is the file's name for errors.
Result<std::vector<Signature>> ParseSignatures(std::string_view text, const std::string& origin);
// At most 1 MiB. Relative paths are taken from the working directory.
Result<std::vector<Signature>> LoadSignatures(const std::string& path);

// The text of signatures.yaml.
std::string_view ShippedSignatures();

}  // namespace casemate::container
