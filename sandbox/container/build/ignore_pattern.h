// IgnorePattern: one pattern of a `.dockerignore`, with the meaning that Docker gives it
// (github.com/moby/patternmatcher): Go's filepath.Match for what is well formed, then `*`, `?`,
// `**`, classes and escapes by a regular expression, oddities included: `[*]` is no class of a star
// there, and none here. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace casemate::container {

class IgnorePattern {
 public:
  // `pattern` is clean and has lost its `!`. Errors: kInvalidArgument, with what is wrong and
  // without the pattern.
  static Result<IgnorePattern> Compile(std::string pattern, bool exception);

  // `path`: clean, relative, with slashes. Only this path: parents are the caller's.
  [[nodiscard]] bool Matches(std::string_view path) const;
  // Whether it takes back what an earlier one excluded (`!`).
  [[nodiscard]] bool is_exception() const { return exception_; }
  // Without the `/*` or `/**` at its end: all that it takes back lies below this path...
  [[nodiscard]] std::string_view base() const;
  // ...unless it has wildcards before that, and may match anywhere.
  [[nodiscard]] bool has_plain_base() const;

 private:
  // Which comparison is enough: the whole path, its beginning, its end, or the expression.
  enum class Form : std::uint8_t { kExact, kPrefix, kSuffix, kExpression };
  struct Translation;
  static Translation Translate(std::string_view rest);
  IgnorePattern() = default;

  std::string pattern_;
  bool exception_ = false;
  Form form_ = Form::kExact;
  std::shared_ptr<const re2::RE2> expression_;
};

// Text as Go's regular expressions see it: each byte that is not part of UTF-8 is U+FFFD.
std::string WithReplacementRunes(std::string_view text);

}  // namespace casemate::container
