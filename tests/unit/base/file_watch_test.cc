#include "base/file_watch.h"

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include <catch2/catch.hpp>

#include "tests/unit/temp_dir.h"

namespace casemate {

namespace {

// Counts callbacks, and waits for the next.
class Counter {
 public:
  FileWatch::Read Returning(std::vector<std::string> files) {
    return [this, files = std::move(files)] {
      return FileWatch::Reading{files, [this] {
                                  const std::lock_guard lock(mutex_);
                                  ++count_;
                                  came_.notify_all();
                                }};
    };
  }
  bool Reaches(int count) {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, std::chrono::seconds(60), [&] { return count_ >= count; });
  }
  int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  int count_ = 0;
};

void Write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("Changed, replaced, removed and new files are seen") {
  const testing::TempDir dir;
  const std::string file = dir.path() + "/file";
  Write(file, "1");
  Counter counter;
  auto watch = FileWatch::Start({file}, 0, counter.Returning({file}));
  REQUIRE(watch);
  REQUIRE(counter.Reaches(1));  // for what changed since it was read
  Write(file, "22");
  REQUIRE(counter.Reaches(2));
  Write(dir.path() + "/new", "333");
  std::filesystem::rename(dir.path() + "/new", file);
  REQUIRE(counter.Reaches(3));
  std::filesystem::remove(file);
  REQUIRE(counter.Reaches(4));
  Write(file, "4");
  REQUIRE(counter.Reaches(5));
}

TEST_CASE("A link that is repointed is a change, and a neighbour is none") {
  const testing::TempDir dir;
  std::filesystem::create_directory(dir.path() + "/a");
  std::filesystem::create_directory(dir.path() + "/b");
  Write(dir.path() + "/a/file", "1");
  Write(dir.path() + "/b/file", "2");
  std::filesystem::create_symlink("a", dir.path() + "/now");
  std::filesystem::create_symlink("now/file", dir.path() + "/file");
  Counter counter;
  const std::string file = dir.path() + "/file";
  auto watch = FileWatch::Start({file}, 0, counter.Returning({file}));
  REQUIRE(watch);
  REQUIRE(counter.Reaches(1));
  Write(dir.path() + "/neighbour", "x");
  std::filesystem::create_symlink("b", dir.path() + "/next");
  std::filesystem::rename(dir.path() + "/next", dir.path() + "/now");
  REQUIRE(counter.Reaches(2));
  CHECK(counter.count() == 2);
}

TEST_CASE("What did not change since it was read is no change") {
  const testing::TempDir dir;
  const std::string file = dir.path() + "/file";
  Write(file, "1");
  Counter counter;
  constexpr std::int64_t kLater = std::int64_t{1} << 42;
  auto watch = FileWatch::Start({file}, kLater, counter.Returning({file}));
  REQUIRE(watch);
  Write(file, "22");
  REQUIRE(counter.Reaches(1));
  CHECK(counter.count() == 1);
}

TEST_CASE("It ends while it waits") {
  const testing::TempDir dir;
  Counter counter;
  auto watch =
      FileWatch::Start({dir.path() + "/none"}, 0, counter.Returning({dir.path() + "/none"}));
  REQUIRE(watch);
  watch->reset();
  CHECK(counter.count() <= 1);
}

}  // namespace casemate
