// What a bundle must pass before it decides about anything: its signature, if one is asked for;
// `opa check --strict` with nothing that reaches outside; and its own tests. Thread-safe.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policies/opa/bundle.h"
#include "policies/opa/opa_sandbox.h"

namespace casemate::policies {

inline constexpr const char* kKeyPath = "/run/casemate/key.pem";
// Part of every command line that loads a signed bundle.
inline constexpr const char* kVerification =
    " --verification-key /run/casemate/key.pem --signing-alg ES256";

// The files of a run that loads the bundle; `key` (PEM) is empty when no signature is asked for.
std::vector<sandbox::InjectedFile> BundleFiles(const Bundle& bundle, const std::string& key);

// Capabilities as `opa capabilities --current` prints them, without what reaches outside of the
// evaluation, or makes two of them differ: http.send, opa.runtime, net.lookup_ip_addr, rand.*,
// uuid.*, and whatever else calls itself nondeterministic. time.now_ns stays, and so does
// io.jwt.decode_verify, which needs it.
Result<std::string> RestrictedCapabilities(std::string_view capabilities);

// Each returns an error whose message names the bundle and holds what opa says of which file.
Result<void> VerifySignature(OpaSandbox& sandbox, const Bundle& bundle, const std::string& key,
                             std::int64_t deadline_ns, const std::stop_token& stop);
// Signature, check and tests; returns the version of opa ("0.70.0").
Result<std::string> CheckBundle(OpaSandbox& sandbox, const Bundle& bundle, const std::string& key,
                                std::int64_t deadline_ns, const std::stop_token& stop);

}  // namespace casemate::policies
