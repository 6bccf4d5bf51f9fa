// Files on disk: what is refused, and that a failure leaves everything as it was.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "clients/hosts/install.h"
#include "tests/unit/temp_dir.h"

namespace casemate::hosts {
namespace {

namespace fs = std::filesystem;

const nlohmann::ordered_json kEntry = {{"command", "/c"}};

Target At(const std::string& path) {
  return {path, {"s", "casemate"}, Format::kJson, true};
}

std::string Refusal(const std::string& path) {
  const auto outcome = Install(At(path), kEntry, false);
  return outcome ? "installed" : Describe(outcome.error());
}

// A write beyond this many bytes fails, as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : old_handler_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_{};
  sighandler_t old_handler_;
};

}  // namespace

TEST_CASE("what is no file, or leads to none, is refused") {
  const testing::TempDir dir;
  fs::create_directory(dir / "directory");
  fs::create_symlink("loop", dir / "loop");
  fs::create_symlink("nothing", dir / "dangling");
  REQUIRE(mkfifo((dir / "fifo").c_str(), 0600) == 0);
  CHECK_THAT(Refusal(dir / "directory"), Catch::Matchers::Contains("not a regular file"));
  CHECK_THAT(Refusal(dir / "fifo"), Catch::Matchers::Contains("not a regular file"));
  CHECK_THAT(Refusal(dir / "loop"), Catch::Matchers::Contains("a link that leads nowhere"));
  CHECK_THAT(Refusal(dir / "dangling"), Catch::Matchers::Contains("a link that leads nowhere"));
  CHECK_THAT(Refusal(dir.Write("file", "{}") + "/below"),
             Catch::Matchers::Contains("cannot examine"));
  const std::string huge = dir.Write("huge", "{}");
  fs::resize_file(huge, kMaxConfigBytes + 1);
  CHECK_THAT(Refusal(huge), Catch::Matchers::Contains("larger than the limit"));
}

TEST_CASE("a full disk leaves the file, and nothing beside it") {
  const testing::TempDir dir;
  const std::string text = "{\"a\": \"" + std::string(5000, 'x') + "\"}";
  const std::string path = dir.Write("c.json", text);
  for (const rlim_t room : {rlim_t{100}, rlim_t{text.size() + 10}}) {  // backup, new file
    std::string refusal;
    {
      const FileSizeLimit limit(room);
      refusal = Refusal(path);
    }
    CHECK_THAT(refusal, Catch::Matchers::Contains("cannot write"));
    CHECK(*ReadFile(path, kMaxConfigBytes) == text);
    CHECK(ListNames(dir.path()) == std::vector<std::string>{"c.json"});
  }
}

TEST_CASE("a directory that may not be written to is refused, with what to do") {
  if (geteuid() == 0) {
    WARN("skipped: root may write everywhere");
    return;
  }
  const testing::TempDir dir;
  const std::string path = dir.Write("c.json", "{}");
  fs::permissions(dir.path(), fs::perms::owner_read | fs::perms::owner_exec);
  const std::string refusal = Refusal(path);
  fs::permissions(dir.path(), fs::perms::owner_all);
  CHECK_THAT(refusal, Catch::Matchers::Contains("run this as the owner"));
}

TEST_CASE("a file that changed since it was read is not overwritten") {
  const testing::TempDir dir;
  const std::string path = dir.Write("c.json", "{}");
  const auto read = ReadConfig(path);
  REQUIRE(read);
  (void)dir.Write("c.json", "{\"new\": 1}");
  CHECK_FALSE(WriteConfig(*read, "{\"mine\": 1}", true));
  CHECK_FALSE(DeleteConfig(*read));
  CHECK(*ReadFile(path, 100) == "{\"new\": 1}");
  const auto missing = ReadConfig(dir / "other.json");
  REQUIRE(missing);
  (void)dir.Write("other.json", "{}");
  CHECK_FALSE(WriteConfig(*missing, "{\"mine\": 1}", true));
  CHECK(ListNames(dir.path()) == std::vector<std::string>{"c.json", "other.json"});
}

TEST_CASE("each change has a backup of its own, with the file's mode") {
  const testing::TempDir dir;
  const std::string path = dir.Write("c.json", "{}");
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
  std::vector<std::string> backups;
  for (const char* command : {"/a", "/b", "/c"}) {
    const auto outcome = Install(At(path), {{"command", command}}, false);
    REQUIRE(outcome);
    backups.push_back(outcome->backup);
  }
  CHECK(*ReadFile(backups[0], 100) == "{}");
  CHECK_THAT(*ReadFile(backups[2], 100), Catch::Matchers::Contains("\"/b\""));
  struct stat info{};
  REQUIRE(stat(backups[2].c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0640);
}

}  // namespace casemate::hosts
