#include "policies/audit/schema.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/text.h"

namespace casemate::policies {

namespace {

// The columns beside body and hash repeat parts of the body for queries; Verify compares them.
// Index audit_outcome also makes a second outcome for one intent impossible.
constexpr std::array<Migration, 1> kMigrations = {{{1, R"sql(
CREATE TABLE audit_record (
  seq INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  time_ms INTEGER NOT NULL,
  incarnation TEXT NOT NULL,
  intent_seq INTEGER,
  body TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX audit_outcome ON audit_record (intent_seq) WHERE intent_seq IS NOT NULL;
CREATE INDEX audit_intent ON audit_record (incarnation) WHERE kind = 'intent';
)sql"}}};

constexpr std::size_t kMaxForeign = 32;

// Name → text, as SQLite keeps it. Our statements hold no semicolon inside.
std::map<std::string, std::string> Expected() {
  std::map<std::string, std::string> objects;
  for (const Migration& migration : kMigrations) {
    std::string_view rest = migration.sql;
    for (std::size_t end = rest.find(';'); end != std::string_view::npos; end = rest.find(';')) {
      std::string_view text = rest.substr(0, end);
      text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
      rest.remove_prefix(end + 1);
      // CREATE TABLE name, CREATE INDEX name, CREATE UNIQUE INDEX name
      const std::string_view kind = text.starts_with("CREATE UNIQUE")  ? "CREATE UNIQUE INDEX "
                                    : text.starts_with("CREATE TABLE") ? "CREATE TABLE "
                                                                       : "CREATE INDEX ";
      const std::string_view from_name = text.substr(kind.size());
      objects.emplace(from_name.substr(0, from_name.find(' ')), text);
    }
  }
  return objects;
}

}  // namespace

std::span<const Migration> AuditMigrations() {
  return kMigrations;
}

Result<std::vector<std::string>> ForeignObjects(Store& store) {
  auto query = store.Prepare(
      "SELECT type, name, sql FROM sqlite_schema WHERE type NOT IN ('table', 'index') "
      "OR lower(tbl_name) = 'audit_record' ORDER BY type, name");
  if (!query) {
    return query.error();
  }
  auto missing = Expected();
  std::vector<std::string> foreign;
  while (foreign.size() < kMaxForeign) {
    auto row = query->Step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      break;
    }
    const auto expected = missing.find(query->Text(1));
    if (expected != missing.end() && expected->second == query->Text(2)) {
      missing.erase(expected);
      continue;
    }
    foreign.push_back("the database holds a " + EscapeControls(ToValidUtf8(query->Text(0)), false) +
                      " `" + EscapeControls(ToValidUtf8(query->Text(1)), false) +
                      "` that Casemate did not make so; it can change or drop records");
  }
  for (const auto& [name, text] : missing) {
    foreign.push_back("the database lacks `" + name + "` as Casemate made it");
  }
  return foreign;
}

}  // namespace casemate::policies
