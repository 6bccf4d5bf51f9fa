// What lies on an engine's disk, and what is removed of it.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "sandbox/container/engine/decode.h"
#include "sandbox/container/engine/engine.h"
#include "tests/unit/container/fake_engine.h"

namespace casemate::container::test {
namespace {

using nlohmann::json;

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');
const std::string kC = "sha256:" + std::string(64, 'c');

TEST_CASE("The disk use that Docker tells", "[disk]") {
  const json usage = {
      {"LayersSize", 5000},
      {"Images",
       {{{"Id", kA}, {"Containers", 0}, {"Size", 900}, {"SharedSize", 200}, {"RepoTags", nullptr}},
        {{"Id", kB}, {"Containers", 1}, {"Size", 900}, {"SharedSize", 0}, {"RepoTags", nullptr}},
        {{"Id", kC}, {"Containers", 0}, {"Size", 900}, {"SharedSize", 0}, {"RepoTags", {"c:1"}}}}},
      {"Containers", {{{"Id", "x"}, {"SizeRw", 77}}, {{"Id", "y"}}}},
      {"Volumes",
       {{{"Name", "used"}, {"UsageData", {{"RefCount", 1}, {"Size", 5}}}},
        {{"Name", "idle"}, {"UsageData", {{"RefCount", 0}, {"Size", 7}}}},
        {{"Name", "unknown"}, {"UsageData", nullptr}},
        {{"Name", "uncounted"}, {"UsageData", {{"RefCount", -1}, {"Size", -1}}}}}},
      {"BuildCache",
       {{{"Size", 10}, {"InUse", true}, {"Shared", false}},
        {{"Size", 20}, {"InUse", false}, {"Shared", true}},
        {{"Size", 40}, {"InUse", false}, {"Shared", false}},
        {{"Size", 2}, {"InUse", false}, {"Shared", false}}}}};
  // The second is used by a container.
  const DiskUsage disk = DecodeDiskUsage(usage, {{{"Id", kA}}, {{"Id", kB}}});
  REQUIRE(disk.dangling.size() == 1);
  CHECK(disk.dangling[0].id == kA);
  CHECK(disk.dangling[0].size_bytes == 700);
  CHECK(disk.image_bytes == 5000);
  REQUIRE(disk.written.size() == 2);
  CHECK(disk.written[0] == std::pair<std::string, std::int64_t>("x", 77));
  CHECK(disk.written[1].second == 0);
  REQUIRE(disk.volumes.size() == 4);
  CHECK(disk.volumes[0].used);
  CHECK_FALSE(disk.volumes[1].used);
  CHECK(disk.volumes[1].size_bytes == 7);
  CHECK(disk.volumes[2].used);
  CHECK(disk.volumes[3].used);
  CHECK(disk.volumes[3].size_bytes == 0);
  CHECK(disk.idle_cache_bytes == 42);
  CHECK(disk.idle_cache_entries == 2);
}

TEST_CASE("The disk use that Podman tells: ids without an algorithm, no layers", "[disk]") {
  const json usage = {
      {"LayersSize", 0},
      {"Images",
       {{{"Id", std::string(64, 'a')}, {"Containers", 0}, {"Size", 900}, {"SharedSize", 200}},
        {{"Id", std::string(64, 'b')}, {"Containers", 0}, {"Size", 300}, {"SharedSize", 300}}}}};
  const DiskUsage disk = DecodeDiskUsage(usage, {{{"Id", kA}}});
  REQUIRE(disk.dangling.size() == 1);
  CHECK(disk.dangling[0].id == kA);
  CHECK(disk.image_bytes == 700);
}

TEST_CASE("Answers that are none leave nothing to remove", "[disk]") {
  for (const char* text :
       {"{}", "[]", "null", R"({"Images":7,"Volumes":{},"BuildCache":"x","Containers":[1]})",
        R"({"Images":[1,null,{"Id":"../x","Containers":0}],"BuildCache":[{"Size":-5}]})"}) {
    CAPTURE(text);
    const DiskUsage disk = DecodeDiskUsage(json::parse(text), json::parse(R"([{"Id":"../x"},3])"));
    CHECK(disk.dangling.empty());
    CHECK(disk.idle_cache_bytes == 0);
    CHECK(disk.image_bytes == 0);
  }
}

constexpr const char* kVersion =
    R"({"Components":[{"Name":"Engine"}],"Version":"20.10.24","ApiVersion":"1.41"})";

// Answers by the beginning of the request; keeps all of them.
class Answering {
 public:
  explicit Answering(std::vector<std::pair<std::string, std::string>> answers)
      : answers_(std::move(answers)), fake_([this](auto& peer, int) {
          std::string request;
          while (!(request = peer.Request()).empty()) {
            peer.Send(AnswerTo(request.substr(0, request.find("\r\n"))));
          }
        }) {
    auto engine = Engine::Connect(fake_.socket());
    REQUIRE(engine);
    engine_ = *std::move(engine);
  }
  [[nodiscard]] const Engine& engine() const { return *engine_; }
  [[nodiscard]] std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  std::string AnswerTo(const std::string& line) {
    if (line.starts_with("GET /info ") || line.starts_with("GET /version ")) {
      return Ok(kVersion);
    }
    const std::lock_guard lock(mutex_);
    asked_.push_back(line);
    for (const auto& [begin, answer] : answers_) {
      if (line.starts_with(begin)) {
        return answer;
      }
    }
    return Answer("404 Not Found", R"({"message":"no such thing"})");
  }
  std::mutex mutex_;
  std::vector<std::string> asked_;
  const std::vector<std::pair<std::string, std::string>> answers_;
  FakeEngine fake_;
  std::unique_ptr<Engine> engine_;
};

TEST_CASE("Requests about the disk are what the API has for them", "[disk]") {
  Answering fake({{"GET /v1.41/system/df", Ok(R"({"LayersSize":3})")},
                  {"GET /v1.41/images/json", Ok("[]")},
                  {"DELETE /v1.41/images/", Ok("[]")},
                  {"POST /v1.41/build/prune", Ok(R"({"SpaceReclaimed":12})")}});
  const auto disk = fake.engine().DiskUse();
  REQUIRE(disk);
  CHECK(disk->image_bytes == 3);
  REQUIRE(fake.engine().RemoveImage(kA));
  CHECK(*fake.engine().PruneBuildCache() == 12);
  const auto asked = fake.asked();
  REQUIRE(asked.size() == 4);
  CHECK(asked[0] == "GET /v1.41/system/df HTTP/1.1");
  CHECK(asked[1] ==
        "GET /v1.41/images/json?filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D HTTP/1.1");
  CHECK(asked[2] == "DELETE /v1.41/images/" + kA + " HTTP/1.1");
  CHECK(asked[3] == "POST /v1.41/build/prune HTTP/1.1");
}

TEST_CASE("An image is removed by its whole id or not at all", "[disk]") {
  Answering fake({{"DELETE", Ok("[]")}});
  for (const std::string& name :
       {std::string(), std::string("busybox"), std::string(64, 'a'), kA.substr(0, 70), kA + "a",
        kA + "?force=1", "sha256:" + std::string(63, 'a') + "/", "sha256:" + std::string(64, 'A'),
        "sha512:" + std::string(64, 'a')}) {
    CAPTURE(name);
    CHECK(fake.engine().RemoveImage(name).error().code == ErrorCode::kInvalidArgument);
  }
  CHECK(fake.asked().empty());
}

TEST_CASE("An engine that says nothing about its disk is an error", "[disk]") {
  Answering half({{"GET /v1.41/system/df", Ok("{}")}, {"GET /v1.41/images/json", Ok("{}")}});
  CHECK(half.engine().DiskUse().error().code == ErrorCode::kInternal);
  Answering none({{"POST /v1.41/build/prune", Ok("[]")}});
  CHECK(none.engine().DiskUse().error().code == ErrorCode::kNotFound);
  CHECK(none.engine().PruneBuildCache().error().code == ErrorCode::kInternal);
  CHECK(none.engine().RemoveImage(kA).error().code == ErrorCode::kNotFound);
}

}  // namespace
}  // namespace casemate::container::test
