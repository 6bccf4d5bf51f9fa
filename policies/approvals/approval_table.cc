#include "policies/approvals/approval_table.h"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/json.h"
#include "policies/engine/policy_json.h"

namespace casemate::policies {

using nlohmann::json;

namespace {

// `state` is pending, granted, denied or used: that the time is over is seen by the clock.
constexpr std::array<Migration, 1> kMigrations = {{{1, R"sql(
CREATE TABLE approval (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  call_hash TEXT NOT NULL,
  fit TEXT NOT NULL,
  tenant TEXT NOT NULL,
  principal TEXT NOT NULL,
  tool TEXT NOT NULL,
  channel TEXT NOT NULL,
  rules TEXT NOT NULL,
  revision TEXT NOT NULL,
  terms TEXT NOT NULL,
  summary TEXT NOT NULL,
  full_text TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  remember INTEGER NOT NULL DEFAULT 0,
  approver TEXT NOT NULL DEFAULT '',
  approver_tenant TEXT NOT NULL DEFAULT '',
  approver_channel TEXT NOT NULL DEFAULT '',
  deny_reason TEXT NOT NULL DEFAULT '',
  decided_ms INTEGER NOT NULL DEFAULT 0,
  used_ms INTEGER NOT NULL DEFAULT 0,
  audit_seq INTEGER NOT NULL
) STRICT;
CREATE INDEX approval_call ON approval (call_hash);
CREATE INDEX approval_state ON approval (state);
CREATE TABLE approval_key (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), key TEXT NOT NULL)
  STRICT;
)sql"}}};

constexpr std::size_t kKeyBytes = 32;
constexpr std::int64_t kMaxListed = 10'000;
constexpr std::string_view kSelect =
    "SELECT id, state, call_hash, tenant, principal, tool, channel, rules, revision, terms, "
    "summary, full_text, created_ms, expires_ms, remember, approver, approver_tenant, "
    "approver_channel, deny_reason, decided_ms, used_ms, audit_seq FROM approval ";

ApprovalState StateNamed(const std::string& name) {
  for (const ApprovalState state : {ApprovalState::kPending, ApprovalState::kGranted,
                                    ApprovalState::kDenied, ApprovalState::kUsed}) {
    if (ToString(state) == name) {
      return state;
    }
  }
  return ApprovalState::kExpired;  // a word that we did not write is good for nothing
}

std::vector<std::string> ReadRules(const std::string& text) {
  std::vector<std::string> rules;
  const auto read = ParseJson(text);
  if (!read || !read->is_array()) {
    return rules;
  }
  for (const json& rule : *read) {
    if (rule.is_string()) {
      rules.push_back(rule.get<std::string>());
    }
  }
  return rules;
}

// The row of kSelect at which `row` stands.
Approval ReadRow(const Statement& row) {
  Approval read;
  int at = 0;
  const auto text = [&] { return row.Text(at++); };
  const auto number = [&] { return row.Int(at++); };
  read.id = text();
  read.state = StateNamed(text());
  read.call.hash = text();
  read.call.principal = {};
  read.call.principal.roles.clear();
  read.call.principal.tenant = text();
  read.call.principal.id = text();
  read.call.tool = text();
  read.call.channel = text();
  read.rules = ReadRules(text());
  read.revision = text();
  read.terms = ReadApprovalTerms(text());
  read.text.summary = text();
  read.text.full = text();
  read.created_ms = number();
  read.expires_ms = number();
  read.remember = number() != 0;
  read.approver = text();
  read.approver_tenant = text();
  read.approver_channel = text();
  read.deny_reason = text();
  read.decided_ms = number();
  read.used_ms = number();
  read.audit_seq = number();
  return read;
}

Result<std::optional<Approval>> FirstOf(Statement& query) {
  auto row = query.Step();
  if (!row) {
    return std::move(row).error();
  }
  return *row ? std::optional(ReadRow(query)) : std::nullopt;
}

// Whether the statement changed exactly one row.
Result<bool> ChangedOne(Store& store, Statement& update) {
  auto done = update.Step();
  if (!done) {
    return std::move(done).error();
  }
  return store.Changes() == 1;
}

}  // namespace

std::span<const Migration> ApprovalMigrations() {
  return kMigrations;
}

Result<std::string> ApprovalTable::Key() {
  auto query = store_.Prepare("SELECT key FROM approval_key");
  if (!query) {
    return std::move(query).error();
  }
  auto row = query->Step();
  if (!row) {
    return std::move(row).error();
  }
  if (*row) {
    return query->Text(0);
  }
  auto insert = store_.Prepare("INSERT INTO approval_key (only_row, key) VALUES (1, ?1)");
  if (!insert) {
    return std::move(insert).error();
  }
  std::string key = RandomHex(kKeyBytes);
  auto done = insert->BindText(1, key).Step();
  return done ? Result<std::string>(std::move(key)) : Result<std::string>(std::move(done).error());
}

Result<void> ApprovalTable::Insert(const Approval& approval, const std::string& fit) {
  auto insert = store_.Prepare(
      "INSERT INTO approval (id, state, call_hash, fit, tenant, principal, tool, channel, rules, "
      "revision, terms, summary, full_text, created_ms, expires_ms, audit_seq) VALUES "
      "(?1, 'pending', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)");
  if (!insert) {
    return std::move(insert).error();
  }
  auto done = insert->BindText(1, approval.id)
                  .BindText(2, approval.call.hash)
                  .BindText(3, fit)
                  .BindText(4, approval.call.principal.tenant)
                  .BindText(5, approval.call.principal.id)
                  .BindText(6, approval.call.tool)
                  .BindText(7, approval.call.channel)
                  .BindText(8, DumpJson(approval.rules))
                  .BindText(9, approval.revision)
                  .BindText(10, DumpJson(ApprovalJson(approval.terms)))
                  .BindText(11, approval.text.summary)
                  .BindText(12, approval.text.full)
                  .BindInt(13, approval.created_ms)
                  .BindInt(14, approval.expires_ms)
                  .BindInt(15, approval.audit_seq)
                  .Step();
  return done ? Result<void>() : Result<void>(std::move(done).error());
}

Result<std::optional<Approval>> ApprovalTable::Find(const std::string& id) {
  auto query = store_.Prepare(std::string(kSelect) + "WHERE id = ?1");
  if (!query) {
    return std::move(query).error();
  }
  return FirstOf(query->BindText(1, id));
}

Result<std::optional<Approval>> ApprovalTable::FindFor(const ApprovalCall& call,
                                                       const std::string& fit, ApprovalState state,
                                                       std::int64_t now_ms,
                                                       std::int64_t decided_after_ms) {
  auto query = store_.Prepare(
      std::string(kSelect) +
      "WHERE call_hash = ?1 AND fit = ?2 AND tenant = ?3 AND principal = ?4 AND tool = ?5 "
      "AND state = ?6 AND created_ms <= ?7 AND expires_ms > ?7 AND decided_ms >= ?8 "
      "ORDER BY created_ms DESC, rowid DESC LIMIT 1");
  if (!query) {
    return std::move(query).error();
  }
  return FirstOf(query->BindText(1, call.hash)
                     .BindText(2, fit)
                     .BindText(3, call.principal.tenant)
                     .BindText(4, call.principal.id)
                     .BindText(5, call.tool)
                     .BindText(6, ToString(state))
                     .BindInt(7, now_ms)
                     .BindInt(8, decided_after_ms));
}

Result<std::vector<Approval>> ApprovalTable::List(bool open_only, std::int64_t now_ms) {
  auto query = store_.Prepare(
      std::string(kSelect) +
      "WHERE ?1 = 0 OR (state IN ('pending', 'granted') AND created_ms <= ?2 AND expires_ms > ?2) "
      "ORDER BY created_ms DESC, rowid DESC LIMIT ?3");
  if (!query) {
    return std::move(query).error();
  }
  query->BindInt(1, open_only ? 1 : 0).BindInt(2, now_ms).BindInt(3, kMaxListed);
  std::vector<Approval> found;
  while (true) {
    auto row = query->Step();
    if (!row) {
      return std::move(row).error();
    }
    if (!*row) {
      return found;
    }
    found.push_back(ReadRow(*query));
  }
}

Result<ApprovalTable::Counts> ApprovalTable::CountPending(const Principal& principal,
                                                          std::int64_t now_ms) {
  auto query = store_.Prepare(
      "SELECT count(*), ifnull(sum(tenant = ?1 AND principal = ?2), 0) FROM approval "
      "WHERE state = 'pending' AND created_ms <= ?3 AND expires_ms > ?3");
  if (!query) {
    return std::move(query).error();
  }
  auto row =
      query->BindText(1, principal.tenant).BindText(2, principal.id).BindInt(3, now_ms).Step();
  if (!row) {
    return std::move(row).error();
  }
  return *row ? Counts{query->Int(1), query->Int(0)} : Counts{};
}

Result<bool> ApprovalTable::MarkDecided(const Approval& decided) {
  const bool grants = decided.state == ApprovalState::kGranted;
  // What was granted can be taken back until it is used; what was denied stays so.
  auto update = store_.Prepare(
      "UPDATE approval SET state = ?2, approver = ?3, approver_tenant = ?4, approver_channel = ?5, "
      "deny_reason = ?6, remember = ?7, decided_ms = ?8, audit_seq = ?9 WHERE id = ?1 "
      "AND (state = 'pending' OR (?10 = 0 AND state = 'granted')) "
      "AND created_ms <= ?8 AND expires_ms > ?8");
  if (!update) {
    return std::move(update).error();
  }
  return ChangedOne(store_, update->BindText(1, decided.id)
                                .BindText(2, ToString(decided.state))
                                .BindText(3, decided.approver)
                                .BindText(4, decided.approver_tenant)
                                .BindText(5, decided.approver_channel)
                                .BindText(6, decided.deny_reason)
                                .BindInt(7, decided.remember ? 1 : 0)
                                .BindInt(8, decided.decided_ms)
                                .BindInt(9, decided.audit_seq)
                                .BindInt(10, grants ? 1 : 0));
}

Result<bool> ApprovalTable::MarkUsed(const std::string& id, std::int64_t now_ms,
                                     std::int64_t audit_seq) {
  auto update = store_.Prepare(
      "UPDATE approval SET state = 'used', used_ms = ?2, audit_seq = ?3 WHERE id = ?1 "
      "AND state = 'granted' AND created_ms <= ?2 AND expires_ms > ?2");
  if (!update) {
    return std::move(update).error();
  }
  return ChangedOne(store_, update->BindText(1, id).BindInt(2, now_ms).BindInt(3, audit_seq));
}

Result<void> ApprovalTable::Prune(std::int64_t before_ms, std::int64_t keep, std::int64_t now_ms) {
  auto remove = store_.Prepare(
      "DELETE FROM approval WHERE expires_ms < ?1 OR id IN (SELECT id FROM approval WHERE NOT "
      "(state IN ('pending', 'granted') AND created_ms <= ?3 AND expires_ms > ?3) "
      "ORDER BY created_ms DESC, rowid DESC LIMIT -1 OFFSET ?2)");
  if (!remove) {
    return std::move(remove).error();
  }
  auto done = remove->BindInt(1, before_ms).BindInt(2, keep).BindInt(3, now_ms).Step();
  return done ? Result<void>() : Result<void>(std::move(done).error());
}

}  // namespace casemate::policies
