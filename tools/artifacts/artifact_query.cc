// ArtifactStore: finding artifacts, and removing them.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "sandbox/container/oci/layer_cache.h"
#include "tools/artifacts/artifact_store.h"

namespace casemate::artifacts {
namespace {

constexpr std::size_t kMaxIdBytes = 256;

// ?1: whether it is about one owner; ?2, ?3: which.
constexpr std::string_view kOwner = "(?1 = 0 OR (principal = ?2 AND tenant = ?3))";

// Artifacts of the owner for which `condition` holds.
std::string Select(std::string_view condition) {
  std::string sql =
      "SELECT id, name, tag, kind, principal, tenant, manifest_hash, source_hash, image_digest,"
      " sbom_digest, provenance_digest, bytes, created_ms FROM artifacts WHERE ";
  sql += kOwner;
  sql += condition;
  return sql;
}

void BindOwner(const Whose& whose, Statement& query) {
  query.BindInt(1, whose ? 1 : 0);
  query.BindText(2, whose ? whose->principal : std::string());
  query.BindText(3, whose ? whose->tenant : std::string());
}

Artifact ArtifactOf(const Statement& row) {
  Artifact artifact;
  artifact.id = row.Text(0);
  artifact.name = row.Text(1);
  artifact.tag = row.Text(2);
  artifact.kind = row.Text(3);
  artifact.owner = {row.Text(4), row.Text(5)};
  artifact.manifest_hash = row.Text(6);
  artifact.source_hash = row.Text(7);
  artifact.image_digest = row.Text(8);
  artifact.sbom_digest = row.Text(9);
  artifact.provenance_digest = row.Text(10);
  artifact.bytes = row.Int(11);
  artifact.created = Rfc3339(row.Int(12));
  return artifact;
}

// Texts of the first column.
Result<std::vector<std::string>> Texts(Statement& query) {
  std::vector<std::string> texts;
  auto row = query.Step();
  for (; row && *row; row = query.Step()) {
    texts.push_back(query.Text(0));
  }
  return row ? Result(std::move(texts)) : Result<std::vector<std::string>>(row.error());
}

Error NoSuchArtifact(std::string_view id) {
  return Error{ErrorCode::kNotFound,
               "there is no artifact " + Quoted(id),
               {},
               "`casemate artifact list` names them",
               0};
}

// "MILLISECONDS ID" of the last one of a page.
struct Cursor {
  std::int64_t created_ms = INT64_MAX;
  std::string id;
};

std::optional<Cursor> ParseCursor(std::string_view text) {
  Cursor cursor;
  if (text.empty()) {
    return cursor;
  }
  const auto [end, code] =
      std::from_chars(text.data(), text.data() + text.size(), cursor.created_ms);
  if (code != std::errc() || end == text.data() + text.size() || *end != ' ') {
    return std::nullopt;
  }
  cursor.id = text.substr(static_cast<std::size_t>(end - text.data()) + 1);
  return cursor;
}

std::int64_t ModifiedMs(int directory, const std::string& name) {
  struct stat info{};
  if (fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return INT64_MAX;
  }
  return info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1'000'000;
}

}  // namespace

Result<std::vector<Artifact>> ArtifactStore::Query(Statement& query) {
  std::vector<Artifact> found;
  auto row = query.Step();
  for (; row && *row; row = query.Step()) {
    found.push_back(ArtifactOf(query));
  }
  if (!row) {
    return row.error();
  }
  for (Artifact& artifact : found) {
    auto pushes = store_.Prepare(
        "SELECT reference FROM artifact_pushes WHERE artifact = ?1 ORDER BY pushed_ms, reference");
    if (!pushes) {
      return pushes.error();
    }
    auto references = Texts(pushes->BindText(1, artifact.id));
    if (!references) {
      return references.error();
    }
    artifact.pushed_to = *std::move(references);
  }
  return found;
}

Result<ArtifactPage> ArtifactStore::List(const Whose& whose, std::string_view name,
                                         std::int64_t limit, std::string_view cursor) {
  const auto from = ParseCursor(cursor);
  if (!from) {
    return InvalidArgument("cursor", "expected the `next` of a page, got " + Quoted(cursor));
  }
  limit = std::clamp(limit, std::int64_t{1}, kMaxPage);
  const auto lock = store_.Lock();
  auto query =
      store_.Prepare(Select(" AND (?4 = '' OR name = ?4) AND (created_ms, id) < (?5, ?6)"
                            " ORDER BY created_ms DESC, id DESC LIMIT ?7"));
  if (!query) {
    return query.error();
  }
  BindOwner(whose, *query);
  // Not a view without an address, which would be NULL.
  query->BindText(4, std::string(name)).BindInt(5, from->created_ms).BindText(6, from->id);
  query->BindInt(7, limit + 1);
  auto found = Query(*query);
  if (!found) {
    return found.error();
  }
  ArtifactPage page{*std::move(found), {}};
  if (page.artifacts.size() > static_cast<std::size_t>(limit)) {
    page.artifacts.pop_back();
    auto last = store_.Prepare("SELECT created_ms || ' ' || id FROM artifacts WHERE id = ?1");
    if (!last) {
      return last.error();
    }
    auto next = Texts(last->BindText(1, page.artifacts.back().id));
    if (!next || next->empty()) {
      return next ? NoSuchArtifact(page.artifacts.back().id) : next.error();
    }
    page.next = next->front();
  }
  return page;
}

Result<std::vector<Artifact>> ArtifactStore::Find(const Whose& whose, std::string_view id) {
  auto query =
      store_.Prepare(Select(" AND (id = ?4 OR substr(id, 1, length(?4)) = ?4"
                            "  OR name || ':' || tag = ?4"
                            "  OR substr(id, instr(id, ':') + 1, length(?4)) = ?4)"
                            " ORDER BY id = ?4 DESC, name || ':' || tag = ?4 DESC,"
                            " created_ms DESC, id LIMIT 2"));
  if (!query) {
    return query.error();
  }
  BindOwner(whose, *query);
  query->BindText(4, id);
  return Query(*query);
}

Result<Artifact> ArtifactStore::Get(const Whose& whose, std::string_view id) {
  if (id.empty() || id.size() > kMaxIdBytes) {
    return InvalidArgument("id", "expected the id of an artifact, got " + Quoted(id));
  }
  const auto lock = store_.Lock();
  auto found = Find(whose, id);
  if (!found) {
    return found.error();
  }
  if (found->empty()) {
    return NoSuchArtifact(id);
  }
  if (found->size() > 1 && found->front().id != id && found->front().Reference() != id) {
    return InvalidArgument("id", "several artifacts begin with " + Quoted(id) + ", such as " +
                                     found->front().id + " and " + found->back().id);
  }
  return std::move(found->front());
}

Result<std::vector<Artifact>> ArtifactStore::FindMade(const Artifact& facts) {
  const auto lock = store_.Lock();
  auto query = store_.Prepare(
      Select(" AND name = ?4 AND kind = ?5 AND manifest_hash = ?6 AND source_hash = ?7"
             " ORDER BY created_ms DESC, id LIMIT 10"));
  if (!query) {
    return query.error();
  }
  BindOwner(facts.owner, *query);
  query->BindText(4, facts.name).BindText(5, facts.kind);
  query->BindText(6, facts.manifest_hash).BindText(7, facts.source_hash);
  return Query(*query);
}

Result<void> ArtifactStore::MarkPushed(const Whose& whose, std::string_view id,
                                       const std::string& reference) {
  constexpr std::size_t kMaxReferenceBytes = 512;
  if (reference.empty() || reference.size() > kMaxReferenceBytes || !IsValidUtf8(reference)) {
    return InvalidArgument("reference",
                           "expected a reference of an image, got " + Quoted(reference));
  }
  return store_.Transaction([&]() -> Result<void> {
    auto artifact = Get(whose, id);
    if (!artifact) {
      return artifact.error();
    }
    auto insert = store_.Prepare(
        "INSERT INTO artifact_pushes(artifact, reference, pushed_ms) VALUES(?1, ?2, ?3)"
        " ON CONFLICT DO UPDATE SET pushed_ms = excluded.pushed_ms");
    if (!insert) {
      return insert.error();
    }
    insert->BindText(1, artifact->id).BindText(2, reference).BindInt(3, clock_());
    auto done = insert->Step();
    return done ? Result<void>() : Result<void>(done.error());
  });
}

Result<std::vector<std::string>> ArtifactStore::BlobsOf(const std::string& id) {
  auto query = store_.Prepare("SELECT digest FROM artifact_blobs WHERE artifact = ?1");
  return query ? Texts(query->BindText(1, id)) : Result<std::vector<std::string>>(query.error());
}

Result<bool> ArtifactStore::IsUsed(std::string_view digest) {
  auto query = store_.Prepare("SELECT 1 FROM artifact_blobs WHERE digest = ?1 LIMIT 1");
  return query ? query->BindText(1, digest).Step() : Result<bool>(query.error());
}

// Inside a transaction. Adds its blobs to `blobs`.
Result<void> ArtifactStore::DropRow(const std::string& id, std::vector<std::string>& blobs) {
  auto of_it = BlobsOf(id);
  if (!of_it) {
    return of_it.error();
  }
  blobs.insert(blobs.end(), of_it->begin(), of_it->end());
  auto remove = store_.Prepare("DELETE FROM artifacts WHERE id = ?1");
  if (!remove) {
    return remove.error();
  }
  auto done = remove->BindText(1, id).Step();
  return done ? Result<void>() : Result<void>(done.error());
}

// After the rows are gone for good: a loss of power between the two leaves blobs that nobody has,
// never rows whose blobs are gone.
Result<void> ArtifactStore::DropUnused(const std::vector<std::string>& blobs, Pruned& pruned) {
  if (blobs.empty()) {
    return {};
  }
  return store_.Transaction([&]() -> Result<void> {
    for (const std::string& digest : blobs) {
      auto used = IsUsed(digest);
      if (!used) {
        return used.error();
      }
      const std::int64_t size = blobs_->SizeOf(digest);
      if (*used || size < 0) {
        continue;
      }
      if (auto removed = blobs_->Remove(digest); !removed) {
        return removed;
      }
      ++pruned.blobs;
      pruned.bytes += size;
    }
    return {};
  });
}

Result<Artifact> ArtifactStore::Remove(const Whose& whose, std::string_view id) {
  Artifact removed;
  std::vector<std::string> blobs;
  auto done = store_.Transaction([&]() -> Result<void> {
    auto artifact = Get(whose, id);
    if (!artifact) {
      return artifact.error();
    }
    removed = *std::move(artifact);
    return DropRow(removed.id, blobs);
  });
  if (!done) {
    return done.error();
  }
  Pruned pruned;
  if (auto dropped = DropUnused(blobs, pruned); !dropped) {
    return dropped.error();
  }
  return removed;
}

// The oldest artifact, if it is too old or all together are too large.
Result<std::optional<std::string>> ArtifactStore::NextToPrune(const PruneOptions& options,
                                                              std::int64_t now_ms) {
  auto query = store_.Prepare(
      "SELECT id FROM artifacts WHERE (?1 >= 0 AND created_ms < ?2 - ?1) OR (?3 >= 0 AND"
      " (SELECT sum(bytes) FROM (SELECT DISTINCT digest, bytes FROM artifact_blobs)) > ?3)"
      " ORDER BY created_ms, id LIMIT 1");
  if (!query) {
    return query.error();
  }
  query->BindInt(1, options.max_age_ms).BindInt(2, now_ms).BindInt(3, options.max_bytes);
  auto ids = Texts(*query);
  if (!ids) {
    return ids.error();
  }
  return ids->empty() ? std::optional<std::string>() : std::optional(std::move(ids->front()));
}

Result<Pruned> ArtifactStore::Prune(const PruneOptions& options) {
  Pruned pruned;
  std::vector<std::string> blobs;
  auto done = store_.Transaction([&]() -> Result<void> {
    const std::int64_t now_ms = clock_();
    while (true) {
      auto next = NextToPrune(options, now_ms);
      if (!next) {
        return next.error();
      }
      if (!*next) {
        return {};
      }
      if (auto dropped = DropRow(**next, blobs); !dropped) {
        return dropped;
      }
      pruned.artifacts.push_back(**std::move(next));
    }
  });
  if (!done) {
    return done.error();
  }
  if (auto dropped = DropUnused(blobs, pruned); !dropped) {
    return dropped.error();
  }
  if (options.unused_ms >= 0) {
    if (auto swept = Sweep(options.unused_ms, pruned); !swept) {
      return swept.error();
    }
  }
  return pruned;
}

Result<void> ArtifactStore::Sweep(std::int64_t unused_ms, Pruned& pruned) {
  const std::string path = blobs_->directory() + "/blobs/sha256";
  const UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) {
    return ErrnoError("cannot open " + path, errno);
  }
  // Times of files are the kernel's.
  const std::int64_t before_ms = WallClockMs() - unused_ms;
  std::vector<std::string> old;
  for (const std::string& name : ListNames(path)) {
    if (ModifiedMs(directory.get(), name) > before_ms) {
      continue;
    }
    if (oci::IsDigest("sha256:" + name)) {
      old.push_back("sha256:" + name);
    } else if (name.starts_with('.')) {  // never finished, or set aside
      unlinkat(directory.get(), name.c_str(), 0);
    }
  }
  if (auto dropped = DropUnused(old, pruned); !dropped) {
    return dropped;
  }
  const auto cache = oci::LayerCache::Open(*blobs_);
  if (!cache) {
    return cache.error();
  }
  (*cache)->Sweep(before_ms);
  return {};
}

Result<ArtifactStats> ArtifactStore::Stats(const Whose& whose) {
  const auto lock = store_.Lock();
  auto query = store_.Prepare(
      "WITH mine AS (SELECT id FROM artifacts WHERE " + std::string(kOwner) +
      "), held AS (SELECT DISTINCT digest, bytes FROM artifact_blobs WHERE artifact IN mine)"
      " SELECT (SELECT count(*) FROM mine), (SELECT count(*) FROM held),"
      " (SELECT coalesce(sum(bytes), 0) FROM held)");
  if (!query) {
    return query.error();
  }
  BindOwner(whose, *query);
  auto row = query->Step();
  if (!row) {
    return row.error();
  }
  return ArtifactStats{query->Int(0), query->Int(1), query->Int(2)};
}

}  // namespace casemate::artifacts
