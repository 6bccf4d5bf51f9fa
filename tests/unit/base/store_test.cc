#include "base/store/store.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/unit/temp_dir.h"

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
