// What an OCI image is made of, by the OCI Image Format Specification 1.0: content that is named by
// its digest. Plain values and pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace casemate::oci {

inline constexpr std::string_view kIndexType = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kConfigType = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kLayerType = "application/vnd.oci.image.layer.v1.tar+gzip";
// What registries and Docker say instead.
inline constexpr std::string_view kDockerIndexType =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerManifestType =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerConfigType =
    "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayerType =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";

inline constexpr std::size_t kMaxManifestBytes = std::size_t{4} << 20;  // of a manifest or an index
inline constexpr std::size_t kMaxConfigBytes = std::size_t{8} << 20;

// "sha256:" and 64 lower-case hexadecimal digits, the one algorithm that everybody has.
[[nodiscard]] bool IsDigest(std::string_view text);
// "sha256:HEX" of the bytes.
std::string DigestOf(std::string_view bytes);
// HEX of "sha256:HEX".
std::string_view HexOf(std::string_view digest);

struct Descriptor {
  std::string media_type;
  std::string digest;     // "sha256:…"
  std::int64_t size = 0;  // bytes
};

nlohmann::json ToJson(const Descriptor& descriptor);
// Other members (annotations, urls) are passed over. Errors: kInvalidArgument, with `where` and the
// member.
Result<Descriptor> DescriptorFrom(const nlohmann::json& value, std::string_view where);

}  // namespace casemate::oci
