// The audit trail: an intent record durable before a call runs, an outcome record after it, in one
// hash chain shared by every server on the state directory. docs/audit.md says what it promises:
// tampering shows; it is not prevented. Thread-safe; safe for concurrent processes.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "base/store/store.h"
#include "policies/engine/policy_engine.h"

namespace casemate::policies {

// The approval that a call used, or, when it was refused, waits for.
struct ApprovalMark {
  std::string id;
  std::string by;  // id of the principal who approved; empty: nobody yet, as are the next three
  std::string tenant;
  std::string channel;
  std::int64_t at_ms = 0;
};

struct AuditIntent {
  std::string tool;
  Principal principal;
  std::string channel;            // "mcp-stdio", "cli"
  const nlohmann::json& args;     // normalised and redacted
  const nlohmann::json& context;  // facts handed to the policy
  const Decision& decision;
  const ApprovalMark* approval = nullptr;  // borrowed; null: no approval is concerned
};

struct AuditRecord {
  std::int64_t seq = 0;  // 1, 2, 3 … without gaps
  std::string body;      // canonical JSON; holds seq, kind, time_ms, prev_hash, …
  std::string hash;      // hex SHA-256 over 0x00 ‖ body
};

// One problem found by Verify. `seq` is the first record concerned; 0: the whole database.
struct AuditProblem {
  std::int64_t seq = 0;
  std::string what;
};

struct AuditVerification {
  std::int64_t records = 0;
  std::string head_hash;
  std::vector<AuditProblem> problems;            // tampering: gaps, wrong hashes, forks
  std::vector<std::int64_t> unfinished_intents;  // intents of dead servers without an outcome
  std::vector<std::int64_t> running_intents;     // intents of live servers without an outcome
  std::vector<std::int64_t> clock_regressions;   // time_ms smaller than before (information)
};

class AuditLog {
 public:
  // `incarnation` identifies this server process in each record. Errors: kDataLoss when the
  // database holds a trigger, a view, or anything on our table that we did not make.
  static Result<std::unique_ptr<AuditLog>> Open(Store& store, std::string incarnation);
  // To read a trail, wherever it comes from: migrates nothing and refuses nothing, so that a
  // damaged one can be looked at. Appending fails. Errors: kNotFound when there is no trail.
  static Result<std::unique_ptr<AuditLog>> OpenToRead(Store& store);
  ~AuditLog();

  // Returns the intent's sequence number. The record is on disk once Sync has returned: on an error
  // of either, the call must not run. A refused decision is recorded too (kind "refused") and needs
  // no End.
  Result<std::int64_t> Begin(const AuditIntent& intent);
  Result<void> Sync();
  // `outcome`: status, exit code, usage, sizes and hashes of the output; never secrets.
  Result<void> End(std::int64_t intent_seq, const nlohmann::json& outcome);
  // Records a look at something (kind "access", or "refused"), which needs no End. On error nothing
  // must be shown. Returns the sequence number once the record is on disk.
  Result<std::int64_t> Access(const AuditIntent& access);
  // Records a fact that belongs to no call (kind "server_start", "server_stop", "reaped",
  // "token_added", "token_removed", "approval_requested", "approval_granted", "approval_denied",
  // "approval_used", "policy_loaded", "policy_rejected").
  Result<std::int64_t> Note(const std::string& kind, const nlohmann::json& detail);
  // Note, together with a change of the same database: both are kept, or neither is. `change` runs
  // inside the transaction of the record, whose number it is given; its error is returned.
  using Change = std::function<Result<void>(std::int64_t seq)>;
  Result<std::int64_t> NoteWith(const std::string& kind, const nlohmann::json& detail,
                                const Change& change);
  // Note, for the first record of this process: its caller need not wait for the disk, but whatever
  // is appended later does, and fails with its error. Call once, before others append.
  void NoteFirst(const std::string& kind, const nlohmann::json& detail);

  // One record. Errors: kNotFound.
  Result<AuditRecord> Read(std::int64_t seq);
  // The newest `count` records, oldest first.
  Result<std::vector<AuditRecord>> Tail(std::int64_t count);
  // Calls `visit` for each record in order, in bounded memory.
  Result<void> ForEach(const std::function<void(const AuditRecord&)>& visit);
  // `is_alive` tells whether an incarnation's lock is held.
  Result<AuditVerification> Verify(const std::function<bool(const std::string&)>& is_alive);
  // Sequence numbers of intents of `incarnation` that have no outcome.
  Result<std::vector<std::int64_t>> UnfinishedIntents(const std::string& incarnation);

 private:
  AuditLog(Store& store, std::string incarnation);
  Result<std::int64_t> AppendDecided(std::string_view allowed_kind, const AuditIntent& intent,
                                     bool is_on_disk_later);
  struct Statements;
  // After what NoteFirst writes.
  Result<std::int64_t> Append(std::string_view kind, nlohmann::json payload,
                              std::int64_t intent_seq, bool is_on_disk_later = false,
                              const Change& change = {});
  Store& store_;
  std::string incarnation_;
  std::unique_ptr<Statements> statements_;
  std::shared_future<Result<std::int64_t>> first_;  // not valid: there was no NoteFirst
};

}  // namespace casemate::policies
