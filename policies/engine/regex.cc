#include "policies/engine/regex.h"

#include <re2/re2.h>

#include <string>

#include "base/text.h"

namespace casemate::policies {

namespace {

constexpr std::int64_t kMaxCompiledBytes = std::int64_t{1} << 20;

}  // namespace

Result<Regex> Regex::Compile(std::string_view pattern) {
  if (pattern.empty() || pattern.size() > kMaxRegexBytes) {
    return InvalidArgument("", "expected a regular expression of 1 to 1024 bytes");
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxCompiledBytes);
  options.set_never_capture(true);
  options.set_dot_nl(true);  // `.` is any character: a line break must not slip past a rule
  auto compiled =
      std::make_shared<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!compiled->ok()) {
    return InvalidArgument("", "expected a regular expression of RE2: " +
                                   EscapeControls(ToValidUtf8(compiled->error()), false));
  }
  return Regex(std::move(compiled));
}

bool Regex::Matches(std::string_view text) const {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *compiled_);
}

}  // namespace casemate::policies
