// DSSE envelopes (https://github.com/secure-systems-lab/dsse, version 1): a payload, its type and
// signatures over both. What names a signing key in one is a hint that anybody can write: whether
// a signature counts is decided by the key alone. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/signing_key.h"

namespace casemate::artifacts {

inline constexpr std::string_view kInTotoType = "application/vnd.in-toto+json";
inline constexpr std::string_view kEnvelopeType = "application/vnd.dsse.envelope.v1+json";
inline constexpr std::size_t kMaxEnvelopeBytes = std::size_t{4} << 20;

// The bytes that are signed: "DSSEv1 LEN(type) type LEN(payload) payload".
std::string PreAuthEncoding(std::string_view type, std::string_view payload);

// The envelope as JSON, with one signature.
std::string SignEnvelope(std::string_view type, std::string_view payload, const SigningKey& key);

// The payload, which `key` has signed. Errors: kInvalidArgument for what is no such envelope;
// kPermissionDenied when no signature in it is of this key.
Result<std::string> OpenEnvelope(std::string_view envelope, std::string_view type,
                                 const VerifyingKey& key);
// The payload whoever signed it: to look at, not to rely on. Errors: kInvalidArgument.
Result<std::string> PayloadOf(std::string_view envelope, std::string_view type);

}  // namespace casemate::artifacts
