// Checks the audit chain one record at a time, in order of seq, in memory that grows only with the
// intents still open and the problems found (both bounded). Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "policies/audit/audit_log.h"

namespace casemate::policies {

// A record with the columns that repeat parts of its body for queries.
struct StoredRecord {
  AuditRecord record;
  std::string kind;
  std::int64_t time_ms = 0;
  std::string incarnation;
  std::int64_t intent_seq = 0;  // of an outcome; else 0
};

class ChainVerifier {
 public:
  ChainVerifier();
  void Check(const StoredRecord& stored);
  void Report(std::int64_t seq, std::string what);
  // Call once, after the last record.
  AuditVerification Finish(const std::function<bool(const std::string&)>& is_alive) &&;

 private:
  void CheckPlace(const AuditRecord& record);
  void CheckBody(const StoredRecord& stored);
  void CheckColumns(const StoredRecord& stored, const nlohmann::json& body);
  void CheckPayload(const StoredRecord& stored, const nlohmann::json& body);

  AuditVerification result_;
  std::int64_t next_seq_ = 1;
  std::string prev_hash_;
  std::int64_t last_time_ms_ = 0;
  std::map<std::int64_t, std::string> open_intents_;  // seq → incarnation
};

}  // namespace casemate::policies
