// Whole-file reads and writes with bounds and clear errors. Stateless; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace casemate {

// Reads a regular file of at most `max_bytes`; kResourceExhausted beyond that.
Result<std::string> ReadFile(const std::string& path, std::size_t max_bytes);
// What a directory holds, sorted, without "." and ".."; empty when it cannot be read.
std::vector<std::string> ListNames(const std::string& directory);
// Makes `path` and its missing parents with mode 0700.
Result<void> MakePrivateDirectories(const std::string& path);
// Writes all bytes to a descriptor, retrying on EINTR and short writes.
Result<void> WriteAll(int fd, std::string_view bytes);

}  // namespace casemate
