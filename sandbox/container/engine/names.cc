#include "sandbox/container/engine/names.h"

#include "base/text.h"

namespace casemate::container {
namespace {

constexpr std::string_view kAlphanumeric =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool IsOneOf(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

bool ConsistsOf(std::string_view text, std::string_view more) {
  for (const char c : text) {
    if (!IsOneOf(c, kAlphanumeric) && !IsOneOf(c, more)) {
      return false;
    }
  }
  return true;
}

std::string Shown(std::string_view text) {
  return "`" + EscapeControls(ToValidUtf8(text.substr(0, 255)), false) + "`";
}

}  // namespace

Result<void> CheckContainerName(std::string_view name) {
  if (name.empty() || name.size() > 255 || !IsOneOf(name.front(), kAlphanumeric) ||
      !ConsistsOf(name, "_.-")) {
    return InvalidArgument("container",
                           "expected the name or id of a container, of letters, digits, `_`, `.` "
                           "and `-`, got " +
                               Shown(name));
  }
  return {};
}

Result<void> CheckImageReference(std::string_view reference) {
  const bool fits = !reference.empty() && reference.size() <= 512 &&
                    IsOneOf(reference.front(), kAlphanumeric) && ConsistsOf(reference, "_.-/:@+") &&
                    reference.find("..") == std::string_view::npos &&
                    reference.find("//") == std::string_view::npos &&
                    reference.find("/.") == std::string_view::npos && reference.back() != '/';
  if (!fits) {
    return InvalidArgument("image",
                           "expected an image as `name`, `name:tag`, `name@sha256:…` or "
                           "by its id, got " +
                               Shown(reference));
  }
  return {};
}

bool IsImageId(std::string_view id) {
  constexpr std::string_view kBegin = "sha256:";
  return id.size() == kBegin.size() + 64 && id.starts_with(kBegin) &&
         id.find_first_not_of("0123456789abcdef", kBegin.size()) == std::string_view::npos;
}

std::string Escape(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    if (IsOneOf(c, kAlphanumeric) || IsOneOf(c, "-._~")) {
      escaped.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      escaped += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return escaped;
}

}  // namespace casemate::container
