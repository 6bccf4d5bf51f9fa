// Whatever differs between two images is named.
#include "sandbox/container/oci/image_diff.h"

#include "tests/unit/oci/fixtures.h"

namespace casemate::oci {
namespace {

using fixtures::File;
using fixtures::PutImage;
using fixtures::Raw;
using fixtures::Scratch;
using fixtures::StoreIn;
using fixtures::Tar;
using fixtures::Typed;
using nlohmann::json;
using Strings = std::vector<std::string>;

ImageDrift Compare(const Image& a, const Image& b, const BlobStore& store,
                   const DriftLimits& limits = {}) {
  auto drift = CompareImages(a, b, store, limits, {});
  if (!drift) {
    FAIL(Describe(drift.error()));
  }
  return *std::move(drift);
}

TEST_CASE("each attribute of a file that differs is found") {
  const Scratch scratch;
  const auto store = StoreIn(scratch.path);
  const Raw before = File("dir/file", "12345");
  const Raw link = Typed('2', "link", "target");
  const auto attributes = [&](const Raw& file, const Raw& other) {
    const Image a = PutImage(*store, {Tar({before, link})});
    const Image b = PutImage(*store, {Tar({file, other})});
    const ImageDrift drift = Compare(a, b, *store);
    REQUIRE(drift.layers.size() == 1);
    CHECK(drift.layers[0].files == 1);
    REQUIRE(drift.files.size() == 1);
    CHECK(drift.files[0].before.has_value());
    CHECK(drift.files[0].after.has_value());
    CHECK_FALSE(drift.empty());
    return drift.files[0].attributes;
  };
  const auto changed = [&](auto&& change) {
    Raw raw = before;
    change(raw);
    return attributes(raw, link);
  };
  CHECK(changed([](Raw& raw) { raw.content = "1234!"; }) == Strings{"content"});
  CHECK(changed([](Raw& raw) { raw.content = "123456"; }) == Strings{"content"});
  CHECK(changed([](Raw& raw) { raw.mode = 0755; }) == Strings{"mode"});
  CHECK(changed([](Raw& raw) { raw.uid = 1; }) == Strings{"owner"});
  CHECK(changed([](Raw& raw) { raw.gid = 1; }) == Strings{"owner"});
  CHECK(changed([](Raw& raw) { raw.mtime_s += 1; }) == Strings{"mtime"});
  CHECK(changed([](Raw& raw) {
          raw.content = "";
          raw.type = '6';
        }) == Strings{"type", "content"});
  CHECK(attributes(before, Typed('2', "link", "other")) == Strings{"link"});
  CHECK(attributes(before, Typed('1', "link", "target")) == Strings{"type"});

  const Image a = PutImage(*store, {Tar({before})});
  const Image b = PutImage(*store, {Tar({File("dir/file", "123")})});
  const FileDrift drift = Compare(a, b, *store).files.at(0);
  CHECK(drift.path == "dir/file");
  CHECK(drift.before->digest == DigestOf("12345"));
  CHECK(drift.after->digest == DigestOf("123"));
  CHECK(drift.before->size == 5);
  CHECK(drift.after->size == 3);
}

TEST_CASE("files that came and went, by layer, and layers themselves") {
  const Scratch scratch;
  const auto store = StoreIn(scratch.path);
  const std::string same = Tar({File("same", "1")});
  const Image a = PutImage(*store, {same, Tar({File("a", "1"), File("c", "1"), File("d", "1")})});
  const Image b = PutImage(
      *store, {same, Tar({File("b", "1"), File("c", "2"), File("d", "1")}), Tar({File("e", "")})});
  const ImageDrift drift = Compare(a, b, *store);
  CHECK(drift.layers_before == 2);
  CHECK(drift.layers_after == 3);
  REQUIRE(drift.layers.size() == 1);
  CHECK(drift.layers[0].layer == 1);
  CHECK(drift.layers[0].before == a.diff_ids[1]);
  CHECK(drift.layers[0].after == b.diff_ids[1]);
  REQUIRE(drift.files.size() == 3);
  CHECK((drift.files[0].path == "a" && !drift.files[0].after));
  CHECK((drift.files[1].path == "b" && !drift.files[1].before));
  CHECK(drift.files[2].path == "c");
  CHECK(drift.files[2].layer == 1);
  DriftLimits limits;
  limits.max_files = 1;
  const ImageDrift bounded = Compare(a, b, *store, limits);
  CHECK(bounded.files.size() == 1);
  CHECK(bounded.more_files == 2);
  CHECK(bounded.layers[0].files == 3);
  CHECK(Compare(a, a, *store).empty());
  // The same files in another order: the form differs.
  const Image turned =
      PutImage(*store, {same, Tar({File("d", "1"), File("c", "1"), File("a", "1")})});
  const ImageDrift form = Compare(a, turned, *store);
  REQUIRE(form.layers.size() == 1);
  CHECK(form.layers[0].files == 0);
  CHECK(form.files.empty());
  CHECK_FALSE(form.empty());
  REQUIRE(store->Remove(b.layers[1].digest));
  CHECK(CompareImages(a, b, *store, {}, {}).error().code == ErrorCode::kNotFound);
}

TEST_CASE("what differs in configurations has a pointer") {
  const Scratch scratch;
  const auto store = StoreIn(scratch.path);
  const json one = json::parse(R"({"config":{"Env":["A=1","B=2"],"Labels":{"a/b":"1","t~x":"1"},
      "User":"me"},"history":[{"created_by":"x"}]})");
  json two = one;
  two["config"]["Env"][1] = "B=3";
  two["config"]["Env"].push_back("C=" + std::string(500, 'x'));
  two["config"]["Labels"]["a/b"] = "2";
  two["config"]["Labels"]["t~x"] = json::object();
  two["config"].erase("User");
  two["config"]["Volumes"] = json::object();
  two["history"] = nullptr;
  const Image a = PutImage(*store, {}, one);
  const Image b = PutImage(*store, {}, two);
  const ImageDrift drift = Compare(a, b, *store);
  Strings got;
  for (const ConfigDrift& each : drift.config) {
    got.push_back(each.pointer + ": " + each.before + " | " + each.after);
  }
  CHECK(got == Strings{"/config/Env/1: \"B=2\" | \"B=3\"",
                       "/config/Env/2:  | \"C=" + std::string(253, 'x') + "…",
                       "/config/Labels/a~1b: \"1\" | \"2\"", "/config/Labels/t~0x: \"1\" | {}",
                       "/config/User: \"me\" | ", "/config/Volumes:  | {}",
                       "/history: [{\"created_by\":\"x\"}] | null"});
  CHECK_FALSE(drift.empty());
  DriftLimits limits;
  limits.max_config = 0;
  const ImageDrift bounded = Compare(a, b, *store, limits);
  CHECK(bounded.more_config == 7);
  CHECK_FALSE(bounded.empty());
}

}  // namespace
}  // namespace casemate::oci
