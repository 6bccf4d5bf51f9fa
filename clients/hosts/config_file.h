// A configuration file of somebody else's on disk: read, backed up and replaced at once. A file
// keeps its mode and owner, also when root writes it; a new one belongs to who has its directory.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace casemate::hosts {

inline constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20;

struct ConfigFile {
  std::string path;                    // a symbolic link is followed: of what it leads to
  bool is_link = false;                // the path that was asked for is a symbolic link
  std::optional<std::string> content;  // nothing: there is no such file
  struct stat info{};                  // when it was read
};

// Errors: a directory, a link that leads nowhere, in circles or, for root, to somebody else's file,
// no permission, too large.
Result<ConfigFile> ReadConfig(const std::string& path);

// Replaces the file, or makes it and the directories above. `is_private`: what is made is for its
// owner alone. Fails, and changes nothing, if the file is not as it was read.
Result<void> WriteConfig(const ConfigFile& file, std::string_view content, bool is_private);

// Removes the file, under the same condition.
Result<void> DeleteConfig(const ConfigFile& file);

// A copy beside the file, with its mode and owner; the copy's path.
Result<std::string> BackUp(const ConfigFile& file);

}  // namespace casemate::hosts
