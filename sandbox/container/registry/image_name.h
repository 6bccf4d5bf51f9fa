// ImageName: where an image lies, by the grammar of the OCI Distribution Specification and the
// defaults that everybody knows from Docker. Plain values and pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace casemate::registry {

struct ImageName {
  std::string host;        // "registry.example.com:5000", "docker.io"
  std::string repository;  // "team/shop", "library/debian"
  std::string tag;         // empty: none was named
  std::string digest;      // "sha256:…", or empty
};

// "[HOST/]REPOSITORY[:TAG][@DIGEST]". Without a host it is docker.io, where one without a slash is
// below library/. Errors: kInvalidArgument, with the part that is wrong.
Result<ImageName> ParseImageName(std::string_view text);
// What ParseImageName reads as the same.
std::string TextOf(const ImageName& name);
// Who answers for it: registry-1.docker.io for docker.io, else the host.
std::string ApiHost(const ImageName& name);
[[nodiscard]] bool IsTag(std::string_view text);
// What a manifest is asked for by: the digest, else the tag, else "latest".
std::string ReferenceOf(const ImageName& name);

}  // namespace casemate::registry
