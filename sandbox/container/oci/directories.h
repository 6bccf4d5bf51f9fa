// What an image has as directories and links: where a path leads there, and what a layer on it must
// say of a directory to leave it as it is. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace casemate::oci {

struct DirectoryInfo {
  std::uint32_t mode = 0;  // permission bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  bool is_link = false;  // symbolic; to a directory or to anything else
  std::string target;    // of a link, as it is written
  bool operator==(const DirectoryInfo&) const = default;
};

// By path: relative, clean; the root is "".
using Directories = std::map<std::string, DirectoryInfo, std::less<>>;

// The target of the symbolic link at a path; nullptr: there is none.
using LinkAt = std::function<const std::string*(const std::string& path)>;

// Where `path` leads within the image: links on the way followed, ".." no further than the root,
// the last part followed or not. nullopt: too many links, as in a circle, or a name of absurd
// length.
std::optional<std::string> ResolvePath(std::string_view path, bool follow_last,
                                       const LinkAt& link_at);
std::optional<std::string> ResolvePath(std::string_view path, bool follow_last,
                                       const Directories& directories);

}  // namespace casemate::oci
