// The form of an audit record: canonical JSON (UTF-8, sorted keys, no spaces) and its hash. Pure
// functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "policies/audit/audit_log.h"

namespace casemate::policies {

inline constexpr std::int64_t kAuditFormatVersion = 1;
// Values from outside (args, context, outcome, detail) beyond this are recorded as their digest.
inline constexpr std::size_t kMaxRecordedBytes = std::size_t{64} << 10;
inline constexpr std::size_t kMaxBodyBytes = std::size_t{1} << 20;
// Deepest nesting of a value that is recorded as it is; deeper ones as their digest.
inline constexpr int kMaxRecordedDepth = 80;

// What links a record to its place in the chain.
struct RecordPlace {
  std::int64_t seq = 0;
  std::int64_t time_ms = 0;
  std::string prev_hash;
};

// prev_hash of the first record: 64 zeros.
std::string FirstPrevHash();
// hex SHA-256(0x00 ‖ body). The leading byte keeps a record from ever being taken for an inner node
// of a hash tree over the records (RFC 6962 §2.1).
std::string RecordHash(std::string_view body);
[[nodiscard]] bool IsKnownKind(std::string_view kind);

// `value`, or {"bytes", "omitted", "sha256"} when it is too long or too deep to be recorded.
nlohmann::json Recordable(const nlohmann::json& value);
// The payload of kinds "intent" and "refused".
nlohmann::json IntentPayload(const AuditIntent& intent);
// The whole body. Errors: kResourceExhausted beyond kMaxBodyBytes.
Result<std::string> RecordBody(nlohmann::json payload, std::string_view kind,
                               std::string_view incarnation, const RecordPlace& place);

}  // namespace casemate::policies
