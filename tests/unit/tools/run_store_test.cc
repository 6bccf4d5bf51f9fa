#include "tools/run_store.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "fixtures.h"
#include "tools/job.h"
#include "tools/run_resources.h"

namespace casemate::tools {
namespace {

using nlohmann::json;
using sandbox::Stream;
namespace fs = std::filesystem;

constexpr const char* kOwner = "5:local/local";  // of a default Principal

struct Place {
  test::TempDir directory;
  std::unique_ptr<Store> store;
  std::unique_ptr<RunStore> runs;
  Changes changes;
  RunStoreOptions options;

  explicit Place(SpoolLimits spool = {.memory_bytes = 8, .max_stream_bytes = 100}) {
    options.directory = directory / "runs";
    options.spool = spool;
    auto opened = Store::Open(directory / "casemate.db");
    REQUIRE(opened);
    store = *std::move(opened);
    Reopen();
  }
  // As the next server on the same state directory does.
  void Reopen() {
    auto opened = RunStore::Open(*store, options, &changes);
    INFO((opened ? std::string() : Describe(opened.error())));
    REQUIRE(opened);
    runs = *std::move(opened);
  }
  std::string Keep(std::string_view out, std::string_view err = {}, const char* owner = kOwner,
                   bool untrusted = false) {
    const auto spool = runs->Begin(NewRunId(), owner, untrusted);
    spool->OnOutput(Stream::kStdout, out);
    spool->OnOutput(Stream::kStderr, err);
    REQUIRE(spool->Flush());
    REQUIRE(runs->Keep(*spool, R"({"status":"exited"})"));
    return spool->id();
  }
  std::string Text(const std::string& id, Stream stream = Stream::kStdout, std::uint64_t offset = 0,
                   std::uint64_t limit = 1000) const {
    const auto slice = runs->Read(id, kOwner, stream, offset, limit);
    return slice ? slice->bytes : "error: " + slice.error().message;
  }
  [[nodiscard]] std::string PathOf(const std::string& id) const {
    return options.directory + "/" + id;
  }
  [[nodiscard]] bool HasFiles(const std::string& id) const { return fs::exists(PathOf(id)); }
};

TEST_CASE("run ids are 128 random bits in base32") {
  const std::string id = NewRunId();
  CHECK(IsRunId(id));
  CHECK(id != NewRunId());
  CHECK(std::string("aeimquy4").find(id.back()) != std::string::npos);  // three bits, two zeros
  for (const char* wrong : {"", "abc", "../../../../../../etc/passwd", "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                            "aaaaaaaaaaaaaaaaaaaaaaaaa1", "aaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
    INFO(wrong);
    CHECK_FALSE(IsRunId(wrong));
  }
}

TEST_CASE("output is read while it comes, from memory and file alike") {
  const Place place;
  const auto spool = place.runs->Begin(NewRunId(), kOwner, false);
  spool->OnOutput(Stream::kStdout, "hello");
  CHECK(place.Text(spool->id()) == "hello");
  CHECK_FALSE(place.HasFiles(spool->id()));  // short output costs no file
  spool->OnOutput(Stream::kStdout, " world");
  CHECK(place.HasFiles(spool->id()));
  spool->OnOutput(Stream::kStdout, "!!");
  CHECK(place.Text(spool->id()) == "hello world!!");
  CHECK(place.Text(spool->id(), Stream::kStdout, 9, 3) == "ld!");
  CHECK(place.Text(spool->id(), Stream::kStdout, 12, 3) == "!");
  CHECK(place.Text(spool->id(), Stream::kStdout, 99, 3).empty());
  CHECK(place.Text(spool->id(), Stream::kStderr).empty());
  CHECK_FALSE(place.runs->Read(spool->id(), "other", Stream::kStdout, 0, 9));
}

TEST_CASE("what is not kept is deleted") {
  const Place place;
  auto spool = place.runs->Begin(NewRunId(), kOwner, false);
  const std::string id = spool->id();
  spool->OnOutput(Stream::kStdout, "more than eight bytes");
  CHECK(place.HasFiles(id));
  spool.reset();
  CHECK_FALSE(place.HasFiles(id));
  CHECK_FALSE(place.runs->Find(id, kOwner));
}

TEST_CASE("kept output is private, whole, and of its owner only") {
  Place place;
  int announced = 0;
  const auto watch = place.changes.Observe(
      [&](const Change& change) { announced += change.kind == Change::Kind::kResourceList; });
  const std::string id = place.Keep("standard output", "standard error");
  CHECK(announced == 1);
  for (const auto& [path, mode] :
       {std::pair(place.PathOf(id), 0700U), std::pair(place.PathOf(id) + "/stdout", 0600U)}) {
    struct stat info{};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == mode);
  }
  place.Reopen();
  CHECK(place.Text(id) == "standard output");
  CHECK(place.Text(id, Stream::kStderr) == "standard error");
  const auto run = place.runs->Find(id, kOwner);
  REQUIRE(run);
  CHECK(run->stdout_bytes == 15);
  CHECK(run->result == R"({"status":"exited"})");
  CHECK(place.runs->Newest(kOwner, 10).size() == 1);
  CHECK(place.runs->Complete(id.substr(0, 3), kOwner) == std::vector<std::string>{id});
  CHECK(place.runs->LabelOf(id, kOwner)->own);

  CHECK_FALSE(place.runs->LabelOf(id, "other")->own);
  CHECK_FALSE(place.runs->LabelOf(NewRunId(), kOwner).has_value());
  CHECK(place.runs->Find(id, "other").error().code == ErrorCode::kNotFound);
  CHECK(place.runs->Read(id, "other", Stream::kStdout, 0, 9).error().code == ErrorCode::kNotFound);
  CHECK(place.runs->Newest("other", 10).empty());
  CHECK(place.runs->Complete("", "other").empty());
}

TEST_CASE("beyond the limit the tail is dropped and counted") {
  const Place place;
  const auto spool = place.runs->Begin(NewRunId(), kOwner, false);
  for (int i = 0; i < 30; ++i) {
    spool->OnOutput(Stream::kStdout, "seven..");
  }
  CHECK(spool->held(Stream::kStdout) == 100);
  CHECK(spool->dropped(Stream::kStdout) == 110);
  REQUIRE(spool->Flush());
  CHECK(fs::file_size(place.PathOf(spool->id()) + "/stdout") == 100);
}

TEST_CASE("runs are pruned by count, size and age") {
  Place place;
  place.options.max_runs = 3;
  place.options.max_total_bytes = 190;
  place.Reopen();
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(place.Keep("x"));
  }
  CHECK_FALSE(place.HasFiles(ids[1]));
  CHECK(place.HasFiles(ids[2]));
  CHECK(place.runs->Newest(kOwner, 10).size() == 3);
  const std::string large = place.Keep(std::string(90, 'x'), std::string(50, 'x'));
  CHECK(place.runs->Newest(kOwner, 10).size() == 2);  // 140 bytes, the results, and one more
  CHECK(place.HasFiles(large));
  REQUIRE(place.store->Execute("UPDATE runs SET created_ms = created_ms - 8 * 86400000"));
  place.Reopen();
  CHECK(place.runs->Newest(kOwner, 10).empty());
  CHECK(fs::is_empty(place.options.directory));
}

TEST_CASE("who has most runs loses first, by count and by size") {
  constexpr const char* kOther = "5:local/other";
  Place place;
  place.options.max_runs = 4;
  place.options.max_total_bytes = 250;
  place.Reopen();
  const std::string few = place.Keep("x", {}, kOther);
  for (int i = 0; i < 5; ++i) {
    place.Keep("x");
  }
  CHECK(place.HasFiles(few));
  CHECK(place.runs->Newest(kOwner, 10).size() == 3);
  place.Keep(std::string(100, 'x'), std::string(100, 'x'));  // with the result, most of the room
  CHECK(place.HasFiles(few));
  CHECK(place.runs->Newest(kOwner, 10).size() == 1);
  const std::string more = place.Keep("x", {}, kOther);
  CHECK(place.HasFiles(few));
  CHECK(place.HasFiles(more));
}

TEST_CASE("a run that was just kept stays, and who loses others is told") {
  constexpr const char* kOther = "5:local/other";
  Place place({.memory_bytes = 8, .max_stream_bytes = 1000});
  place.options.max_total_bytes = 300;
  place.Reopen();
  place.Keep(std::string(130, 'x'), {}, kOther);
  std::vector<std::string> told;
  const auto watching =
      place.changes.Observe([&](const Change& change) { told.push_back(change.owner); });
  const std::string large = place.Keep(std::string(250, 'x'));
  CHECK(place.HasFiles(large));
  CHECK(told == std::vector<std::string>{kOwner});
  place.Keep("x", {}, kOther);
  CHECK_FALSE(place.HasFiles(large));
  CHECK(told == std::vector<std::string>{kOwner, kOwner, kOther});
}

TEST_CASE("a start removes what crashed runs left, and nothing of living ones") {
  Place place;
  const std::string kept = place.Keep("kept output");
  const auto living = place.runs->Begin(NewRunId(), kOwner, false);
  living->OnOutput(Stream::kStdout, "still running");
  const std::string crashed = NewRunId();
  fs::create_directory(place.PathOf(crashed));
  std::ofstream(place.PathOf(crashed) + "/stdout") << "left behind";
  fs::create_directory(place.options.directory + "/not-a-run");

  auto other = RunStore::Open(*place.store, place.options, nullptr);
  REQUIRE(other);
  CHECK_FALSE(place.HasFiles(crashed));
  CHECK(place.HasFiles(kept));
  CHECK(place.HasFiles(living->id()));
  CHECK(fs::exists(place.options.directory + "/not-a-run"));
  REQUIRE(living->Flush());
  REQUIRE(place.runs->Keep(*living, "{}"));
  CHECK((*other)->Find(living->id(), kOwner));
}

TEST_CASE("when nothing can be written the run goes on, and Flush says why") {
  const Place place;
  fs::remove_all(place.options.directory);
  const auto spool = place.runs->Begin(NewRunId(), kOwner, false);
  spool->OnOutput(Stream::kStdout, "more than eight bytes");
  spool->OnOutput(Stream::kStdout, "and more");
  const auto flushed = spool->Flush();
  REQUIRE_FALSE(flushed);
  CHECK(flushed.error().sys_errno == ENOENT);
  CHECK_FALSE(spool->Read(Stream::kStdout, 0, 9));
}

TEST_CASE("when the disk is full in the middle, what was written is given back") {
  const Place place({.memory_bytes = 8, .max_stream_bytes = 1 << 20});
  const auto spool = place.runs->Begin(NewRunId(), kOwner, false);
  spool->OnOutput(Stream::kStdout, "more than eight bytes");
  REQUIRE(place.HasFiles(spool->id()));
  struct rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  struct rlimit tiny = before;
  tiny.rlim_cur = 4096;
  const auto old = ::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &tiny) == 0);
  spool->OnOutput(Stream::kStdout, std::string(10'000, 'x'));
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  ::signal(SIGXFSZ, old);
  CHECK_FALSE(spool->Flush());
  CHECK_FALSE(place.HasFiles(spool->id()));
}

struct Shelf : Place {
  Shelf() : Place({.memory_bytes = 1 << 20, .max_stream_bytes = 8 << 20}) {}
  std::unique_ptr<ResourceProvider> resources = MakeRunResources(*runs);
  policies::Principal me;
  policies::Principal other{.id = "other", .tenant = "local", .roles = {}};
  [[nodiscard]] Result<ResourceContents> Read(const std::string& uri) const {
    return resources->Read(uri, me);
  }
};

TEST_CASE("kept runs are resources of their owner") {
  Shelf shelf;
  const std::string id = shelf.Keep("out", "\xff\xfe");
  const std::string base = "casemate://runs/" + id;
  REQUIRE(shelf.resources->List(shelf.me).size() == 3);
  CHECK(shelf.resources->List(shelf.me)[0].uri == base + "/stdout");
  CHECK(shelf.resources->List(shelf.me)[0].size == 3);
  CHECK(shelf.resources->List(shelf.other).empty());

  const auto out = shelf.Read(base + "/stdout");
  REQUIRE(out);
  CHECK(out->bytes == "out");
  CHECK(out->mime_type == "text/plain");
  CHECK_FALSE(out->binary);
  const auto err = shelf.Read(base + "/stderr");
  REQUIRE(err);
  CHECK(err->binary);
  CHECK(err->mime_type == "application/octet-stream");
  CHECK(err->bytes == "\xff\xfe");
  const auto result = shelf.Read(base + "/result");
  REQUIRE(result);
  CHECK(result->mime_type == "application/json");
  CHECK(json::parse(result->bytes)["status"] == "exited");

  CHECK(shelf.resources->Facts(base + "/stdout", shelf.me) == json{{"kind", "run"}, {"own", true}});
  CHECK(shelf.resources->Facts(base + "/stdout", shelf.other)["own"] == false);
  CHECK_FALSE(shelf.resources->Facts("casemate://runs/x/stdout", shelf.me).contains("own"));
  CHECK(shelf.resources->Read(base + "/stdout", shelf.other).error().code == ErrorCode::kNotFound);
  CHECK(shelf.resources->Complete("casemate://runs/{id}/stdout", "id", "", shelf.me).size() == 1);
  CHECK(shelf.resources->Complete("casemate://runs/{id}/stdout", "id", "", shelf.other).empty());
  CHECK(shelf.resources->Complete("casemate://docs/{page}", "page", "", shelf.me).empty());
  for (const std::string& wrong :
       {base, base + "/", base + "/stdout/", base + "/stdout?offset=x", base + "/stdout?size=1",
        base + "/stdout?offset=-1", base + "/result?offset=1", base + "/../x/stdout",
        std::string("casemate://runs/../../etc/passwd"),
        "casemate://runs/" + NewRunId() + "/stdout"}) {
    INFO(wrong);
    const auto read = shelf.Read(wrong);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::kNotFound);
  }
}

TEST_CASE("what comes from outside of the workspace stays labelled, running and kept") {
  Shelf shelf;
  const auto facts = [&](const std::string& id, const policies::Principal& who) {
    return shelf.resources->Facts("casemate://runs/" + id + "/stdout", who);
  };
  const auto living = shelf.runs->Begin(NewRunId(), kOwner, true);
  CHECK(facts(living->id(), shelf.me) == json{{"kind", "run"}, {"own", true}, {"untrusted", true}});
  CHECK(facts(living->id(), shelf.other) == json{{"kind", "run"}, {"own", false}});
  const std::string strange = shelf.Keep("out", {}, kOwner, true);
  const std::string own = shelf.Keep("out");
  shelf.Reopen();
  shelf.resources = MakeRunResources(*shelf.runs);
  CHECK(facts(strange, shelf.me)["untrusted"] == true);
  CHECK(facts(strange, shelf.other) == json{{"kind", "run"}, {"own", false}});
  CHECK_FALSE(facts(own, shelf.me).contains("untrusted"));
}

TEST_CASE("what was kept before runs had a label is not taken for trusted") {
  Place place;
  REQUIRE(place.store->Execute("ALTER TABLE runs DROP COLUMN untrusted"));
  REQUIRE(place.store->Execute(
      "INSERT INTO runs(id, principal, created_ms, stdout_bytes, stderr_bytes, result)"
      " VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaa', '5:local/local', 9000000000000, 0, 0, '{}')"));
  REQUIRE(place.store->Execute("UPDATE schema_version SET version = 1 WHERE module = 'runs'"));
  place.Reopen();
  CHECK(place.runs->LabelOf("aaaaaaaaaaaaaaaaaaaaaaaaaa", kOwner)->untrusted);
}

TEST_CASE("long output is read part by part, whole characters at a time") {
  Shelf shelf;
  std::string text(1048575, 'a');
  text += "ä and the rest";
  const std::string id = shelf.Keep(text);
  const std::string uri = "casemate://runs/" + id + "/stdout";
  const auto first = shelf.Read(uri);
  REQUIRE(first);
  CHECK_FALSE(first->binary);
  const auto note = first->bytes.find("\n[… 15 more bytes: read " + uri + "?offset=1048575 …]\n");
  REQUIRE(note == 1048575);
  const auto rest = shelf.Read(uri + "?offset=1048575");
  REQUIRE(rest);
  CHECK(rest->bytes == "ä and the rest");
  CHECK(shelf.Read(uri + "?offset=1048578&limit=3")->bytes == "and");
  CHECK(shelf.Read(uri + "?limit=2")->bytes == "aa");  // what was asked for, without a note
  CHECK(shelf.Read(uri + "?offset=1048576&limit=5")->bytes == " and");
  CHECK(shelf.Read(uri + "?offset=99999999")->bytes.empty());
}

}  // namespace
}  // namespace casemate::tools
