#include "policies/audit/audit_log.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "policies/audit/record.h"
#include "policies/audit/schema.h"
#include "policies/audit/statements.h"
#include "policies/audit/verifier.h"

namespace casemate::policies {

AuditLog::AuditLog(Store& store, std::string incarnation)
    : store_(store), incarnation_(std::move(incarnation)) {}

AuditLog::~AuditLog() {
  if (first_.valid()) {
    first_.wait();
  }
  const auto lock = store_.Lock();
  statements_.reset();
}

Result<std::unique_ptr<AuditLog>> AuditLog::Open(Store& store, std::string incarnation) {
  if (incarnation.empty()) {
    return InvalidArgument("incarnation", "expected the id of this server process, got nothing");
  }
  std::unique_ptr<AuditLog> log(new AuditLog(store, std::move(incarnation)));
  log->statements_ = std::make_unique<Statements>(store, log->incarnation_);
  const auto lock = store.Lock();
  if (auto prepared = log->statements_->Prepare(); !prepared) {
    return prepared.error();
  }
  return log;
}

Result<std::unique_ptr<AuditLog>> AuditLog::OpenToRead(Store& store) {
  std::unique_ptr<AuditLog> log(new AuditLog(store, {}));
  log->statements_ = std::make_unique<Statements>(store, std::string());
  const auto lock = store.Lock();
  if (auto prepared = log->statements_->PrepareToRead(); !prepared) {
    return prepared.error();
  }
  return log;
}

Result<std::int64_t> AuditLog::AppendDecided(std::string_view allowed_kind,
                                             const AuditIntent& intent, bool is_on_disk_later) {
  const bool allowed = intent.decision.effect == Effect::kAllow;
  if (allowed != intent.decision.grant.has_value()) {
    return Error{ErrorCode::kInternal,
                 "expected a grant exactly when the decision allows, got the opposite", "decision",
                 "", 0};
  }
  return Append(allowed ? allowed_kind : "refused", IntentPayload(intent), 0, is_on_disk_later);
}

Result<std::int64_t> AuditLog::Begin(const AuditIntent& intent) {
  return AppendDecided("intent", intent, true);
}

Result<void> AuditLog::Sync() {
  return store_.Sync();
}

Result<std::int64_t> AuditLog::Access(const AuditIntent& access) {
  return AppendDecided("access", access, false);
}

Result<void> AuditLog::End(std::int64_t intent_seq, const nlohmann::json& outcome) {
  if (intent_seq < 1) {
    return InvalidArgument("intent_seq", "expected the sequence number of an intent, got " +
                                             std::to_string(intent_seq));
  }
  nlohmann::json payload = {{"intent_seq", intent_seq}, {"outcome", Recordable(outcome)}};
  auto seq = Append("outcome", std::move(payload), intent_seq);
  return seq ? Result<void>() : Result<void>(seq.error());
}

namespace {

bool IsFact(std::string_view kind) {
  constexpr std::array<std::string_view, 11> kFacts = {
      "server_start",  "server_stop",        "reaped",           "token_added",
      "token_removed", "approval_requested", "approval_granted", "approval_denied",
      "approval_used", "policy_loaded",      "policy_rejected"};
  return std::ranges::find(kFacts, kind) != kFacts.end();
}

Error NoFact(const std::string& kind) {
  return InvalidArgument(
      "kind",
      "expected server_start, server_stop, reaped, token_…, approval_… or policy_…, "
      "got `" +
          kind + "`");
}

}  // namespace

Result<std::int64_t> AuditLog::Append(std::string_view kind, nlohmann::json payload,
                                      std::int64_t intent_seq, bool is_on_disk_later,
                                      const Change& change) {
  if (first_.valid()) {
    if (const auto& first = first_.get(); !first) {
      return first.error();
    }
  }
  return statements_->Append(kind, std::move(payload), intent_seq, is_on_disk_later, change);
}

Result<std::int64_t> AuditLog::NoteWith(const std::string& kind, const nlohmann::json& detail,
                                        const Change& change) {
  if (!IsFact(kind)) {
    return NoFact(kind);
  }
  return Append(kind, {{"detail", Recordable(detail)}}, 0, false, change);
}

Result<std::int64_t> AuditLog::Note(const std::string& kind, const nlohmann::json& detail) {
  if (!IsFact(kind)) {
    return NoFact(kind);
  }
  return Append(kind, {{"detail", Recordable(detail)}}, 0);
}

void AuditLog::NoteFirst(const std::string& kind, const nlohmann::json& detail) {
  // Both policies: where no thread can be had, it is written with the first append.
  first_ = std::async(std::launch::async | std::launch::deferred,
                      [this, kind, payload = nlohmann::json{{"detail", Recordable(detail)}}]()
                          -> Result<std::int64_t> {
                        if (!IsFact(kind)) {
                          return NoFact(kind);
                        }
                        return statements_->Append(kind, payload, 0);
                      })
               .share();
}

Result<AuditRecord> AuditLog::Read(std::int64_t seq) {
  return statements_->One(seq);
}

Result<std::vector<AuditRecord>> AuditLog::Tail(std::int64_t count) {
  return statements_->Newest(count);
}

Result<void> AuditLog::ForEach(const std::function<void(const AuditRecord&)>& visit) {
  return statements_->Walk([&](const StoredRecord& stored) { visit(stored.record); });
}

Result<AuditVerification> AuditLog::Verify(
    const std::function<bool(const std::string&)>& is_alive) {
  ChainVerifier verifier;
  auto foreign = [&] {
    const auto lock = store_.Lock();
    return ForeignObjects(store_);
  }();
  if (!foreign) {
    return foreign.error();
  }
  for (std::string& what : *foreign) {
    verifier.Report(0, std::move(what));
  }
  auto walked = statements_->Walk([&](const StoredRecord& stored) { verifier.Check(stored); });
  if (!walked) {
    return walked.error();
  }
  return std::move(verifier).Finish(is_alive);
}

Result<std::vector<std::int64_t>> AuditLog::UnfinishedIntents(const std::string& incarnation) {
  const auto lock = store_.Lock();
  const ResetAtEnd reset(statements_->unfinished);
  statements_->unfinished.BindText(1, incarnation);
  std::vector<std::int64_t> unfinished;
  while (true) {
    auto row = statements_->unfinished.Step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return unfinished;
    }
    unfinished.push_back(statements_->unfinished.Int(0));
  }
}

}  // namespace casemate::policies
