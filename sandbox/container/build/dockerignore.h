// IgnoreRules: what a `.dockerignore` keeps out of a build context, exactly as Docker reads it
// (github.com/moby/patternmatcher, ignorefile included, and the walk of BuildKit): the last pattern
// that matches decides, `!` takes back, and what matches a directory matches all below it.
// Immutable; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/container/build/ignore_pattern.h"

namespace casemate::container {

inline constexpr std::size_t kMaxIgnoreFileBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxIgnorePatterns = 2000;
inline constexpr std::size_t kMaxIgnoreLineBytes = 64 * 1024 - 1;  // what Docker reads at most

// Which patterns match a directory: those match what lies in it, too.
using IgnoreMatches = std::vector<bool>;

class IgnoreRules {
 public:
  IgnoreRules() = default;  // excludes nothing
  // Errors: kInvalidArgument, which names the line and the pattern; kResourceExhausted beyond the
  // bounds above.
  static Result<IgnoreRules> Parse(std::string_view text);

  // In a walk: `parent` are the matches of the directory that holds `path` (empty: it is the root),
  // `own` becomes those of `path`.
  [[nodiscard]] bool Excludes(std::string_view path, const IgnoreMatches& parent,
                              IgnoreMatches& own) const;
  // What such a walk says of one path.
  [[nodiscard]] bool Excludes(std::string_view path) const;
  // Whether something below an excluded directory may be taken back, so that it must be walked.
  [[nodiscard]] bool MayReincludeBelow(std::string_view directory) const;
  [[nodiscard]] std::size_t size() const { return patterns_.size(); }

 private:
  Result<void> Add(std::string_view line);

  std::vector<IgnorePattern> patterns_;
  bool has_exceptions_ = false;
  bool has_plain_exceptions_ = true;  // all of them have a plain base
};

// A path by the rules of Go's filepath.Clean: no `.`, no double slashes, `..` resolved by name.
std::string CleanPath(std::string_view path);

}  // namespace casemate::container
