#include "base/store/store.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/unit/temp_dir.h"

namespace {

std::atomic<int> syncs = 0;
std::atomic<int> failures = 0;  // of the syncs to come

}  // namespace

// In the place of the C library's, for SQLite as well.
extern "C" int fdatasync(int fd) {
  ++syncs;
  if (failures > 0) {
    --failures;
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

namespace casemate {
namespace {

constexpr std::array<Migration, 2> kSteps = {
    Migration{1, "CREATE TABLE t(v INTEGER)"},
    Migration{2, "ALTER TABLE t ADD COLUMN w TEXT DEFAULT 'old'"}};

std::int64_t Count(Store& store, std::string_view sql) {
  auto query = store.Prepare(sql);
  REQUIRE(query.ok());
  REQUIRE(*query->Step());
  return query->Int(0);
}

TEST_CASE("Store::Open makes a private file", "[store]") {
  const testing::TempDir dir;
  const std::string path = dir / "db";
  REQUIRE(Store::Open(path).ok());
  struct stat info{};
  REQUIRE(stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("Store::Open refuses what is not a database", "[store]") {
  const testing::TempDir dir;
  const std::string path = dir.Write("db", std::string(8192, 'x'));
  const auto store = Store::Open(path);
  REQUIRE_FALSE(store.ok());
  CHECK(store.error().code == ErrorCode::kDataLoss);
}

TEST_CASE("Migrations go forward once, with a backup between versions", "[store]") {
  const testing::TempDir dir;
  const std::string path = dir / "db";
  {
    auto store = Store::Open(path);
    REQUIRE(store.ok());
    REQUIRE((*store)->Migrate("m", std::span(kSteps).first(1)).ok());
    REQUIRE((*store)->Execute("INSERT INTO t VALUES(7)").ok());
  }
  auto store = Store::Open(path);
  REQUIRE(store.ok());
  REQUIRE((*store)->Migrate("m", kSteps).ok());
  REQUIRE((*store)->Migrate("m", kSteps).ok());
  CHECK(Count(**store, "SELECT count(*) FROM t WHERE w = 'old' AND v = 7") == 1);

  auto backup = Store::Open(path + ".backup-m-v1");
  REQUIRE(backup.ok());
  CHECK(Count(**backup, "SELECT count(*) FROM t") == 1);
  CHECK_FALSE((*backup)->Prepare("SELECT w FROM t").ok());
}

TEST_CASE("A database of a newer version is refused", "[store]") {
  const testing::TempDir dir;
  auto store = Store::Open(dir / "db");
  REQUIRE(store.ok());
  REQUIRE((*store)->Migrate("m", kSteps).ok());
  const auto refused = (*store)->Migrate("m", std::span(kSteps).first(1));
  REQUIRE_FALSE(refused.ok());
  CHECK_THAT(Describe(refused.error()), Catch::Contains("version 2"));
}

TEST_CASE("A failing migration leaves nothing behind", "[store]") {
  const testing::TempDir dir;
  auto store = Store::Open(dir / "db");
  REQUIRE(store.ok());
  const std::array<Migration, 1> bad = {Migration{1, "CREATE TABLE x(v); SELECT nonsense"}};
  REQUIRE_FALSE((*store)->Migrate("m", bad).ok());
  CHECK_FALSE((*store)->Prepare("SELECT * FROM x").ok());
  REQUIRE((*store)->Migrate("m", kSteps).ok());
}

TEST_CASE("Transactions roll back when the body fails", "[store]") {
  const testing::TempDir dir;
  auto store = Store::Open(dir / "db");
  REQUIRE(store.ok());
  REQUIRE((*store)->Migrate("m", kSteps).ok());
  const auto failed = (*store)->Transaction([&]() -> Result<void> {
    REQUIRE((*store)->Execute("INSERT INTO t(v) VALUES(1)").ok());
    return InvalidArgument("f", "no");
  });
  CHECK_FALSE(failed.ok());
  CHECK(Count(**store, "SELECT count(*) FROM t") == 0);
}

TEST_CASE("What was committed is there after a crash, though the log ends in zeros", "[store]") {
  const testing::TempDir dir;
  auto store = Store::Open(dir / "db");
  REQUIRE(store.ok());
  REQUIRE((*store)->Migrate("m", kSteps).ok());
  REQUIRE((*store)->Execute("PRAGMA wal_checkpoint(TRUNCATE)").ok());
  for (int i = 0; i < 200; ++i) {  // two steps of the log's growth
    REQUIRE((*store)->Execute("INSERT INTO t VALUES(1, 'w')").ok());
    const auto size = std::filesystem::file_size(dir / "db-wal");
    CHECK(size % (256 * 1024) == 0);
    if (i % 50 == 0) {
      for (const char* end : {"", "-wal"}) {  // as a machine leaves them that lost its power
        std::filesystem::copy_file(std::string(dir / "db") + end,
                                   std::string(dir / "copy") + std::to_string(i) + end);
      }
      auto copy = Store::Open(std::string(dir / "copy") + std::to_string(i));
      REQUIRE(copy.ok());
      CHECK(Count(**copy, "SELECT count(*) FROM t") == i + 1);
    }
  }
}

TEST_CASE("What is not synced is synced by Sync, but never a new log or a checkpoint", "[store]") {
  const testing::TempDir dir;
  auto opened = Store::Open(dir / "db");
  REQUIRE(opened.ok());
  Store& store = **opened;
  REQUIRE(store.Migrate("m", kSteps).ok());
  const auto insert = [&] { return store.Execute("INSERT INTO t VALUES(1, 'w')"); };
  const auto syncs_of = [&](const std::function<Result<void>()>& work) {
    const int before = syncs;
    REQUIRE(work().ok());
    return syncs - before;
  };
  const auto unsynced = [&] { return store.TransactionUnsynced(insert); };
  CHECK(syncs_of([&] { return store.Transaction(insert); }) == 1);
  CHECK(syncs_of(unsynced) == 0);
  CHECK(syncs_of([&] { return store.Sync(); }) == 1);
  CHECK(syncs_of([&] { return store.Transaction(insert); }) == 1);
  // The log begins anew: its header must be on disk before frames that an old one would accept.
  REQUIRE(store.Execute("PRAGMA wal_checkpoint(RESTART)").ok());
  CHECK(syncs_of(unsynced) == 1);
  CHECK(syncs_of(unsynced) == 0);
  // The commit goes on to copy pages into the database: the log, then the database.
  REQUIRE(store.Execute("PRAGMA wal_autocheckpoint=1").ok());
  CHECK(syncs_of(unsynced) >= 2);
  CHECK(Count(store, "SELECT count(*) FROM t") == 6);
}

TEST_CASE("A sync that failed is not forgotten before all is in the database", "[store]") {
  const testing::TempDir dir;
  auto opened = Store::Open(dir / "db");
  REQUIRE(opened.ok());
  Store& store = **opened;
  REQUIRE(store.Migrate("m", kSteps).ok());
  const auto insert = [&] { return store.Execute("INSERT INTO t VALUES(1, 'w')"); };
  REQUIRE(store.Transaction(insert).ok());

  // The kernel tells somebody else that what is still to be synced is lost.
  REQUIRE(store.TransactionUnsynced(insert).ok());
  failures = 1;
  CHECK_FALSE(store.Transaction(insert).ok());
  int before = syncs;
  CHECK(store.Sync().ok());
  CHECK(syncs >= before + 3);  // log, log again, database
  // The database has it without the log.
  std::filesystem::copy_file(dir / "db", dir / "copy");
  auto copy = Store::Open(dir / "copy");
  REQUIRE(copy.ok());
  CHECK(Count(**copy, "SELECT count(*) FROM t") == 2);

  // It fails itself, and the disk stays broken.
  REQUIRE(store.TransactionUnsynced(insert).ok());
  failures = 1000;
  CHECK_FALSE(store.Sync().ok());
  CHECK_FALSE(store.Transaction(insert).ok());
  failures = 0;
  before = syncs;
  CHECK(store.Transaction(insert).ok());
  CHECK(syncs >= before + 2);
  CHECK(Count(store, "SELECT count(*) FROM t") == 4);
}

TEST_CASE("Many processes open, migrate and write at once", "[store]") {
  const testing::TempDir dir;
  const std::string path = dir / "db";
  constexpr int kProcesses = 6;
  std::array<pid_t, kProcesses> children{};
  for (pid_t& child : children) {
    child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      auto store = Store::Open(path);
      const bool done = store.ok() && (*store)->Migrate("m", kSteps).ok() &&
                        (*store)->Execute("INSERT INTO t(v) VALUES(1)").ok();
      _exit(done ? 0 : 1);
    }
  }
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  auto store = Store::Open(path);
  REQUIRE(store.ok());
  CHECK(Count(**store, "SELECT count(*) FROM t") == kProcesses);
}

TEST_CASE("Text comes back byte for byte", "[store]") {
  const testing::TempDir dir;
  auto store = Store::Open(dir / "db");
  REQUIRE(store.ok());
  auto echo = (*store)->Prepare("SELECT ?1, ?2, NULL");
  REQUIRE(echo.ok());
  const std::string text("a\0b\xff", 4);
  REQUIRE(*echo->BindText(1, text).BindInt(2, -5).Step());
  CHECK(echo->Text(0) == text);
  CHECK(echo->Int(1) == -5);
  CHECK(echo->IsNull(2));
}

}  // namespace
}  // namespace casemate
