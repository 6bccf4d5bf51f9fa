// The names of base images: which of an official repository's tags fits, where a mirror has it, and
// by which digest it is known. Pure but for DigestSource; thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::containerize {

// "docker.io/library/node:20" of "node:20"; other names keep their registry.
std::string FullReference(std::string_view reference);

// Replacements of repositories, "FROM=TO" each: "node=mirror.example.com/node",
// "docker.io/=mirror.example.com/hub/". Both names may be short, as Docker understands them.
class BaseMap {
 public:
  // Errors: kInvalidArgument, naming `base_map`.
  static Result<BaseMap> Parse(const std::vector<std::string>& entries);
  // The reference with the longest beginning that an entry names replaced; beginnings end where a
  // part of the name ends.
  [[nodiscard]] std::string Apply(std::string_view reference) const;

 private:
  struct Entry {
    std::string from;  // full
    std::string to;
  };
  std::vector<Entry> entries_;
};

// "sha256:…" of what a reference names now; nullopt: nobody can tell.
using DigestSource = std::function<std::optional<std::string>(const std::string& reference)>;

// "bookworm", or "bullseye" for an exact version that is older than the images on bookworm.
// `tool`: "node", "python", "ruby", "golang", "rust", "php".
std::string_view DebianOf(std::string_view tool, std::string_view version);

}  // namespace casemate::containerize
