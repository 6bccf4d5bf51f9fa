#include "tools/run_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <set>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

namespace casemate::tools {

namespace {

using sandbox::Stream;

constexpr std::array<Migration, 2> kMigrations = {{
    {1, R"(
CREATE TABLE runs(
  id TEXT PRIMARY KEY,
  principal TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  stdout_bytes INTEGER NOT NULL,
  stderr_bytes INTEGER NOT NULL,
  result TEXT NOT NULL) STRICT;
CREATE INDEX runs_by_principal ON runs(principal, created_ms);
CREATE INDEX runs_by_time ON runs(created_ms);
)"},
    // Where the output of older runs came from nobody wrote down: the careful answer.
    {2, "ALTER TABLE runs ADD COLUMN untrusted INTEGER NOT NULL DEFAULT 1"},
}};
constexpr std::int64_t kMaxCandidates = 101;  // see kMaxCompletions

Error NoSuchRun() {
  return Error{ErrorCode::kNotFound,
               "there is no kept output of that run",
               {},
               "output is kept for 7 days at most, and less when there is much of it; run it again",
               0};
}

std::vector<std::string> ListIds(const std::string& directory) {
  std::vector<std::string> ids = ListNames(directory);
  std::erase_if(ids, [](const std::string& name) { return !IsRunId(name); });
  return ids;
}

UniqueFd OpenDirectory(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
}

void RemoveDirectory(const std::string& path, const UniqueFd& directory) {
  for (const Stream stream : {Stream::kStdout, Stream::kStderr}) {
    ::unlinkat(directory.get(), std::string(StreamName(stream)).c_str(), 0);
  }
  ::rmdir(path.c_str());
}

StoredRun RowOf(const Statement& row) {
  return {row.Text(0), row.Int(1), row.Int(2), row.Int(3), row.Text(4)};
}

}  // namespace

Result<std::unique_ptr<RunStore>> RunStore::Open(Store& store, RunStoreOptions options,
                                                 Changes* changes) {
  if (auto made = MakePrivateDirectories(options.directory); !made) {
    return std::move(made).error();
  }
  if (auto migrated = store.Migrate("runs", kMigrations); !migrated) {
    return std::move(migrated).error();
  }
  std::unique_ptr<RunStore> runs(new RunStore(store, std::move(options), changes));
  runs->SweepOrphans();
  if (auto pruned = runs->Prune(); !pruned) {
    return std::move(pruned).error();
  }
  return runs;
}

std::shared_ptr<RunSpool> RunStore::Begin(std::string id, std::string owner, bool untrusted) {
  auto spool = std::make_shared<RunSpool>(options_.directory, std::move(id), std::move(owner),
                                          untrusted, options_.spool);
  const std::lock_guard lock(mutex_);
  std::erase_if(live_, [](const auto& entry) { return entry.second.expired(); });
  live_[spool->id()] = spool;
  return spool;
}

std::shared_ptr<RunSpool> RunStore::Live(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(id);
  return found == live_.end() ? nullptr : found->second.lock();
}

Result<void> RunStore::Insert(const RunSpool& spool, std::string_view result) {
  return store_.Transaction([&]() -> Result<void> {
    auto insert = store_.Prepare(
        "INSERT INTO runs(id, principal, created_ms, stdout_bytes, stderr_bytes, result, untrusted)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    if (!insert) {
      return std::move(insert).error();
    }
    insert->BindText(1, spool.id()).BindText(2, spool.owner()).BindInt(3, WallClockMs());
    insert->BindInt(4, static_cast<std::int64_t>(spool.held(Stream::kStdout)))
        .BindInt(5, static_cast<std::int64_t>(spool.held(Stream::kStderr)))
        .BindText(6, result)
        .BindInt(7, spool.untrusted() ? 1 : 0);
    auto done = insert->Step();
    return done ? Result<void>() : Result<void>(std::move(done).error());
  });
}

Result<void> RunStore::Keep(RunSpool& spool, std::string_view result) {
  if (auto inserted = Insert(spool, result); !inserted) {
    return inserted;
  }
  spool.Keep();
  if (auto pruned = Prune(spool.id()); !pruned) {
    Log(LogLevel::kWarning, "cannot remove old run output: " + Describe(pruned.error()));
  }
  AnnounceList(spool.owner());
  return {};
}

void RunStore::AnnounceList(const std::string& owner) const {
  if (changes_ != nullptr) {
    changes_->Announce({.kind = Change::Kind::kResourceList, .owner = owner});
  }
}

void RunStore::NotifyOutput(const std::string& id, sandbox::Stream stream, bool at_end) const {
  if (changes_ == nullptr) {
    return;
  }
  const std::string base = "casemate://runs/" + id + "/";
  changes_->Announce({Change::Kind::kResource, base + std::string(StreamName(stream))});
  if (at_end) {
    changes_->Announce({Change::Kind::kResource, base + "result"});
  }
}

Result<void> RunStore::Prune(std::string_view just_kept) {
  std::vector<std::string> removed;
  std::set<std::string> owners;
  auto done = store_.Transaction([&]() -> Result<void> {
    // From each principal's newest on: what comes after the limits are used up goes. So who has
    // most loses first, and nobody's few are pushed out by another's many.
    auto query = store_.Prepare(
        "SELECT id, principal FROM (SELECT id, principal, created_ms,"
        "   row_number() OVER (ORDER BY own_place, created_ms DESC, id) AS place,"
        "   sum(size) OVER (ORDER BY own_bytes, created_ms DESC, id ROWS UNBOUNDED PRECEDING)"
        "    AS bytes"
        "  FROM (SELECT id, principal, created_ms, size, row_number() OVER own AS own_place,"
        "    sum(size) OVER own AS own_bytes"
        "   FROM (SELECT id, principal, created_ms, rowid AS row,"
        "     stdout_bytes + stderr_bytes + length(result) AS size FROM runs)"
        "   WINDOW own AS (PARTITION BY principal ORDER BY created_ms DESC, row DESC"
        "    ROWS UNBOUNDED PRECEDING)))"
        " WHERE (place > ?1 OR bytes > ?2 OR created_ms < ?3) AND id != ?4");
    if (!query) {
      return std::move(query).error();
    }
    query->BindInt(1, options_.max_runs)
        .BindInt(2, options_.max_total_bytes)
        .BindInt(3, WallClockMs() - options_.max_age_ms)
        .BindText(4, just_kept);
    auto row = query->Step();
    for (; row && *row; row = query->Step()) {
      removed.push_back(query->Text(0));
      owners.insert(query->Text(1));
    }
    auto remove = store_.Prepare("DELETE FROM runs WHERE id = ?1");
    if (!row || !remove) {
      return row ? std::move(remove).error() : std::move(row).error();
    }
    for (const std::string& id : removed) {
      if (auto deleted = remove->BindText(1, id).Step(); !deleted) {
        return std::move(deleted).error();
      }
      remove->Reset();
    }
    return {};
  });
  if (done) {
    for (const std::string& id : removed) {
      RemoveFiles(id);
    }
    for (const std::string& owner : owners) {
      AnnounceList(owner);
    }
  }
  return done;
}

void RunStore::RemoveFiles(const std::string& id) const {
  const std::string path = options_.directory + "/" + id;
  if (const UniqueFd directory = OpenDirectory(path); directory.valid()) {
    RemoveDirectory(path, directory);
  }
}

// A run in progress holds its directory's lock until its row is there. So what is unlocked, and
// then has no row, belongs to nobody: its server died.
void RunStore::SweepOrphans() {
  for (const std::string& id : ListIds(options_.directory)) {
    const std::string path = options_.directory + "/" + id;
    const UniqueFd directory = OpenDirectory(path);
    if (directory.valid() && ::flock(directory.get(), LOCK_EX | LOCK_NB) == 0 && !HasRow(id)) {
      RemoveDirectory(path, directory);
    }
  }
}

bool RunStore::HasRow(const std::string& id) const {
  const auto lock = store_.Lock();
  auto query = store_.Prepare("SELECT 1 FROM runs WHERE id = ?1");
  if (!query) {
    return true;  // when in doubt it stays
  }
  const auto row = query->BindText(1, id).Step();
  return !row || *row;
}

std::vector<StoredRun> RunStore::Newest(std::string_view owner, std::int64_t count) const {
  std::vector<StoredRun> runs;
  const auto lock = store_.Lock();
  auto query = store_.Prepare(
      "SELECT id, created_ms, stdout_bytes, stderr_bytes, '' FROM runs WHERE principal = ?1"
      " ORDER BY created_ms DESC, rowid DESC LIMIT ?2");
  if (!query) {
    return runs;
  }
  query->BindText(1, owner).BindInt(2, count);
  for (auto row = query->Step(); row && *row; row = query->Step()) {
    runs.push_back(RowOf(*query));
  }
  return runs;
}

Result<StoredRun> RunStore::Find(std::string_view id, std::string_view owner) const {
  const auto lock = store_.Lock();
  auto query = store_.Prepare(
      "SELECT id, created_ms, stdout_bytes, stderr_bytes, result FROM runs"
      " WHERE id = ?1 AND principal = ?2");
  if (!query) {
    return std::move(query).error();
  }
  auto row = query->BindText(1, id).BindText(2, owner).Step();
  if (!row) {
    return std::move(row).error();
  }
  return *row ? Result<StoredRun>(RowOf(*query)) : Result<StoredRun>(NoSuchRun());
}

Result<OutputSlice> RunStore::Read(std::string_view id, std::string_view owner, Stream stream,
                                   std::uint64_t offset, std::uint64_t limit) const {
  if (!IsRunId(id)) {
    return NoSuchRun();
  }
  if (const auto live = Live(id)) {
    return live->owner() == owner ? live->Read(stream, offset, limit)
                                  : Result<OutputSlice>(NoSuchRun());
  }
  const auto run = Find(id, owner);
  if (!run) {
    return run.error();
  }
  std::string path = options_.directory + "/" + run->id + "/";
  path += StreamName(stream);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) {
    return NoSuchRun();  // pruned at this moment
  }
  auto bytes = ReadRange(file.get(), offset, limit);
  if (!bytes) {
    return std::move(bytes).error();
  }
  const std::int64_t total = stream == Stream::kStdout ? run->stdout_bytes : run->stderr_bytes;
  return OutputSlice{*std::move(bytes), static_cast<std::uint64_t>(total)};
}

std::optional<RunLabel> RunStore::LabelOf(std::string_view id, std::string_view owner) const {
  const auto label = [&](std::string_view its_owner, bool untrusted) {
    const bool own = its_owner == owner;
    return RunLabel{own, own && untrusted};
  };
  if (const auto live = Live(id)) {
    return label(live->owner(), live->untrusted());
  }
  const auto lock = store_.Lock();
  auto query = store_.Prepare("SELECT principal, untrusted FROM runs WHERE id = ?1");
  if (!query) {
    return RunLabel{};
  }
  const auto row = query->BindText(1, id).Step();
  if (!row) {
    return RunLabel{};
  }
  return *row ? std::optional(label(query->Text(0), query->Int(1) != 0)) : std::nullopt;
}

std::vector<std::string> RunStore::Complete(std::string_view prefix, std::string_view owner) const {
  std::vector<std::string> ids;
  for (StoredRun& run : Newest(owner, options_.max_runs)) {
    if (run.id.starts_with(prefix) && ids.size() < kMaxCandidates) {
      ids.push_back(std::move(run.id));
    }
  }
  return ids;
}

}  // namespace casemate::tools
