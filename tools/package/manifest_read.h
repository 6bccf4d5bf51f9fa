// Reading a manifest: strict JSON, every member known and in its bounds, every name that is
// referred to there, no cycles. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "tools/package/manifest.h"

namespace casemate::package {

inline constexpr std::size_t kMaxManifestBytes = std::size_t{1} << 20;

// Errors: kInvalidArgument, whose field is the path of what is wrong ("containers[0].base").
Result<Manifest> ReadManifest(const nlohmann::json& document);
// The document, as strict as base/json.h. Errors: kInvalidArgument, with the offset.
Result<nlohmann::json> ParseManifest(std::string_view text);

// The canonical form that the hash is over: RFC 8785, without `$schema`, which only editors read.
Result<std::string> CanonicalManifest(const nlohmann::json& document);
// SHA-256 of that, in hexadecimal.
Result<std::string> ManifestHash(const nlohmann::json& document);

}  // namespace casemate::package
