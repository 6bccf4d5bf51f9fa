// The bill of materials of an image as CycloneDX 1.5 JSON: what the lock files of its sources pin,
// and what the package databases of its layers say is installed. The same input gives the same
// bytes. Bounded for hostile input; what could not be read is noted in metadata.properties. Pure,
// but for what the tree reads; one thread at a time, as the tree.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tools/analysis/source_tree.h"

namespace casemate::artifacts {

inline constexpr std::string_view kSbomType = "application/vnd.cyclonedx+json";
inline constexpr std::size_t kMaxSbomBytes = std::size_t{64} << 20;
// Of one file of an image that is handed in; a longer one is noted and not read.
inline constexpr std::size_t kMaxImageFileBytes = std::size_t{32} << 20;

// The initialisers let g++ 12 accept designated initialisers that name only some members.
// NOLINTBEGIN(readability-redundant-member-init)
struct SbomInput {
  std::string name{};          // of what is described: "shop"
  std::string version{};       // its tag; empty: none
  std::string image_digest{};  // "sha256:…"; empty: not known yet
  std::string tool_version{};  // of Casemate
  std::string timestamp{};     // RFC 3339; empty: none, and the same bytes each time
  const analysis::SourceTree* sources = nullptr;
  // Files of the image as its layers leave them, by path without a slash at its beginning: those
  // that IsPackageDatabase names; others are passed over.
  std::map<std::string, std::string> image_files{};
};
// NOLINTEND(readability-redundant-member-init)

// Whether MakeSbom wants this file of an image: "var/lib/dpkg/status", "etc/os-release", …
[[nodiscard]] bool IsPackageDatabase(std::string_view path);

// Errors: kResourceExhausted when it would be longer than kMaxSbomBytes.
Result<std::string> MakeSbom(const SbomInput& input);

}  // namespace casemate::artifacts
