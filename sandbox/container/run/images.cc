#include "sandbox/container/run/images.h"

#include <algorithm>

#include "base/text.h"

namespace casemate::container {
namespace {

constexpr std::size_t kMaxReference = 512;
constexpr std::size_t kHexDigits = 64;

bool IsDigest(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  return text.size() == kPrefix.size() + kHexDigits && text.starts_with(kPrefix) &&
         text.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string_view::npos;
}

bool HasOnly(std::string_view text, std::string_view more) {
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
  });
}

// A first part with a dot, a colon, or `localhost` is a registry.
std::string Complete(std::string_view name) {
  const auto slash = name.find('/');
  const std::string_view first = name.substr(0, slash);
  if (slash != std::string_view::npos &&
      (first.find_first_of(".:*") != std::string_view::npos || first == "localhost")) {
    const bool is_hub = first == "index.docker.io";
    return is_hub ? "docker.io" + std::string(name.substr(slash)) : std::string(name);
  }
  return (slash == std::string_view::npos ? "docker.io/library/" : "docker.io/") +
         std::string(name);
}

struct Parts {
  std::string_view name;
  std::string_view tag;
  std::string_view digest;
};

Parts Split(std::string_view text) {
  Parts parts;
  const auto at = text.find('@');
  parts.digest = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  text = text.substr(0, at);
  const auto colon = text.rfind(':');
  if (colon != std::string_view::npos && text.find('/', colon) == std::string_view::npos) {
    parts.tag = text.substr(colon + 1);
    text = text.substr(0, colon);
  }
  parts.name = text;
  return parts;
}

constexpr std::string_view kTagLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-";

// Back to the last star when a letter does not fit.
bool Matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  bool deep = false;
  std::size_t in_text = 0;
  while (in_text < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at;
      deep = at + 1 < pattern.size() && pattern[at + 1] == '*';
      at += deep ? 2 : 1;
      star_text = in_text;
    } else if (at < pattern.size() && pattern[at] == text[in_text]) {
      ++at;
      ++in_text;
    } else if (star != std::string_view::npos && (deep || text[star_text] != '/')) {
      at = star + (deep ? 2 : 1);
      in_text = ++star_text;
    } else {
      return false;
    }
  }
  return std::ranges::all_of(pattern.substr(at), [](char c) { return c == '*'; });
}

}  // namespace

Result<ImageReference> ParseImageReference(std::string_view text, const std::string& field) {
  const auto bad = [&](const std::string& expected) {
    Error error = InvalidArgument(
        field, "expected " + expected + ", got " + Quoted(text.substr(0, kMaxReference)));
    error.remedy =
        "name it as engines do: `debian:bookworm`, `registry.example.org/team/app@sha256:…`";
    return error;
  };
  const Parts parts = Split(text);
  if (text.size() > kMaxReference || !HasOnly(parts.name, "./:_-") || parts.name.starts_with('-') ||
      parts.name.starts_with('/') || parts.name.ends_with('/') ||
      parts.name.find("//") != std::string_view::npos ||
      parts.name.find("..") != std::string_view::npos) {
    return bad("the reference of an image");
  }
  if (text.find('@') != std::string_view::npos && !IsDigest(parts.digest)) {
    return bad("a digest of sha256: and 64 hex digits after @");
  }
  // What engines take for an id.
  const std::string_view last = parts.name.substr(parts.name.rfind('/') + 1);
  if (parts.name == "sha256" ||
      (last.size() == kHexDigits &&
       last.find_first_not_of("0123456789abcdef") == std::string_view::npos)) {
    return bad("an image by its name, not by an id");
  }
  const bool has_no_tag = text.substr(0, text.find('@')).ends_with(':');
  if (has_no_tag || (!parts.tag.empty() && !HasOnly(parts.tag, kTagLetters))) {
    return bad("a tag of letters, digits, . _ and -");
  }
  ImageReference reference;
  reference.repository = Complete(parts.name);
  reference.tag = parts.tag;
  reference.digest = parts.digest;
  if (reference.tag.empty() && reference.digest.empty()) {
    reference.tag = "latest";
  }
  return reference;
}

Result<ImageRule> ParseImageRule(std::string_view text, const std::string& field) {
  const Parts parts = Split(text);
  const bool is_fit = text.size() <= kMaxReference && HasOnly(parts.name, "./:_-*") &&
                      (parts.tag.empty() || HasOnly(parts.tag, std::string(kTagLetters) + "*")) &&
                      (text.find('@') == std::string_view::npos || IsDigest(parts.digest));
  if (!is_fit) {
    return InvalidArgument(field,
                           "expected an image such as `debian:bookworm`, "
                           "`registry.example.org/team/*` or `app@sha256:…`, got " +
                               Quoted(text.substr(0, kMaxReference)));
  }
  return ImageRule{parts.name == "**" ? "**" : Complete(parts.name), std::string(parts.tag),
                   std::string(parts.digest)};
}

Result<std::optional<ImagePermission>> FindImageRule(const std::vector<ImageRule>& rules,
                                                     const ImageReference& reference,
                                                     const std::string& field) {
  std::optional<ImagePermission> found;
  bool is_by_tag = false;
  for (const ImageRule& rule : rules) {
    if (!Matches(rule.repository, reference.repository) ||
        (!rule.tag.empty() && !Matches(rule.tag, reference.tag)) ||
        (!rule.digest.empty() && !reference.digest.empty() && rule.digest != reference.digest)) {
      continue;
    }
    if (!rule.digest.empty()) {
      return std::optional(ImagePermission{true, rule.digest});
    }
    // Attack: an allowed tag with the digest of another image of the repository.
    if (!reference.digest.empty() && rule.tag.find_first_not_of('*') != std::string::npos) {
      is_by_tag = true;
      continue;
    }
    found = ImagePermission{};
  }
  if (!found && is_by_tag) {
    return Error{ErrorCode::kPermissionDenied,
                 "the configuration allows " + Quoted(reference.repository + ":" + reference.tag) +
                     " by its tag, and a digest leads to any image of the repository",
                 field, "leave the digest out, or ask your user to pin it in `containers.images`",
                 0};
  }
  return found;
}

std::string EngineName(const ImageReference& reference, const ImagePermission& permission) {
  const std::string& digest = permission.digest.empty() ? reference.digest : permission.digest;
  return ToString({reference.repository, digest.empty() ? reference.tag : "", digest});
}

std::string ToString(const ImageReference& reference) {
  return reference.repository + (reference.tag.empty() ? "" : ":" + reference.tag) +
         (reference.digest.empty() ? "" : "@" + reference.digest);
}

}  // namespace casemate::container
