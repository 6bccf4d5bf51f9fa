#include "sandbox/container/build/ignore_pattern.h"

#include <re2/re2.h>

#include <utility>

#include "base/text.h"

namespace casemate::container {

namespace {

// Of one compiled pattern and what it needs to match. Many patterns may be in use at once.
constexpr std::int64_t kMaxCompiledBytes = std::int64_t{128} << 10;

// Length of the UTF-8 sequence at the start of `text`; 0: there is none that is well formed.
std::size_t RuneLength(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return length <= text.size() && IsValidUtf8(text.substr(0, length)) ? length : 0;
}

// One character of a class in the sense of filepath.Match; false: not well formed.
bool TakeClassCharacter(std::string_view& rest) {
  if (rest.empty() || rest.front() == '-' || rest.front() == ']') {
    return false;
  }
  if (rest.front() == '\\') {
    rest.remove_prefix(1);
    if (rest.empty()) {
      return false;
    }
  }
  const std::size_t length = RuneLength(rest);
  rest.remove_prefix(length);
  return length > 0 && !rest.empty();
}

// `rest` begins after the bracket and then after the class.
bool TakeClass(std::string_view& rest) {
  if (!rest.empty() && rest.front() == '^') {
    rest.remove_prefix(1);
  }
  for (bool first = true; first || rest.empty() || rest.front() != ']'; first = false) {
    if (!TakeClassCharacter(rest)) {
      return false;
    }
    if (rest.front() == '-') {
      rest.remove_prefix(1);
      if (!TakeClassCharacter(rest)) {
        return false;
      }
    }
  }
  rest.remove_prefix(1);
  return true;
}

// What filepath.Match calls ErrBadPattern; empty: well formed.
std::string_view SyntaxError(std::string_view rest) {
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '\\') {
      if (rest.empty()) {
        return "it ends with a backslash";
      }
      rest.remove_prefix(1);
    } else if (c == '[' && !TakeClass(rest)) {
      return "a class [...] is empty, not closed, or has a range without an end";
    }
  }
  return {};
}

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  const bool has = text.starts_with(prefix);
  text.remove_prefix(has ? prefix.size() : 0);
  return has;
}

}  // namespace

std::string WithReplacementRunes(std::string_view text) {
  std::string runes;
  while (!text.empty()) {
    const std::size_t length = RuneLength(text);
    runes += length > 0 ? text.substr(0, length) : "\xEF\xBF\xBD";
    text.remove_prefix(length > 0 ? length : 1);
  }
  return runes;
}

struct IgnorePattern::Translation {
  Form form = Form::kExact;
  std::string expression = "^";
};

// The order of the cases is what decides on the form, as in Docker: `**` at the beginning makes a
// comparison of ends even after it was an expression, and any wildcard after it an expression
// again.
IgnorePattern::Translation IgnorePattern::Translate(std::string_view rest) {
  Translation made;
  TakePrefix(rest, "\xEF\xBB\xBF");
  for (bool first = true; !rest.empty(); first = false) {
    if (TakePrefix(rest, "**")) {
      TakePrefix(rest, "/");
      if (!rest.empty()) {
        made.expression += "(.*/)?";
        made.form = Form::kExpression;
      } else if (made.form == Form::kExact) {
        made.form = Form::kPrefix;
      } else {
        made.expression += ".*";
        made.form = Form::kExpression;
      }
      made.form = first ? Form::kSuffix : made.form;
      continue;
    }
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '*') {
      made.expression += "[^/]*";
      made.form = Form::kExpression;
    } else if (c == '?') {
      made.expression += "[^/]";
      made.form = Form::kExpression;
    } else if (c == '\\') {
      made.expression += '\\';
      if (!rest.empty()) {
        made.expression += rest.front();
        rest.remove_prefix(1);
        made.form = Form::kExpression;
      }
    } else if (c == '[' || c == ']') {
      made.expression += c;
      made.form = Form::kExpression;
    } else {
      if (std::string_view(".+()|{}$").find(c) != std::string_view::npos) {
        made.expression += '\\';
      }
      made.expression += c;
    }
  }
  made.expression += '$';
  return made;
}

Result<IgnorePattern> IgnorePattern::Compile(std::string pattern, bool exception) {
  if (const std::string_view wrong = SyntaxError(pattern); !wrong.empty()) {
    return InvalidArgument("", std::string(wrong));
  }
  IgnorePattern made;
  made.exception_ = exception;
  Translation translation = Translate(WithReplacementRunes(pattern));
  made.form_ = translation.form;
  made.pattern_ = std::move(pattern);
  if (made.form_ != Form::kExpression) {
    return made;
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxCompiledBytes);
  options.set_never_capture(true);
  auto compiled = std::make_shared<const re2::RE2>(translation.expression, options);
  // RE2 would take `\C` for any byte; Go knows no such escape.
  if (!compiled->ok() || translation.expression.find("\\C") != std::string::npos) {
    return InvalidArgument("",
                           "it has an escape or a class that Docker does not take, or is too long");
  }
  made.expression_ = std::move(compiled);
  return made;
}

bool IgnorePattern::Matches(std::string_view path) const {
  const std::string_view pattern = pattern_;
  switch (form_) {
    case Form::kExact:
      return path == pattern;
    case Form::kPrefix:
      return path.starts_with(pattern.substr(0, pattern.size() - 2));
    case Form::kSuffix: {
      const std::string_view suffix = pattern.substr(2);
      return path.ends_with(suffix) || (suffix.front() == '/' && path == suffix.substr(1));
    }
    case Form::kExpression:
      break;
  }
  if (IsValidUtf8(path)) {
    return re2::RE2::PartialMatch(re2::StringPiece(path.data(), path.size()), *expression_);
  }
  return re2::RE2::PartialMatch(WithReplacementRunes(path), *expression_);
}

std::string_view IgnorePattern::base() const {
  std::string_view base = pattern_;
  for (const std::string_view end : {"/**", "/*"}) {
    base.remove_suffix(base.ends_with(end) ? end.size() : 0);
  }
  return base;
}

bool IgnorePattern::has_plain_base() const {
  return base().find_first_of("*[]?^\\") == std::string_view::npos;
}

}  // namespace casemate::container
