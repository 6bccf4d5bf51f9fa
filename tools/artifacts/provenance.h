// Where an artifact is from: an in-toto Statement v1 with the predicate of SLSA Provenance v1. The
// same facts give the same bytes. Pure; thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::artifacts {

// How `casemate package` makes images, and who it is, as URIs; the number changes with the meaning
// of what a statement says.
inline constexpr std::string_view kBuildType = "urn:casemate:package:1";
inline constexpr std::string_view kBuilderId = "urn:casemate:builder:1";

struct ProvenanceSubject {
  std::string name;    // "shop:1.0"
  std::string digest;  // "sha256:…"
};

// The initialisers let g++ 12 accept designated initialisers that name only some members.
// NOLINTBEGIN(readability-redundant-member-init)
struct ProvenanceFacts {
  std::vector<ProvenanceSubject> subjects{};         // what was made; one at least
  std::string manifest_hash{};                       // "sha256:…" of the manifest that asked for it
  std::string source_hash{};                         // "sha256:…" of the tree it was made from
  std::string base_name{};                           // "docker.io/library/debian:12"; empty: none
  std::string base_digest{};                         // "sha256:…"; empty: none
  std::string builder_version{};                     // "0.1.0"
  std::map<std::string, std::string> parameters{};   // that a person or an agent chose
  std::map<std::string, std::string> environment{};  // that the installation decided
  std::string invocation_id{};                       // empty: not stated
  std::string started{};                             // RFC 3339; empty: not stated
  std::string finished{};
  std::string sbom_digest{};  // "sha256:…" of the bill of materials that was made with it
};
// NOLINTEND(readability-redundant-member-init)

// JSON. Errors: kInvalidArgument for a digest that is none, and without a subject.
Result<std::string> ProvenanceStatement(const ProvenanceFacts& facts);
// What a statement of ours says; all that others put in theirs is passed over. Errors:
// kInvalidArgument for another type or predicate, a missing subject or a digest that is none.
Result<ProvenanceFacts> ParseStatement(std::string_view statement);

}  // namespace casemate::artifacts
