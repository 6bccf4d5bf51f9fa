#include "sandbox/container/events/event_store.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

namespace casemate::container {
namespace {

using nlohmann::json;

// `container_events_pruned` remembers up to which sequence number events are kept no more, and
// `container_events_forgotten` how far the past of each engine is forgotten: what it tells once
// more from before is not news. Of each, for another one may still have to tell what happened
// before.
constexpr std::array<Migration, 2> kMigrations = {{{1, R"sql(
CREATE TABLE container_events(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  time_ns INTEGER NOT NULL,
  engine TEXT NOT NULL,
  type TEXT NOT NULL,
  action TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  attributes TEXT NOT NULL,
  UNIQUE(time_ns, id, action, type, engine)) STRICT;
CREATE INDEX container_events_by_id ON container_events(id, time_ns);
CREATE TABLE container_events_pruned(
  only_row INTEGER PRIMARY KEY CHECK(only_row = 1),
  time_ns INTEGER NOT NULL,
  seq INTEGER NOT NULL) STRICT;
INSERT INTO container_events_pruned VALUES (1, 0, 0);
)sql"},
                                                   {2, R"sql(
CREATE TABLE container_events_forgotten(
  engine TEXT PRIMARY KEY,
  time_ns INTEGER NOT NULL) STRICT;
INSERT INTO container_events_forgotten
  SELECT engine, min(min(time_ns) - 1, (SELECT time_ns FROM container_events_pruned))
  FROM container_events GROUP BY engine;
ALTER TABLE container_events_pruned DROP COLUMN time_ns;
)sql"}}};

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::size_t kMaxText = 256;         // bytes, of each of an event's texts
constexpr std::size_t kMaxAttributes = 2048;  // bytes, of all of them together
// What is kept of attributes before labels are: these explain the event, and whose it is.
constexpr std::array<std::string_view, 9> kTellingAttributes = {
    "name",         "image",       "exitCode",      "signal",    "oldName",
    "execDuration", kLabelPurpose, kLabelPrincipal, kLabelTenant};

std::string Cut(std::string_view text) {
  return ToValidUtf8(text.substr(0, kMaxText));
}

Labels Bounded(const Labels& all) {
  Labels sorted = all;
  std::ranges::sort(sorted, {}, [](const auto& attribute) {
    const bool tells =
        std::ranges::find(kTellingAttributes, attribute.first) != kTellingAttributes.end();
    return std::pair(!tells, std::string_view(attribute.first));
  });
  Labels kept;
  std::size_t bytes = 0;
  for (const auto& [name, value] : sorted) {
    std::pair<std::string, std::string> entry(Cut(name), Cut(value));
    bytes += entry.first.size() + entry.second.size();
    if (bytes > kMaxAttributes) {
      break;
    }
    kept.push_back(std::move(entry));
  }
  return kept;
}

std::string NameIn(const Labels& attributes) {
  const auto found =
      std::ranges::find(attributes, "name", &std::pair<std::string, std::string>::first);
  return found == attributes.end() ? std::string() : Cut(found->second);
}

EngineEvent Cut(const EngineEvent& event) {
  return {event.time_ns, Cut(event.type), Cut(event.action), Cut(event.id),
          Bounded(event.attributes)};
}

json ObjectOf(const Labels& attributes) {
  json object = json::object();
  for (const auto& [name, value] : attributes) {
    object[name] = value;
  }
  return object;
}

Labels LabelsIn(const std::string& text) {
  Labels labels;
  const auto object = ParseJson(text);
  if (object && object->is_object()) {
    for (const auto& [name, value] : object->items()) {
      labels.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  return labels;
}

std::int64_t NowNs() {
  return WallClockMs() * kNsPerMs;
}

Result<void> Run(Statement& statement) {
  auto done = statement.Step();
  return done ? Result<void>() : Result<void>(std::move(done).error());
}

StoredEvent RowOf(const Statement& row) {
  StoredEvent stored;
  stored.seq = row.Int(0);
  stored.event.time_ns = row.Int(1);
  stored.engine = row.Text(2);
  stored.event.type = row.Text(3);
  stored.event.action = row.Text(4);
  stored.event.id = row.Text(5);
  stored.name = row.Text(6);
  stored.attributes = row.Text(7);
  stored.event.attributes = LabelsIn(stored.attributes);
  return stored;
}

}  // namespace

Result<std::unique_ptr<EventStore>> EventStore::Open(Store& store, EventStoreOptions options) {
  if (auto migrated = store.Migrate("container_events", kMigrations); !migrated) {
    return std::move(migrated).error();
  }
  return std::unique_ptr<EventStore>(new EventStore(store, options));
}

Result<std::vector<EngineEvent>> EventStore::Unknown(const std::string& engine,
                                                     std::span<const EngineEvent> events) {
  auto query = store_.Prepare(
      "SELECT 1 FROM container_events WHERE time_ns = ?1 AND id = ?2 AND action = ?3 AND type = ?4 "
      "AND engine = ?5");
  if (!query) {
    return std::move(query).error();
  }
  std::vector<EngineEvent> unknown;
  for (const EngineEvent& event : events) {
    EngineEvent cut = Cut(event);
    auto row = query->BindInt(1, cut.time_ns)
                   .BindText(2, cut.id)
                   .BindText(3, cut.action)
                   .BindText(4, cut.type)
                   .BindText(5, engine)
                   .Step();
    query->Reset();
    if (!row) {
      return std::move(row).error();
    }
    if (!*row) {
      unknown.push_back(std::move(cut));
    }
  }
  return unknown;
}

Result<std::int64_t> EventStore::Insert(const std::string& engine,
                                        const std::vector<EngineEvent>& events) {
  // Podman tells the state of health after each check: of a row of equal ones the first is news.
  auto insert = store_.Prepare(
      "INSERT OR IGNORE INTO container_events"
      " (time_ns, engine, type, action, id, name, attributes)"
      " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7"
      " WHERE ?1 > ifnull((SELECT time_ns FROM container_events_forgotten WHERE engine = ?2), 0)"
      " AND NOT (?4 LIKE 'health_status%' AND ?4 IS (SELECT action FROM container_events"
      "  WHERE id = ?5 AND time_ns < ?1 AND engine = ?2"
      "  AND (action LIKE 'health_status%' OR action IN ('start', 'restart', 'die'))"
      "  ORDER BY time_ns DESC LIMIT 1))");
  if (!insert) {
    return std::move(insert).error();
  }
  std::int64_t added = 0;
  for (const EngineEvent& event : events) {
    auto done = insert->BindInt(1, event.time_ns)
                    .BindText(2, engine)
                    .BindText(3, event.type)
                    .BindText(4, event.action)
                    .BindText(5, event.id)
                    .BindText(6, NameIn(event.attributes))
                    .BindText(7, DumpJson(ObjectOf(event.attributes)))
                    .Step();
    insert->Reset();
    if (!done) {
      return std::move(done).error();
    }
    added += store_.Changes();
  }
  return added;
}

Result<std::int64_t> EventStore::Add(const std::string& engine,
                                     std::span<const EngineEvent> events) {
  const auto lock = store_.Lock();
  const auto unknown = Unknown(engine, events);
  if (!unknown) {
    return unknown.error();
  }
  std::int64_t added = 0;
  if (unknown->empty()) {
    return added;  // another server was first: no transaction for nothing
  }
  auto done = store_.Transaction([&]() -> Result<void> {
    auto inserted = Insert(engine, *unknown);
    if (!inserted) {
      return std::move(inserted).error();
    }
    added = *inserted;
    return Prune();
  });
  return done ? Result<std::int64_t>(added) : std::move(done).error();
}

Result<void> EventStore::Prune() {
  constexpr std::string_view kOld =
      " (time_ns < ?1 OR seq <= ifnull((SELECT seq FROM container_events ORDER BY seq DESC "
      "LIMIT 1 OFFSET ?2), 0))";
  const std::int64_t now = NowNs();
  const std::int64_t oldest = now - options_.max_age_ms * kNsPerMs;
  const auto run = [&](const std::string& sql, bool has_now) -> Result<void> {
    auto statement = store_.Prepare(sql);
    if (!statement) {
      return std::move(statement).error();
    }
    statement->BindInt(1, oldest).BindInt(2, options_.max_events);
    if (has_now) {
      statement->BindInt(3, now);
    }
    return Run(*statement);
  };
  // Never into the future: an engine's clock that was wrong must not make all that follows old.
  auto done =
      run("INSERT INTO container_events_forgotten SELECT engine, max(time_ns)"
          " FROM container_events WHERE time_ns <= ?3 AND" +
              std::string(kOld) +
              " GROUP BY engine ON CONFLICT(engine) DO UPDATE SET"
              " time_ns = max(time_ns, excluded.time_ns)",
          true);
  if (done) {
    done =
        run("UPDATE container_events_pruned SET"
            " seq = max(seq, ifnull((SELECT max(seq) FROM container_events WHERE" +
                std::string(kOld) + "), 0))",
            false);
  }
  return done ? run("DELETE FROM container_events WHERE" + std::string(kOld), false) : done;
}

Result<std::int64_t> EventStore::Number(std::string_view sql) {
  auto query = store_.Prepare(sql);
  if (!query) {
    return std::move(query).error();
  }
  auto row = query->Step();
  if (!row) {
    return std::move(row).error();
  }
  return *row ? query->Int(0) : 0;
}

Result<std::int64_t> EventStore::LastSeq() {
  const auto lock = store_.Lock();
  return Number("SELECT seq FROM sqlite_sequence WHERE name = 'container_events'");
}

Result<std::int64_t> EventStore::NewestNs(const std::string& engine) {
  const auto lock = store_.Lock();
  auto query = store_.Prepare(
      "SELECT ifnull(max(time_ns), 0) FROM container_events WHERE engine = ?1 AND time_ns <= ?2");
  if (!query) {
    return std::move(query).error();
  }
  auto row = query->BindText(1, engine).BindInt(2, NowNs()).Step();
  if (!row) {
    return std::move(row).error();
  }
  return query->Int(0);
}

Result<EventPage> EventStore::Read(std::int64_t since, std::int64_t limit) {
  auto query = store_.Prepare(
      "SELECT seq, time_ns, engine, type, action, id, name, attributes FROM container_events "
      "WHERE seq > ?1 ORDER BY seq LIMIT ?2");
  if (!query) {
    return std::move(query).error();
  }
  query->BindInt(1, since).BindInt(2, limit + 1);
  EventPage page;
  page.next = since;
  while (true) {
    auto row = query->Step();
    if (!row) {
      return std::move(row).error();
    }
    if (!*row) {
      return page;
    }
    if (static_cast<std::int64_t>(page.events.size()) == limit) {
      page.has_more = true;
      return page;
    }
    page.events.push_back(RowOf(*query));
    page.next = page.events.back().seq;
  }
}

Result<EventPage> EventStore::After(std::int64_t since, std::int64_t limit) {
  const auto lock = store_.Lock();
  const auto last = LastSeq();
  if (!last) {
    return last.error();
  }
  const bool is_foreign = since > *last;
  auto page = Read(is_foreign ? 0 : since, limit);
  const auto pruned = Number("SELECT seq FROM container_events_pruned");
  if (!page || !pruned) {
    return !page ? std::move(page).error() : pruned.error();
  }
  page->is_gap = is_foreign || since < *pruned;
  return page;
}

Result<EventPage> EventStore::Newest(std::int64_t limit) {
  const auto lock = store_.Lock();
  auto from =
      store_.Prepare("SELECT seq FROM container_events ORDER BY seq DESC LIMIT 1 OFFSET ?1");
  if (!from) {
    return std::move(from).error();
  }
  auto row = from->BindInt(1, limit).Step();
  if (!row) {
    return std::move(row).error();
  }
  const std::int64_t since = *row ? from->Int(0) : 0;
  *from = Statement();
  auto page = Read(since, limit);
  auto last = LastSeq();
  if (page && last) {
    page->next = std::max(page->next, *last);
  }
  return page;
}

}  // namespace casemate::container
