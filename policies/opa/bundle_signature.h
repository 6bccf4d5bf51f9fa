// Signatures of bundles as OPA defines them: `.signatures.json` holds a JWT (ES256) over the
// SHA-256 of each file. Made and checked by `opa` itself, in the sandbox. Thread-safe.
#pragma once

#include <string>

#include "base/result.h"
#include "policies/opa/opa_sandbox.h"

namespace casemate::policies {

// Writes DIRECTORY/.signatures.json, in place of one that was there. `private_key` is the PEM text
// of a P-256 key. Errors: kInvalidArgument for the key or the bundle; those of the file system.
Result<void> SignBundle(OpaSandbox& sandbox, const std::string& directory,
                        const std::string& private_key);

// `path` is a directory or *.tar.gz, `public_key` PEM text. Errors: kInvalidArgument, with what opa
// says: not signed, by another key, or another content.
Result<void> VerifyBundle(OpaSandbox& sandbox, const std::string& path,
                          const std::string& public_key);

}  // namespace casemate::policies
