#include "sandbox/container/registry/image_name.h"

#include <algorithm>
#include <cstddef>

#include "base/text.h"
#include "sandbox/container/oci/descriptor.h"

namespace casemate::registry {
namespace {

constexpr std::string_view kHub = "docker.io";
constexpr std::string_view kHubApi = "registry-1.docker.io";
constexpr std::string_view kOfficial = "library/";
constexpr std::size_t kMaxName = 255;  // host and repository
constexpr std::size_t kMaxTag = 128;
constexpr int kMaxPort = 65'535;

bool IsLowerOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool IsAlphanumeric(char c) {
  return IsLowerOrDigit(c) || (c >= 'A' && c <= 'Z');
}

Error Wrong(std::string_view text, const std::string& expected) {
  return InvalidArgument("image", "the image name " + Quoted(text) + ": expected " + expected);
}

// Whether these stand between letters: one dot, one or two underscores, or any number of dashes.
bool IsSeparator(std::string_view text) {
  return text == "." || text == "_" || text == "__" ||
         (!text.empty() && text.find_first_not_of('-') == std::string_view::npos);
}

bool IsPathComponent(std::string_view text) {
  std::size_t at = 0;
  while (true) {
    const std::size_t begin = at;
    while (at < text.size() && IsLowerOrDigit(text[at])) {
      ++at;
    }
    if (at == begin) {
      return false;
    }
    if (at == text.size()) {
      return true;
    }
    const std::size_t separator = at;
    while (at < text.size() && !IsLowerOrDigit(text[at])) {
      ++at;
    }
    if (!IsSeparator(text.substr(separator, at - separator))) {
      return false;
    }
  }
}

bool IsRepository(std::string_view text) {
  while (true) {
    const std::size_t slash = text.find('/');
    if (!IsPathComponent(text.substr(0, slash))) {
      return false;
    }
    if (slash == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(slash + 1);
  }
}

bool IsPort(std::string_view text) {
  if (text.empty() || text.size() > 5) {
    return false;
  }
  int port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') {
      return false;
    }
    port = port * 10 + (c - '0');
  }
  return port > 0 && port <= kMaxPort;
}

bool IsDomain(std::string_view text) {
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    if (label.empty() || !IsAlphanumeric(label.front()) || !IsAlphanumeric(label.back()) ||
        !std::ranges::all_of(label, [](char c) { return IsAlphanumeric(c) || c == '-'; })) {
      return false;
    }
    if (dot == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(dot + 1);
  }
}

bool IsHost(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || end < 3 ||
        text.substr(1, end - 1).find_first_not_of("0123456789abcdefABCDEF:.") !=
            std::string_view::npos) {
      return false;
    }
    text.remove_prefix(end + 1);
    return text.empty() || (text.front() == ':' && IsPort(text.substr(1)));
  }
  const std::size_t colon = text.find(':');
  return IsDomain(text.substr(0, colon)) &&
         (colon == std::string_view::npos || IsPort(text.substr(colon + 1)));
}

// Whether the first component names a host: what is before a slash and could be no repository.
bool LooksLikeHost(std::string_view text) {
  return text == "localhost" || text.find_first_of(".:[") != std::string_view::npos ||
         std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

bool IsTag(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTag && text.front() != '.' && text.front() != '-' &&
         std::ranges::all_of(
             text, [](char c) { return IsAlphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

Result<ImageName> ParseImageName(std::string_view text) {
  ImageName name;
  std::string_view rest = text;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    name.digest = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (!oci::IsDigest(name.digest)) {
      return Wrong(
          text, "after @ sha256: and 64 lower-case hexadecimal digits, got " + Quoted(name.digest));
    }
  }
  if (rest.find("://") != std::string_view::npos) {
    return Wrong(text, "no scheme before the host: [HOST/]REPOSITORY[:TAG][@DIGEST]");
  }
  name.host = kHub;
  const std::size_t slash = rest.find('/');
  if (slash != std::string_view::npos && LooksLikeHost(rest.substr(0, slash))) {
    name.host = rest.substr(0, slash);
    rest.remove_prefix(slash + 1);
    if (!IsHost(name.host)) {
      return Wrong(text, "a host as registry.example.com:5000, got " + Quoted(name.host));
    }
    if (name.host == "index.docker.io" || name.host == kHubApi) {
      name.host = kHub;
    }
  }
  if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
    name.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!IsTag(name.tag)) {
      return Wrong(
          text, "a tag of at most 128 letters, digits, `_`, `.` and `-`, got " + Quoted(name.tag));
    }
  }
  if (!IsRepository(rest)) {
    return Wrong(text,
                 "a repository of lower-case letters and digits, with single `.`, `_`, `__` or `-` "
                 "between them and `/` between its parts, got " +
                     Quoted(rest));
  }
  name.repository = rest;
  if (name.host == kHub && rest.find('/') == std::string_view::npos) {
    name.repository.insert(0, kOfficial);
  }
  if (name.host.size() + 1 + name.repository.size() > kMaxName) {
    return Wrong(text, "at most 255 bytes of host and repository");
  }
  return name;
}

std::string TextOf(const ImageName& name) {
  return name.host + "/" + name.repository + (name.tag.empty() ? "" : ":" + name.tag) +
         (name.digest.empty() ? "" : "@" + name.digest);
}

std::string ApiHost(const ImageName& name) {
  return name.host == kHub ? std::string(kHubApi) : name.host;
}

std::string ReferenceOf(const ImageName& name) {
  if (!name.digest.empty()) {
    return name.digest;
  }
  return name.tag.empty() ? "latest" : name.tag;
}

}  // namespace casemate::registry
