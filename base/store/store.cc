#include "base/store/store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include <sqlite3.h>

#include "base/clock.h"
#include "base/store/vfs.h"
#include "base/unique_fd.h"

namespace casemate {
namespace {

constexpr int kBusyTimeoutMs = 5000;

Error SqliteError(sqlite3* db, const std::string& what, int code) {
  Error error;
  error.message = what + ": " + (db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code));
  switch (code & 0xFF) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
      error.code = ErrorCode::kResourceExhausted;
      error.remedy = "free space on the file system of the state directory";
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      error.code = ErrorCode::kDataLoss;
      error.remedy = "restore the newest backup beside the file, or move it away to begin anew";
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
      error.code = ErrorCode::kUnavailable;
      break;
    default:
      error.code = ErrorCode::kInternal;
  }
  return error;
}

// SQLite would create the file with the umask's mode; nobody else may read the trail.
Result<void> CreatePrivately(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) {
    return ErrnoError("cannot open " + path, errno);
  }
  if (fchmod(fd.get(), 0600) != 0) {
    return ErrnoError("cannot make " + path + " private", errno);
  }
  return {};
}

}  // namespace

Statement::~Statement() {
  sqlite3_finalize(stmt_);
}
Statement::Statement(Statement&& other) noexcept : stmt_(std::exchange(other.stmt_, nullptr)) {}
Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    sqlite3_finalize(stmt_);
    stmt_ = std::exchange(other.stmt_, nullptr);
  }
  return *this;
}

Statement& Statement::BindInt(int index, std::int64_t value) {
  sqlite3_bind_int64(stmt_, index, value);
  return *this;
}

Statement& Statement::BindText(int index, std::string_view value) {
  sqlite3_bind_text64(stmt_, index, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(stmt_);
  if (code == SQLITE_ROW) {
    return true;
  }
  if (code == SQLITE_DONE) {
    return false;
  }
  sqlite3* db = sqlite3_db_handle(stmt_);
  Error error = SqliteError(db, "the database refused", sqlite3_extended_errcode(db));
  sqlite3_reset(stmt_);
  return error;
}

std::int64_t Statement::Int(int column) const {
  return sqlite3_column_int64(stmt_, column);
}

std::string Statement::Text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(stmt_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(stmt_, column));
  return bytes == nullptr ? std::string() : std::string(bytes, size);
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(stmt_, column) == SQLITE_NULL;
}

void Statement::Reset() {
  sqlite3_reset(stmt_);
  sqlite3_clear_bindings(stmt_);
}

Store::Store(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}
Store::~Store() {
  sqlite3_close_v2(db_);  // lasts until the statements are gone, too
}

Result<std::unique_ptr<Store>> Store::Open(const std::string& path) {
  if (auto created = CreatePrivately(path); !created) {
    return std::move(created).error();
  }
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, PlainVfs());
  std::unique_ptr<Store> store(new Store(db, path));
  if (code != SQLITE_OK) {
    return SqliteError(db, "cannot open " + path, code);
  }
  sqlite3_busy_timeout(db, kBusyTimeoutMs);
  // We have none of our own: one that was planted in the file must not run with our rights.
  sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
                             "PRAGMA foreign_keys=ON", "PRAGMA trusted_schema=OFF"}) {
    auto done = store->Execute(pragma);
    // Switching a new file to WAL needs it alone, and SQLite does not call the busy handler for
    // that: of several servers that start at once, all but one would fail.
    for (const std::int64_t end = MonotonicNs() + std::int64_t{kBusyTimeoutMs} * 1'000'000;
         !done && (sqlite3_errcode(db) & 0xFF) == SQLITE_BUSY && MonotonicNs() < end;) {
      sqlite3_sleep(2);
      done = store->Execute(pragma);
    }
    if (!done) {
      Error error = std::move(done).error();
      error.message = "cannot open " + path + ": " + error.message;
      return error;
    }
  }
  return store;
}

namespace {

// A file: URI takes %, ? and # as its own.
std::string UriOf(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      uri += c == '%' ? "%25" : c == '?' ? "%3f" : "%23";
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

bool HasContent(const std::string& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0 && info.st_size > 0;
}

}  // namespace

Result<std::unique_ptr<Store>> Store::OpenToRead(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) {
    Error error = ErrnoError("cannot open " + path, errno);
    error.code = errno == ENOENT || errno == ENOTDIR ? ErrorCode::kNotFound : error.code;
    return error;
  }
  const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  // Where SQLite cannot make its index of the write-ahead log, a file without one can still be read
  // as what nobody changes. With a log, that would leave out the newest records unsaid.
  for (const bool immutable : {false, true}) {
    sqlite3* db = nullptr;
    const std::string name = immutable ? UriOf(path) : path;
    int code =
        sqlite3_open_v2(name.c_str(), &db, flags | (immutable ? SQLITE_OPEN_URI : 0), PlainVfs());
    std::unique_ptr<Store> store(new Store(db, path));
    if (code == SQLITE_OK) {
      sqlite3_busy_timeout(db, kBusyTimeoutMs);
      sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
      code = sqlite3_exec(db,
                          "PRAGMA trusted_schema=OFF; PRAGMA query_only=ON;"
                          "SELECT count(*) FROM sqlite_schema",
                          nullptr, nullptr, nullptr);
    }
    if (code == SQLITE_OK) {
      return store;
    }
    if (immutable || HasContent(path + "-wal")) {
      Error error = SqliteError(db, "cannot open " + path, code);
      if (HasContent(path + "-wal")) {
        error.remedy = "copy it, together with " + path + "-wal, to where you can write";
      }
      return error;
    }
  }
  return Error{ErrorCode::kInternal, "cannot open " + path, {}, {}, 0};
}

std::int64_t Store::Changes() const {
  return sqlite3_changes64(db_);
}

Result<Statement> Store::Prepare(std::string_view sql) {
  const auto lock = Lock();
  sqlite3_stmt* stmt = nullptr;
  const int code = sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &stmt, nullptr);
  if (code != SQLITE_OK) {
    return SqliteError(db_, "cannot prepare a statement", code);
  }
  return Statement(stmt);
}

Result<void> Store::Execute(const std::string& sql) {
  const auto lock = Lock();
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    return SqliteError(db_, "the database refused", code);
  }
  return {};
}

Result<void> Store::Run(Statement& kept, std::string_view sql) {
  if (kept.stmt_ == nullptr) {
    auto prepared = Prepare(sql);
    if (!prepared) {
      return std::move(prepared).error();
    }
    kept = *std::move(prepared);
  }
  const auto stepped = kept.Step();
  kept.Reset();
  return stepped ? Result<void>() : stepped.error();
}

Result<void> Store::Transaction(const std::function<Result<void>()>& body) {
  const auto lock = Lock();
  if (HasFailedSync()) {
    if (auto repaired = Repair(); !repaired) {
      return repaired;
    }
  }
  if (auto begun = Run(begin_, "BEGIN IMMEDIATE"); !begun) {
    return begun;
  }
  Result<void> done = body();
  if (done) {
    done = Run(commit_, "COMMIT");
  }
  if (!done && sqlite3_get_autocommit(db_) == 0) {
    // A failing rollback leaves nothing to do: the transaction ends with the connection.
    (void)Execute("ROLLBACK");
  }
  return done;
}

Result<void> Store::TransactionUnsynced(const std::function<Result<void>()>& body) {
  const auto lock = Lock();
  if (!log_.valid()) {
    log_.Reset(::open((path_ + "-wal").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  }
  const SyncLater later(log_.get());
  return Transaction(body);
}

Result<void> Store::Sync() {
  const auto lock = Lock();
  sqlite3_file* log = nullptr;
  int code =
      sqlite3_file_control(db_, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
  if (code == SQLITE_OK) {
    code = log == nullptr || log->pMethods == nullptr
               ? SQLITE_IOERR
               : log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
  }
  if (code != SQLITE_OK) {
    return SqliteError(nullptr, "cannot bring " + path_ + " to disk", code);
  }
  return HasFailedSync() ? Repair() : Result<void>();
}

Result<void> Store::Repair() {
  ForgetFailedSync();
  int frames = -1;
  int copied = -1;
  int code = sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_RESTART, &frames, &copied);
  if (code == SQLITE_OK && frames != copied) {
    code = SQLITE_BUSY;
  }
  if (code == SQLITE_OK && !HasFailedSync()) {
    return {};
  }
  RememberFailedSync();
  return SqliteError(nullptr, "cannot bring " + path_ + " to disk",
                     code == SQLITE_OK ? SQLITE_IOERR : code);
}

}  // namespace casemate
