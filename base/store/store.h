// Store: one SQLite database (WAL, synchronous=FULL, foreign keys on) with forward-only, versioned,
// transactional migrations, each preceded by a backup of the file. Thread-safe: a mutex serialises
// use of the single connection; other processes are met by busy-waiting up to 5 s.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

struct sqlite3;
struct sqlite3_stmt;

namespace casemate {

// Step `version` (1, 2, 3 …, without gaps) of one module's schema.
struct Migration {
  int version = 0;
  std::string_view sql;
};

// A prepared statement. Not thread-safe: use it inside Store::Transaction or under Store::Lock.
class Statement {
 public:
  Statement() = default;
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& BindInt(int index, std::int64_t value);
  Statement& BindText(int index, std::string_view value);
  // true: a row is there; false: done. Errors: kResourceExhausted when the disk is full.
  Result<bool> Step();
  [[nodiscard]] std::int64_t Int(int column) const;
  [[nodiscard]] std::string Text(int column) const;
  [[nodiscard]] bool IsNull(int column) const;
  void Reset();

 private:
  friend class Store;
  explicit Statement(sqlite3_stmt* stmt) : stmt_(stmt) {}
  sqlite3_stmt* stmt_ = nullptr;
};

class Store {
 public:
  // Opens or creates the database file (mode 0600).
  static Result<std::unique_ptr<Store>> Open(const std::string& path);
  // Opens a database that is there, and creates and changes nothing: also one that nobody may write
  // to, such as a copy kept as evidence. Errors: kNotFound.
  static Result<std::unique_ptr<Store>> OpenToRead(const std::string& path);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Brings `module`'s schema to the newest version; refuses a database written by a newer one.
  Result<void> Migrate(std::string_view module, std::span<const Migration> migrations);
  Result<Statement> Prepare(std::string_view sql);
  Result<void> Execute(const std::string& sql);
  // Rows that the last finished INSERT, UPDATE or DELETE changed. Call under Lock.
  [[nodiscard]] std::int64_t Changes() const;
  // Runs `body` in one IMMEDIATE transaction; commits if it returned ok, rolls back otherwise.
  Result<void> Transaction(const std::function<Result<void>()>& body);
  // As Transaction, but what it commits may not survive a loss of power before Sync has returned.
  Result<void> TransactionUnsynced(const std::function<Result<void>()>& body);
  // Waits until all that was committed is on disk.
  Result<void> Sync();
  [[nodiscard]] std::unique_lock<std::recursive_mutex> Lock() {
    return std::unique_lock<std::recursive_mutex>(mutex_);
  }

 private:
  Store(sqlite3* db, std::string path);
  // After a failed sync: copies all pages of the log, which the kernel still has in memory, into
  // the database, and begins a new log.
  Result<void> Repair();
  Result<void> BackUp(std::string_view module, int from_version);
  // BEGIN or COMMIT, prepared at its first use: each call of a tool makes two transactions.
  Result<void> Run(Statement& kept, std::string_view sql);
  sqlite3* db_;
  UniqueFd log_;  // the write-ahead log, once it was needed
  std::string path_;
  std::recursive_mutex mutex_;
  Statement begin_;
  Statement commit_;
};

}  // namespace casemate
