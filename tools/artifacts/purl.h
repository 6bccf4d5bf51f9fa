// Package URLs (https://github.com/package-url/purl-spec). Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace casemate::artifacts {

struct PackageUrl {
  std::string type;        // "npm"
  std::string name_space;  // "@babel", "github.com/acme"; empty: none
  std::string name;
  std::string version;  // empty: none
  std::vector<std::pair<std::string, std::string>>
      qualifiers{};  // NOLINT(readability-redundant-member-init)
};

// "pkg:npm/%40babel/core@7.1.0": canonical, the qualifiers by name, those without a value left out.
std::string ToString(PackageUrl url);
// That of an image: "docker.io/library/debian:12" and "sha256:…".
std::string ImagePurl(std::string_view reference, std::string_view digest);

}  // namespace casemate::artifacts
