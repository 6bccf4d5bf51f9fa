#include "base/file.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "base/event_fd.h"
#include "tests/unit/temp_dir.h"

namespace casemate {
namespace {

TEST_CASE("ReadFile reads regular files up to its bound", "[file]") {
  const testing::TempDir dir;
  const std::string path = dir.Write("f", "content");
  CHECK(*ReadFile(path, 7) == "content");
  CHECK(ReadFile(path, 6).error().code == ErrorCode::kResourceExhausted);
  CHECK(ReadFile(dir / "absent", 10).error().code == ErrorCode::kNotFound);
  CHECK(ReadFile(dir.path(), 10).error().code == ErrorCode::kInvalidArgument);
}

TEST_CASE("ReadFile does not hang on a FIFO", "[file]") {
  const testing::TempDir dir;
  const std::string path = dir / "fifo";
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  CHECK(ReadFile(path, 10).error().code == ErrorCode::kInvalidArgument);
}

TEST_CASE("ReadFile bounds files whose size the kernel does not tell", "[file]") {
  CHECK(ReadFile("/dev/zero", 10).error().code == ErrorCode::kInvalidArgument);
  CHECK(ReadFile("/proc/self/status", 1 << 16).ok());
  CHECK(ReadFile("/proc/self/status", 10).error().code == ErrorCode::kResourceExhausted);
}

TEST_CASE("MakePrivateDirectories makes all parents, private", "[file]") {
  const testing::TempDir dir;
  const std::string path = dir / "a/b/c";
  REQUIRE(MakePrivateDirectories(path).ok());
  REQUIRE(MakePrivateDirectories(path).ok());
  struct stat info{};
  REQUIRE(stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
  const std::string file = dir.Write("file", "");
  CHECK_FALSE(MakePrivateDirectories(file + "/below").ok());
}

TEST_CASE("EventFd stays signalled until it is cleared", "[event_fd]") {
  const auto event = EventFd::Create();
  REQUIRE(event.ok());
  event->Signal();
  event->Signal();
  event->Clear();
  std::uint64_t count = 0;
  CHECK(read(event->fd(), &count, sizeof count) < 0);
}

TEST_CASE("Errors describe themselves with field and remedy", "[result]") {
  const Error error = ErrnoError("cannot open x", ENOENT);
  CHECK(error.code == ErrorCode::kNotFound);
  CHECK_THAT(error.message, Catch::Contains("ENOENT"));
  CHECK(Describe({ErrorCode::kUnavailable, "no", "f", "do it", 0}) == "f: no (do it)");
}

}  // namespace
}  // namespace casemate
