// Signs that a call gets to see a secret: for the fact `context.secrets` and the history that rules
// may look at. A fence against accidents: it knows names and forms that secrets usually have, and
// misses others. Reads no file; thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

#include "tools/run_args.h"

namespace casemate::tools {

// Whether a variable of that name usually holds a secret: GITHUB_TOKEN, DB_PASSWORD, API_KEY, …
[[nodiscard]] bool IsSecretName(std::string_view name);
// Whether `text` holds what looks like a private key or the token of a known service. Looks at the
// first MiB.
[[nodiscard]] bool HoldsSecret(std::string_view text);
// Whether a file of that name usually holds secrets: .env, id_ed25519, .npmrc, …
[[nodiscard]] bool IsSecretFile(std::string_view name);
// Files directly in a workspace that usually hold secrets. `directory`: O_PATH; what cannot be
// looked into counts none.
[[nodiscard]] std::int64_t CountSecretFiles(int directory);
// All of these in the arguments of a call.
[[nodiscard]] std::int64_t CountSecrets(const RunArgs& args);

}  // namespace casemate::tools
