// Regular expressions of the policy language: RE2 syntax
// (https://github.com/google/re2/wiki/Syntax), in time linear in the text whatever the pattern. The
// whole text must match. Immutable; thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace casemate::policies {

inline constexpr std::size_t kMaxRegexBytes = 1024;
inline constexpr std::size_t kMaxRegexedBytes = std::size_t{64} << 10;

class Regex {
 public:
  // Errors: kInvalidArgument for a pattern that is empty, overlong, wrong, or compiles to more than
  // 1 MiB (attack: x{1000}{1000}).
  static Result<Regex> Compile(std::string_view pattern);
  // Precondition: text.size() <= kMaxRegexedBytes.
  [[nodiscard]] bool Matches(std::string_view text) const;

 private:
  explicit Regex(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace casemate::policies
