#include "tools/artifacts/purl.h"

#include <algorithm>
#include <array>

namespace casemate::artifacts {
namespace {

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_' || c == '~' || c == ':';
}

// `also`: a character that stays as it is.
std::string Encoded(std::string_view text, char also = '\0') {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (IsPlain(c) || (c == also && c != '\0')) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return encoded;
}

}  // namespace

std::string ToString(PackageUrl url) {
  std::string text = "pkg:" + url.type + "/";
  if (!url.name_space.empty()) {
    text += Encoded(url.name_space, '/') + "/";
  }
  text += Encoded(url.name);
  if (!url.version.empty()) {
    text += "@" + Encoded(url.version);
  }
  std::ranges::sort(url.qualifiers);
  char separator = '?';
  for (const auto& [name, value] : url.qualifiers) {
    if (!value.empty()) {
      text += separator + name + "=" + Encoded(value, '/');
      separator = '&';
    }
  }
  return text;
}

std::string ImagePurl(std::string_view reference, std::string_view digest) {
  reference = reference.substr(0, reference.find('@'));
  const std::size_t slash = reference.rfind('/');
  const std::size_t name_at = slash == std::string_view::npos ? 0 : slash + 1;
  const std::size_t colon = reference.find(':', name_at);
  const std::string_view repository = reference.substr(0, colon);
  const std::string_view tag =
      colon == std::string_view::npos ? std::string_view() : reference.substr(colon + 1);
  PackageUrl url{"oci", {}, std::string(repository.substr(name_at)), std::string(digest)};
  url.qualifiers = {{"repository_url", name_at == 0 ? std::string() : std::string(repository)},
                    {"tag", std::string(tag)}};
  return ToString(std::move(url));
}

}  // namespace casemate::artifacts
