#include "sandbox/container/oci/descriptor.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/text.h"

namespace casemate::oci {
namespace {

constexpr std::string_view kAlgorithm = "sha256:";
constexpr std::size_t kHexLength = 64;

}  // namespace

bool IsDigest(std::string_view text) {
  return text.starts_with(kAlgorithm) && text.size() == kAlgorithm.size() + kHexLength &&
         std::ranges::all_of(text.substr(kAlgorithm.size()), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string DigestOf(std::string_view bytes) {
  return std::string(kAlgorithm) + Sha256Hex(bytes);
}

std::string_view HexOf(std::string_view digest) {
  return digest.substr(kAlgorithm.size());
}

nlohmann::json ToJson(const Descriptor& descriptor) {
  return {{"mediaType", descriptor.media_type},
          {"digest", descriptor.digest},
          {"size", descriptor.size}};
}

Result<Descriptor> DescriptorFrom(const nlohmann::json& value, std::string_view where) {
  const auto wrong = [where](const std::string& member, const std::string& expected) {
    return InvalidArgument(std::string(where) + (member.empty() ? "" : "." + member),
                           "expected " + expected);
  };
  if (!value.is_object()) {
    return wrong("", "an object with mediaType, digest and size");
  }
  Descriptor descriptor;
  const auto type = value.find("mediaType");
  if (type != value.end()) {
    if (!type->is_string()) {
      return wrong("mediaType", "a text");
    }
    descriptor.media_type = type->get<std::string>();
  }
  const auto digest = value.find("digest");
  if (digest == value.end() || !digest->is_string() ||
      !IsDigest(digest->get_ref<const std::string&>())) {
    return wrong("digest", "sha256: and 64 lower-case hexadecimal digits");
  }
  descriptor.digest = digest->get<std::string>();
  const auto size = value.find("size");
  if (size == value.end() || !size->is_number_integer() || size->get<std::int64_t>() < 0) {
    return wrong("size", "a number of bytes");
  }
  descriptor.size = size->get<std::int64_t>();
  return descriptor;
}

}  // namespace casemate::oci
