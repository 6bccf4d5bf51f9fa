#include "policies/audit/verifier.h"

#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "policies/audit/record.h"

namespace casemate::policies {

namespace {

constexpr std::size_t kMaxProblems = 1000;
constexpr std::size_t kMaxListed = 100'000;
constexpr JsonLimits kBodyLimits = {.max_bytes = kMaxBodyBytes, .max_depth = 128};

bool HasText(const nlohmann::json& body, const char* key, const std::string& expected) {
  const auto found = body.find(key);
  return found != body.end() && found->is_string() &&
         found->get_ref<const std::string&>() == expected;
}

bool HasInt(const nlohmann::json& body, const char* key, std::int64_t expected) {
  const auto found = body.find(key);
  return found != body.end() && found->is_number_integer() && *found == expected;
}

}  // namespace

ChainVerifier::ChainVerifier() : prev_hash_(FirstPrevHash()) {}

void ChainVerifier::Report(std::int64_t seq, std::string what) {
  // A wholly rewritten file must not fill memory with complaints.
  if (result_.problems.size() < kMaxProblems) {
    result_.problems.push_back({seq, std::move(what)});
  } else if (result_.problems.size() == kMaxProblems) {
    result_.problems.push_back({seq, "more than 1000 problems; the rest is not listed"});
  }
}

void ChainVerifier::Check(const StoredRecord& stored) {
  ++result_.records;
  CheckPlace(stored.record);
  CheckBody(stored);
  // Go on from what is stored, so that each damage is reported where it is, once.
  prev_hash_ = stored.record.hash;
  result_.head_hash = stored.record.hash;
}

void ChainVerifier::CheckPlace(const AuditRecord& record) {
  if (record.seq != next_seq_) {
    Report(record.seq, record.seq > next_seq_
                           ? "records " + std::to_string(next_seq_) + " to " +
                                 std::to_string(record.seq - 1) + " are missing"
                           : "sequence number " + std::to_string(record.seq) + " where " +
                                 std::to_string(next_seq_) + " was expected");
  }
  if (record.seq >= next_seq_ && record.seq < std::numeric_limits<std::int64_t>::max()) {
    next_seq_ = record.seq + 1;
  }
}

void ChainVerifier::CheckBody(const StoredRecord& stored) {
  const AuditRecord& record = stored.record;
  if (RecordHash(record.body) != record.hash) {
    Report(record.seq, "the stored hash is not that of the body");
  }
  const auto body = ParseJson(record.body, kBodyLimits);
  if (!body || !body->is_object()) {
    Report(record.seq, "the body is not a JSON object");
    return;
  }
  if (!HasInt(*body, "version", kAuditFormatVersion)) {
    Report(record.seq, "the body's format version is not 1");
  }
  if (!HasText(*body, "prev_hash", prev_hash_)) {
    Report(record.seq, "prev_hash is not the hash of the record before");
  }
  CheckColumns(stored, *body);
  CheckPayload(stored, *body);
  if (stored.time_ms < last_time_ms_ && result_.clock_regressions.size() < kMaxListed) {
    result_.clock_regressions.push_back(record.seq);
  }
  last_time_ms_ = stored.time_ms;
}

void ChainVerifier::CheckColumns(const StoredRecord& stored, const nlohmann::json& body) {
  const std::int64_t seq = stored.record.seq;
  if (!HasInt(body, "seq", seq)) {
    Report(seq, "column seq differs from the body");
  }
  if (!HasText(body, "kind", stored.kind)) {
    Report(seq, "column kind differs from the body");
  }
  if (!HasInt(body, "time_ms", stored.time_ms)) {
    Report(seq, "column time_ms differs from the body");
  }
  if (!HasText(body, "incarnation", stored.incarnation)) {
    Report(seq, "column incarnation differs from the body");
  }
  if (stored.intent_seq != 0 ? !HasInt(body, "intent_seq", stored.intent_seq)
                             : body.contains("intent_seq")) {
    Report(seq, "column intent_seq differs from the body");
  }
}

void ChainVerifier::CheckPayload(const StoredRecord& stored, const nlohmann::json& body) {
  const std::int64_t seq = stored.record.seq;
  const auto kind_found = body.find("kind");
  const std::string kind = kind_found != body.end() && kind_found->is_string()
                               ? kind_found->get<std::string>()
                               : std::string();
  if (!IsKnownKind(kind)) {
    Report(seq, "unknown kind `" + EscapeControls(kind.substr(0, 64), false) + "`");
    return;
  }
  if (kind == "intent") {
    open_intents_.emplace(seq, stored.incarnation);
    return;
  }
  if (kind != "outcome") {
    return;
  }
  const auto found = body.find("intent_seq");
  const std::int64_t intent_seq =
      found != body.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
  const auto open = open_intents_.find(intent_seq);
  if (open == open_intents_.end()) {
    Report(seq, "outcome of intent " + std::to_string(intent_seq) +
                    ", which does not exist before it or already has an outcome");
    return;
  }
  if (open->second != stored.incarnation) {
    Report(seq, "outcome of intent " + std::to_string(intent_seq) + " by another incarnation");
  }
  open_intents_.erase(open);
}

AuditVerification ChainVerifier::Finish(
    const std::function<bool(const std::string&)>& is_alive) && {
  if (result_.records == 0) {
    result_.head_hash = FirstPrevHash();
  }
  std::map<std::string, bool> alive;  // one lock probe an incarnation
  for (const auto& [seq, incarnation] : open_intents_) {
    const auto [entry, is_new] = alive.emplace(incarnation, false);
    if (is_new) {
      entry->second = is_alive && is_alive(incarnation);
    }
    (entry->second ? result_.running_intents : result_.unfinished_intents).push_back(seq);
  }
  return std::move(result_);
}

}  // namespace casemate::policies
