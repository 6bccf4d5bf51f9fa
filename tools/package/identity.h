// What a project is called once it is packaged: its name and a hash over its manifest and its
// sources, the same on every machine. Pure; thread-safe.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "tools/package/manifest.h"
#include "tools/package/sources.h"

namespace casemate::package {

struct Identity {
  std::string name;           // of the project
  std::string manifest_hash;  // SHA-256, hexadecimal, as the next two
  std::string source_hash;
  std::string hash;  // over {"manifest":"…","sources":"…"}, in canonical form

  // "shop:1a2b3c4d5e6f"
  [[nodiscard]] std::string Id() const;
  // The first twelve digits.
  [[nodiscard]] std::string Short() const;
};

// What of a workspace are its sources: neither the manifest, which has a hash of its own, nor what
// build commands leave.
SourceOptions SourcesOf(const Manifest& manifest, const std::string& manifest_file);

// Errors: as of ManifestHash.
Result<Identity> IdentityOf(const nlohmann::json& document, const Manifest& manifest,
                            const Sources& sources);

// The commit that a workspace is at, by its `.git`, without running Git: 40 or 64 digits. Errors:
// kNotFound for what is no work tree of Git, or has no commit yet.
Result<std::string> GitCommit(int directory);

// The tag by packaging.tagging. Errors: as of GitCommit.
Result<std::string> TagFor(const Manifest& manifest, const Identity& identity, int directory);

}  // namespace casemate::package
