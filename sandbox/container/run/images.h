// The images that a configuration allows: patterns of references, with or without a digest. What is
// on no list is not used, whatever a policy says. Immutable; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::container {

// "registry.example.org:5000/team/app:1.2@sha256:…", taken apart and completed the way engines do:
// "debian" is "docker.io/library/debian:latest".
struct ImageReference {
  std::string repository;  // "docker.io/library/debian"
  std::string tag;         // "latest" when neither tag nor digest is stated; may be empty
  std::string digest;      // "sha256:…" or empty
};
// Errors: kInvalidArgument for `field`.
Result<ImageReference> ParseImageReference(std::string_view text, const std::string& field);

struct ImageRule {
  std::string repository;  // `*` stands for any characters but `/`, `**` for any
  std::string tag;         // likewise; empty: any
  std::string digest;      // empty: any, and then nothing is pinned
};
// A rule as it is written in the configuration. Errors: kInvalidArgument.
Result<ImageRule> ParseImageRule(std::string_view text, const std::string& field);

struct ImagePermission {
  bool is_pinned = false;
  std::string digest;  // that the image must have; empty: any
};
// nullopt: no rule allows it. A pinned rule wins over one that is not. Errors: kPermissionDenied
// for `field`, where a rule allows the tag of a reference that has a digest, too: engines take what
// the digest says, and ignore the tag.
Result<std::optional<ImagePermission>> FindImageRule(const std::vector<ImageRule>& rules,
                                                     const ImageReference& reference,
                                                     const std::string& field);
// What engines are asked for: the completed name, which cannot be taken for an id or for a local
// image of another registry, by its digest where there is one.
std::string EngineName(const ImageReference& reference, const ImagePermission& permission);

// "docker.io/library/debian:latest", "…@sha256:…"
std::string ToString(const ImageReference& reference);

}  // namespace casemate::container
