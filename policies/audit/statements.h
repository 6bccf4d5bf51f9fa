// The prepared statements of the audit trail and the steps made of them. Owned by one AuditLog.
// Append and the readers take the Store's lock themselves; the private steps run under it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "policies/audit/audit_log.h"
#include "policies/audit/record.h"
#include "policies/audit/verifier.h"

namespace casemate::policies {

// An open read statement would hold its snapshot and keep the write-ahead log from being reset.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(Statement& statement) : statement_(statement) {}
  ~ResetAtEnd() { statement_.Reset(); }
  ResetAtEnd(const ResetAtEnd&) = delete;
  ResetAtEnd& operator=(const ResetAtEnd&) = delete;

 private:
  Statement& statement_;
};

struct AuditLog::Statements {
  Statements(Store& to_store, std::string writer_id)
      : store(to_store), writer(std::move(writer_id)) {}

  Store& store;
  std::string writer;  // the incarnation that appends
  Statement head;
  Statement insert;
  Statement intent;
  Statement one;
  Statement page;
  Statement tail;
  Statement unfinished;

  // Brings the schema up to date, refuses what we did not make, then prepares each statement once.
  Result<void> Prepare();
  // Prepares what reads. Errors: kNotFound when there is no trail.
  Result<void> PrepareToRead();
  // Appends one record and returns its sequence number once it is on disk; `is_on_disk_later`: once
  // it is on its way there. `intent_seq`: of an outcome the intent, which must be ours and without
  // an outcome; else 0. `change`: see NoteWith.
  Result<std::int64_t> Append(std::string_view kind, nlohmann::json payload,
                              std::int64_t intent_seq, bool is_on_disk_later = false,
                              const Change& change = {});
  // Visits the records that are there now, in order, a page at a time: the lock is free while
  // `visit` works, and records appended meanwhile do not prolong the walk.
  Result<void> Walk(const std::function<void(const StoredRecord&)>& visit);
  Result<std::vector<AuditRecord>> Newest(std::int64_t count);
  Result<AuditRecord> One(std::int64_t seq);

 private:
  Result<void> PrepareAll();
  // Sets the place of the next record. Errors: kDataLoss when the chain's head is damaged.
  Result<void> FindPlace(RecordPlace& place);
  Result<void> CheckIntent(std::int64_t intent_seq);
  Result<std::int64_t> AppendInTransaction(std::string_view kind, nlohmann::json payload,
                                           std::int64_t intent_seq);
  Result<void> Insert(const StoredRecord& stored);
  // The next few records with from <= seq <= up_to; none: the end.
  Result<std::vector<StoredRecord>> ReadPage(std::int64_t from, std::int64_t up_to);
  Result<std::int64_t> NewestSeq();
};

}  // namespace casemate::policies
