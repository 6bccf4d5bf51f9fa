#include "sandbox/container/build/dockerignore.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace casemate::container {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kShownPatternBytes = 100;

// White space as Go's unicode.IsSpace knows it, in UTF-8.
constexpr std::array<std::string_view, 25> kSpaces = {" ",
                                                      "\t",
                                                      "\n",
                                                      "\v",
                                                      "\f",
                                                      "\r",
                                                      "\xC2\x85",
                                                      "\xC2\xA0",
                                                      "\xE1\x9A\x80",
                                                      "\xE2\x80\x80",
                                                      "\xE2\x80\x81",
                                                      "\xE2\x80\x82",
                                                      "\xE2\x80\x83",
                                                      "\xE2\x80\x84",
                                                      "\xE2\x80\x85",
                                                      "\xE2\x80\x86",
                                                      "\xE2\x80\x87",
                                                      "\xE2\x80\x88",
                                                      "\xE2\x80\x89",
                                                      "\xE2\x80\x8A",
                                                      "\xE2\x80\xA8",
                                                      "\xE2\x80\xA9",
                                                      "\xE2\x80\xAF",
                                                      "\xE2\x81\x9F",
                                                      "\xE3\x80\x80"};

std::string_view Trim(std::string_view text) {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view space : kSpaces) {
      if (text.starts_with(space)) {
        text.remove_prefix(space.size());
        again = true;
      } else if (text.ends_with(space)) {
        text.remove_suffix(space.size());
        again = true;
      }
    }
  }
  return text;
}

// The first reading of a line: paths from the root of the context, in their shortest form.
std::string Normalise(std::string_view line) {
  const bool inverted = line.front() == '!';
  if (inverted) {
    line = Trim(line.substr(1));
  }
  std::string path = line.empty() ? std::string() : CleanPath(line);
  if (path.size() > 1 && path.front() == '/') {
    path.erase(0, 1);
  }
  return (inverted ? "!" : "") + path;
}

}  // namespace

std::string CleanPath(std::string_view path) {
  const bool rooted = path.starts_with('/');
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
    if (part.empty() || part == ".") {
      continue;
    }
    const bool is_up = part == "..";
    if (is_up && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!is_up || !rooted) {
      parts.emplace_back(part);
    }
  }
  const std::string joined = Join(parts, "/");
  return rooted ? "/" + joined : joined.empty() ? "." : joined;
}

Result<void> IgnoreRules::Add(std::string_view line) {
  const std::string normal = Normalise(line);
  if (Trim(normal).empty()) {
    return {};
  }
  std::string pattern = CleanPath(Trim(normal));
  const bool exception = pattern.front() == '!';
  pattern.erase(0, exception ? 1 : 0);
  if (pattern.empty()) {
    return InvalidArgument("", "it takes back nothing: a path must follow the !");
  }
  auto compiled = IgnorePattern::Compile(std::move(pattern), exception);
  if (!compiled) {
    return std::move(compiled).error();
  }
  has_exceptions_ = has_exceptions_ || exception;
  has_plain_exceptions_ = has_plain_exceptions_ && (!exception || compiled->has_plain_base());
  patterns_.push_back(*std::move(compiled));
  return {};
}

Result<IgnoreRules> IgnoreRules::Parse(std::string_view text) {
  const auto too_large = [](std::string what) {
    return Error{ErrorCode::kResourceExhausted, std::move(what), {}, "make the file shorter", 0};
  };
  if (text.size() > kMaxIgnoreFileBytes) {
    return too_large("expected at most 1 MiB of patterns");
  }
  IgnoreRules rules;
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), whole.size() + 1));
    const std::string where = "line " + std::to_string(number);
    if (whole.size() > kMaxIgnoreLineBytes) {
      return too_large(where + ": expected at most 65535 bytes");
    }
    const std::string_view line = Trim(whole);
    if (whole.starts_with('#') || line.empty()) {
      continue;
    }
    if (rules.patterns_.size() == kMaxIgnorePatterns) {
      return too_large(where + ": expected at most 2000 patterns");
    }
    if (auto added = rules.Add(line); !added) {
      const std::string shown =
          EscapeControls(ToValidUtf8(line.substr(0, kShownPatternBytes)), false);
      std::string message = where;
      message += ": the pattern " + shown;
      message += " is not one that Docker takes: " + added.error().message;
      return InvalidArgument("", std::move(message));
    }
  }
  return rules;
}

bool IgnoreRules::Excludes(std::string_view path, const IgnoreMatches& parent,
                           IgnoreMatches& own) const {
  bool excluded = false;
  own.assign(patterns_.size(), false);
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    // One that could change nothing is not asked, and so does not match what lies below: Docker
    // does the same, and some contexts depend on it.
    const bool from_parent = !parent.empty() && parent[i];
    if (from_parent || (patterns_[i].is_exception() == excluded && patterns_[i].Matches(path))) {
      own[i] = true;
      excluded = !patterns_[i].is_exception();
    }
  }
  return excluded;
}

bool IgnoreRules::Excludes(std::string_view path) const {
  IgnoreMatches parent;
  IgnoreMatches own;
  bool excluded = false;
  std::size_t end = 0;
  do {
    end = path.find('/', end);
    parent.swap(own);
    excluded = Excludes(path.substr(0, end), parent, own);
  } while (end++ != std::string_view::npos);
  return excluded;
}

bool IgnoreRules::MayReincludeBelow(std::string_view directory) const {
  if (!has_exceptions_ || !has_plain_exceptions_) {
    return has_exceptions_;
  }
  const std::string below = std::string(directory) + '/';
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const IgnorePattern& pattern) {
    return pattern.is_exception() && (std::string(pattern.base()) + '/').starts_with(below);
  });
}

}  // namespace casemate::container
