#include "policies/audit/statements.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "policies/audit/schema.h"

namespace casemate::policies {

namespace {

// Few enough that a page of the largest records stays in memory easily.
constexpr std::int64_t kPageRecords = 32;
constexpr std::int64_t kMaxTail = 10'000;

Error Damaged(const std::string& what) {
  return Error{ErrorCode::kDataLoss, "the audit trail is damaged: " + what, "",
               "run `casemate audit verify`, keep a copy of the file, and start with a fresh state "
               "directory",
               0};
}

}  // namespace

Result<void> AuditLog::Statements::Prepare() {
  if (auto migrated = store.Migrate("audit", AuditMigrations()); !migrated) {
    return migrated;
  }
  auto foreign = ForeignObjects(store);
  if (!foreign) {
    return foreign.error();
  }
  if (!foreign->empty()) {
    return Damaged(foreign->front());
  }
  return PrepareAll();
}

Result<void> AuditLog::Statements::PrepareToRead() {
  auto table = store.Prepare("SELECT 1 FROM sqlite_schema WHERE name = 'audit_record'");
  if (!table) {
    return table.error();
  }
  auto found = table->Step();
  if (!found) {
    return found.error();
  }
  if (!*found) {
    return Error{ErrorCode::kNotFound, "the database holds no audit trail", "", "", 0};
  }
  return PrepareAll();
}

Result<void> AuditLog::Statements::PrepareAll() {
  const std::array<std::pair<Statement*, std::string_view>, 7> all = {{
      {&head, "SELECT seq, hash FROM audit_record ORDER BY seq DESC LIMIT 1"},
      {&insert,
       "INSERT INTO audit_record (seq, kind, time_ms, incarnation, intent_seq, body, hash) "
       "VALUES (?1, ?2, ?3, ?4, nullif(?5, 0), ?6, ?7)"},
      {&intent,
       "SELECT kind, incarnation, EXISTS (SELECT 1 FROM audit_record WHERE intent_seq = ?1) "
       "FROM audit_record WHERE seq = ?1"},
      {&one, "SELECT seq, body, hash FROM audit_record WHERE seq = ?1"},
      {&page,
       "SELECT seq, kind, time_ms, incarnation, ifnull(intent_seq, 0), body, hash "
       "FROM audit_record WHERE seq >= ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3"},
      {&tail,
       "SELECT seq, body, hash FROM (SELECT seq, body, hash FROM audit_record ORDER BY seq DESC "
       "LIMIT ?1) ORDER BY seq"},
      {&unfinished,
       "SELECT seq FROM audit_record AS intent WHERE incarnation = ?1 AND kind = 'intent' AND NOT "
       "EXISTS (SELECT 1 FROM audit_record AS outcome WHERE outcome.intent_seq = intent.seq) "
       "ORDER BY seq"},
  }};
  for (const auto& [target, sql] : all) {
    auto statement = store.Prepare(sql);
    if (!statement) {
      return statement.error();
    }
    *target = *std::move(statement);
  }
  return {};
}

Result<void> AuditLog::Statements::FindPlace(RecordPlace& place) {
  const ResetAtEnd reset(head);
  auto row = head.Step();
  if (!row) {
    return row.error();
  }
  const std::int64_t seq = *row ? head.Int(0) : 0;
  place.time_ms = WallClockMs();
  place.prev_hash = *row ? head.Text(1) : FirstPrevHash();
  if (seq < (*row ? 1 : 0) || seq == std::numeric_limits<std::int64_t>::max() ||
      place.prev_hash.size() != 64) {
    return Damaged("its newest record has sequence number " + std::to_string(seq) +
                   " and a hash of " + std::to_string(place.prev_hash.size()) + " characters");
  }
  place.seq = seq + 1;
  return {};
}

Result<void> AuditLog::Statements::CheckIntent(std::int64_t intent_seq) {
  const ResetAtEnd reset(intent);
  auto row = intent.BindInt(1, intent_seq).Step();
  if (!row) {
    return row.error();
  }
  if (!*row || intent.Text(0) != "intent" || intent.Text(1) != writer || intent.Int(2) != 0) {
    return InvalidArgument(
        "intent_seq",
        "expected an intent of this server without an outcome, got " + std::to_string(intent_seq));
  }
  return {};
}

Result<std::int64_t> AuditLog::Statements::AppendInTransaction(std::string_view kind,
                                                               nlohmann::json payload,
                                                               std::int64_t intent_seq) {
  if (intent_seq != 0) {
    if (auto checked = CheckIntent(intent_seq); !checked) {
      return checked.error();
    }
  }
  RecordPlace place;
  if (auto found = FindPlace(place); !found) {
    return found.error();
  }
  auto body = RecordBody(std::move(payload), kind, writer, place);
  if (!body) {
    return body.error();
  }
  StoredRecord stored{
      {place.seq, *std::move(body), {}}, std::string(kind), place.time_ms, writer, intent_seq};
  stored.record.hash = RecordHash(stored.record.body);
  if (auto inserted = Insert(stored); !inserted) {
    return inserted.error();
  }
  return place.seq;
}

Result<std::int64_t> AuditLog::Statements::Append(std::string_view kind, nlohmann::json payload,
                                                  std::int64_t intent_seq, bool is_on_disk_later,
                                                  const Change& change) {
  std::int64_t seq = 0;
  // Reading the head and extending it in one IMMEDIATE transaction: two servers can never extend
  // the same head, which would fork the chain.
  const auto append = [&]() -> Result<void> {
    auto appended = AppendInTransaction(kind, std::move(payload), intent_seq);
    if (!appended) {
      return appended.error();
    }
    seq = *appended;
    return change ? change(seq) : Result<void>();
  };
  const auto committed =
      is_on_disk_later ? store.TransactionUnsynced(append) : store.Transaction(append);
  if (!committed) {
    return committed.error();
  }
  return seq;
}

Result<void> AuditLog::Statements::Insert(const StoredRecord& stored) {
  const ResetAtEnd reset(insert);
  auto done = insert.BindInt(1, stored.record.seq)
                  .BindText(2, stored.kind)
                  .BindInt(3, stored.time_ms)
                  .BindText(4, stored.incarnation)
                  .BindInt(5, stored.intent_seq)
                  .BindText(6, stored.record.body)
                  .BindText(7, stored.record.hash)
                  .Step();
  if (!done) {
    return done.error();
  }
  // A table remade with ON CONFLICT IGNORE, say, would drop records without an error.
  if (store.Changes() != 1) {
    return Damaged("the database did not keep record " + std::to_string(stored.record.seq));
  }
  return {};
}

Result<std::vector<StoredRecord>> AuditLog::Statements::ReadPage(std::int64_t from,
                                                                 std::int64_t up_to) {
  const ResetAtEnd reset(page);
  page.BindInt(1, from).BindInt(2, up_to).BindInt(3, kPageRecords);
  std::vector<StoredRecord> records;
  while (true) {
    auto row = page.Step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return records;
    }
    records.push_back({{page.Int(0), page.Text(5), page.Text(6)},
                       page.Text(1),
                       page.Int(2),
                       page.Text(3),
                       page.Int(4)});
  }
}

Result<std::int64_t> AuditLog::Statements::NewestSeq() {
  const ResetAtEnd reset(head);
  auto row = head.Step();
  if (!row) {
    return row.error();
  }
  return *row ? head.Int(0) : 0;
}

Result<void> AuditLog::Statements::Walk(const std::function<void(const StoredRecord&)>& visit) {
  std::int64_t from = std::numeric_limits<std::int64_t>::min();
  auto newest = [&] {
    const auto lock = store.Lock();
    return NewestSeq();
  }();
  if (!newest) {
    return newest.error();
  }
  while (true) {
    auto records = [&] {
      const auto lock = store.Lock();
      return ReadPage(from, *newest);
    }();
    if (!records) {
      return records.error();
    }
    for (const StoredRecord& stored : *records) {
      visit(stored);
    }
    if (records->empty() || records->back().record.seq >= *newest) {
      return {};
    }
    from = records->back().record.seq + 1;
  }
}

Result<AuditRecord> AuditLog::Statements::One(std::int64_t seq) {
  const auto lock = store.Lock();
  const ResetAtEnd reset(one);
  auto row = one.BindInt(1, seq).Step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return Error{ErrorCode::kNotFound,
                 "expected the number of an audit record, got " + std::to_string(seq), "seq",
                 "`casemate audit tail` shows the newest", 0};
  }
  return AuditRecord{one.Int(0), one.Text(1), one.Text(2)};
}

Result<std::vector<AuditRecord>> AuditLog::Statements::Newest(std::int64_t count) {
  const auto lock = store.Lock();
  const ResetAtEnd reset(tail);
  tail.BindInt(1, std::clamp<std::int64_t>(count, 0, kMaxTail));
  std::vector<AuditRecord> records;
  while (true) {
    auto row = tail.Step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return records;
    }
    records.push_back({tail.Int(0), tail.Text(1), tail.Text(2)});
  }
}

}  // namespace casemate::policies
