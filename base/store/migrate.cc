// Store::Migrate: forward-only schema versions, one transaction each, a backup before each.
#include "base/store/store.h"

namespace casemate {
namespace {

constexpr const char* kVersionTable =
    "CREATE TABLE IF NOT EXISTS schema_version("
    "  module TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT";

Result<int> ReadVersion(Store& store, std::string_view module) {
  auto query = store.Prepare("SELECT version FROM schema_version WHERE module = ?1");
  if (!query) {
    return std::move(query).error();
  }
  auto row = query->BindText(1, module).Step();
  if (!row) {
    return std::move(row).error();
  }
  return *row ? static_cast<int>(query->Int(0)) : 0;
}

Result<void> WriteVersion(Store& store, std::string_view module, int version) {
  auto update = store.Prepare(
      "INSERT INTO schema_version(module, version) VALUES(?1, ?2)"
      " ON CONFLICT(module) DO UPDATE SET version = excluded.version");
  if (!update) {
    return std::move(update).error();
  }
  auto done = update->BindText(1, module).BindInt(2, version).Step();
  return done ? Result<void>() : Result<void>(std::move(done).error());
}

Error TooNew(std::string_view module, int found, int known) {
  return Error{ErrorCode::kUnavailable,
               "the database holds version " + std::to_string(found) + " of `" +
                   std::string(module) + "`, this program knows up to " + std::to_string(known),
               "state_dir", "use the newer casemate that wrote it, or another --state-dir", 0};
}

}  // namespace

// VACUUM INTO cannot run inside a transaction; the name holds the version, and a second server that
// migrates at the same time finds the file there already, made from the same version.
Result<void> Store::BackUp(std::string_view module, int from_version) {
  const std::string target =
      path_ + ".backup-" + std::string(module) + "-v" + std::to_string(from_version);
  auto vacuum = Prepare("VACUUM INTO ?1");
  if (!vacuum) {
    return std::move(vacuum).error();
  }
  auto done = vacuum->BindText(1, target).Step();
  if (!done && done.error().message.find("already exists") == std::string::npos) {
    return std::move(done).error();
  }
  return {};
}

Result<void> Store::Migrate(std::string_view module, std::span<const Migration> migrations) {
  const auto lock = Lock();
  if (auto made = Execute(kVersionTable); !made) {
    return made;
  }
  const int newest = migrations.empty() ? 0 : migrations.back().version;
  auto version = ReadVersion(*this, module);
  if (!version) {
    return std::move(version).error();
  }
  if (*version > newest) {
    return TooNew(module, *version, newest);
  }
  for (const Migration& migration : migrations) {
    if (migration.version <= *version) {
      continue;
    }
    if (migration.version > 1) {
      if (auto saved = BackUp(module, migration.version - 1); !saved) {
        return saved;
      }
    }
    auto applied = Transaction([&]() -> Result<void> {
      // Another server may have come first since we looked.
      auto now = ReadVersion(*this, module);
      if (!now) {
        return std::move(now).error();
      }
      if (*now >= migration.version) {
        return {};
      }
      if (auto done = Execute(std::string(migration.sql)); !done) {
        return done;
      }
      return WriteVersion(*this, module, migration.version);
    });
    if (!applied) {
      return applied;
    }
  }
  return {};
}

}  // namespace casemate
