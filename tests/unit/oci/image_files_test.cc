// What layers leave of one another, and what a layer on them keeps.
#include "sandbox/container/oci/image_files.h"

#include "sandbox/container/oci/layer.h"
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
using Files = std::map<std::string, std::string>;

constexpr std::size_t kMiB = std::size_t{1} << 20;

bool All(const std::string& /*path*/) {
  return true;
}

class Images {
 public:
  Image Put(const std::vector<std::string>& tars) { return PutImage(*store, tars); }
  Result<Files> Read(const std::vector<std::string>& tars) {
    return ReadImageFiles(Put(tars), *store, All, kMiB, kMiB, {});
  }
  Files Of(const std::vector<std::string>& tars) {
    auto files = Read(tars);
    if (!files) {
      FAIL(Describe(files.error()));
    }
    return *std::move(files);
  }
  const Scratch scratch;
  const std::unique_ptr<BlobStore> store = StoreIn(scratch.path);
};

Raw With(Raw raw, std::uint32_t mode, std::uint32_t uid, std::uint32_t gid) {
  raw.mode = mode;
  raw.uid = uid;
  raw.gid = gid;
  return raw;
}

TEST_CASE("later layers win, and whiteouts hide what lies below") {
  Images images;
  const std::string base = Tar({Typed('5', "a"), File("a/1", "1"), File("a/2", "2"),
                                File("a/sub/3", "3"), File("b", "b"), File("ab", "ab")});
  CHECK(images.Of({base}) ==
        Files{{"a/1", "1"}, {"a/2", "2"}, {"a/sub/3", "3"}, {"b", "b"}, {"ab", "ab"}});
  CHECK(images.Of({base, Tar({File("a/1", "one"), File("c", "")})}) ==
        Files{{"a/1", "one"}, {"a/2", "2"}, {"a/sub/3", "3"}, {"b", "b"}, {"ab", "ab"}, {"c", ""}});
  CHECK(images.Of({base, Tar({File("a/.wh.1", ""), File(".wh.b", "")})}) ==
        Files{{"a/2", "2"}, {"a/sub/3", "3"}, {"ab", "ab"}});
  CHECK(images.Of({base, Tar({File(".wh.a", "")})}) == Files{{"b", "b"}, {"ab", "ab"}});
  // Of the same layer nothing is hidden, in whatever order.
  for (const auto& entries : {std::vector<Raw>{File("a/.wh..wh..opq", ""), File("a/sub/4", "4")},
                              std::vector<Raw>{File("a/sub/4", "4"), File("a/.wh..wh..opq", "")},
                              std::vector<Raw>{File("a/sub/4", "4"), File(".wh.a", "")}}) {
    CHECK(images.Of({base, Tar(entries)}) == Files{{"a/sub/4", "4"}, {"b", "b"}, {"ab", "ab"}});
  }
  CHECK(images.Of({base, Tar({File(".wh..wh..opq", ""), File("z", "z")})}) == Files{{"z", "z"}});
  // And back again; what is there twice in a layer counts once.
  CHECK(images.Of({base, Tar({File(".wh.a", "")}), Tar({File("a/1", "x"), File("a/1", "y")})}) ==
        Files{{"a/1", "y"}, {"b", "b"}, {"ab", "ab"}});
  CHECK(images.Of({base, Tar({File("a", "file")})}) ==
        Files{{"a", "file"}, {"b", "b"}, {"ab", "ab"}});
  CHECK(images.Of({base, Tar({File("b/c", "dir")})}).at("b/c") == "dir");
  // AUFS keeps things of its own, and absolute names begin at the root of the image.
  CHECK(images.Of({base, Tar({Typed('5', ".wh..wh.plnk"), File(".wh..wh.plnk/1", "x"),
                              File("a/.wh..wh.aufs", ""), File("/b", "B")})}) ==
        Files{{"a/1", "1"}, {"a/2", "2"}, {"a/sub/3", "3"}, {"b", "B"}, {"ab", "ab"}});
}

TEST_CASE("what is reached through links is found there") {
  Images images;
  const std::string base = Tar(
      {Typed('5', "usr/lib/"), File("usr/lib/os-release", "ID=x"), File("usr/lib/db/list", "l"),
       Typed('2', "lib", "usr/lib"), Typed('2', "etc/os-release", "../usr/lib/os-release"),
       Typed('2', "abs", "/lib/db/list"), Typed('2', "loop", "loop"), Typed('2', "usr/self", "."),
       Typed('2', "out", "../../../../usr/lib/os-release"), Typed('2', "gone", "nowhere")});
  const Files expected{{"usr/lib/os-release", "ID=x"},
                       {"usr/lib/db/list", "l"},
                       {"lib/os-release", "ID=x"},
                       {"lib/db/list", "l"},
                       {"etc/os-release", "ID=x"},
                       {"abs", "l"},
                       {"out", "ID=x"}};
  CHECK(images.Of({base}) == expected);
  // An entry, and a whiteout, through a link.
  Files changed =
      images.Of({base, Tar({File("lib/db/list", "new"), File("lib/.wh.os-release", "")})});
  CHECK(changed == Files{{"usr/lib/db/list", "new"}, {"lib/db/list", "new"}, {"abs", "new"}});
  // A directory of that name is in its place.
  changed = images.Of({base, Tar({Typed('5', "lib"), File("lib/own", "o")})});
  CHECK(changed.contains("lib/own"));
  CHECK_FALSE(changed.contains("lib/os-release"));
  CHECK(changed.contains("usr/lib/os-release"));
  CHECK_FALSE(changed.contains("abs"));
  // Only what is wanted, by the name that is wanted.
  const auto some = ReadImageFiles(
      images.Put({base}), *images.store,
      [](const std::string& path) { return path == "lib/db/list" || path == "etc/os-release"; },
      kMiB, kMiB, {});
  REQUIRE(some);
  CHECK(*some == Files{{"lib/db/list", "l"}, {"etc/os-release", "ID=x"}});
  CHECK_THAT(images.Read({base, Tar({File("loop/x", "")})}).error().message,
             Catch::Contains("circle"));
}

TEST_CASE("hard links have the content of what they are links to") {
  Images images;
  const std::string base = Tar({File("a", "A"), Typed('1', "b", "a"), Typed('1', "a", "./a")});
  CHECK(images.Of({base}) == Files{{"a", "A"}, {"b", "A"}});
  CHECK(images.Of({base, Tar({File("a", "new"), Typed('1', "c", "b")})}) ==
        Files{{"a", "new"}, {"b", "A"}, {"c", "A"}});
  CHECK(images.Of({base, Tar({File(".wh.a", "")})}) == Files{{"b", "A"}});
  CHECK_THAT(images.Read({base, Tar({Typed('1', "c", "none")})}).error().message,
             Catch::Contains("a link to a file"));
  CHECK_THAT(images.Read({Tar({Typed('5', "d"), Typed('1', "c", "d")})}).error().message,
             Catch::Contains("a link to a file"));
}

TEST_CASE("images that leave the root or their bounds are refused") {
  Images images;
  for (const auto& entry : {File("../a", ""), File("a/../../b", ""), Typed('1', "a", "../b"),
                            Typed('1', "a", "/../b")}) {
    CHECK_THAT(images.Read({Tar({File("b", ""), entry})}).error().message,
               Catch::Contains("without \"..\""));
  }
  CHECK_FALSE(images.Read({Tar({File(".", "x")})}));
  CHECK_FALSE(images.Read({Tar({File(".wh.", "")})}));
  CHECK_FALSE(images.Read({Tar({File(".wh...", "")})}));
  const auto nested = [](int depth) {  // by a long name of GNU
    std::string path = "d";
    for (int i = 1; i < depth; ++i) {
      path += "/d";
    }
    Raw name = File("long", path);
    name.type = 'L';
    return Tar({name, Typed('5', "d")});
  };
  CHECK(images.Read({nested(256)}));
  CHECK_THAT(images.Read({nested(300)}).error().message, Catch::Contains("256 directories"));
  const Image two = images.Put({Tar({File("a", "12345"), File("b", "12345")})});
  const auto read = [&](std::size_t of_one, std::size_t of_all) {
    return ReadImageFiles(two, *images.store, All, of_one, of_all, {});
  };
  CHECK(read(5, 10));
  CHECK(read(4, 10).error().code == ErrorCode::kResourceExhausted);
  CHECK(read(5, 9).error().code == ErrorCode::kResourceExhausted);
  std::stop_source stop;
  stop.request_stop();
  CHECK(ReadImageFiles(two, *images.store, All, 5, 10, stop.get_token()).error().code ==
        ErrorCode::kCancelled);
  // The configuration says something else of the layer.
  Image other = two;
  other.diff_ids[0] = DigestOf("other");
  CHECK(ReadImageFiles(other, *images.store, All, 5, 10, {}).error().code == ErrorCode::kDataLoss);
}

const std::vector<Raw> kBase{With(Typed('5', "./"), 0755, 0, 0),
                             With(Typed('5', "srv"), 02775, 5, 50),
                             With(Typed('5', "tmp"), 01770, 0, 0),
                             With(Typed('5', "home/me"), 0700, 40'000, 1000),
                             File("file", "x"),
                             Typed('5', "usr/lib"),
                             Typed('2', "lib", "usr/lib"),
                             Typed('2', "circle", "circle")};

TEST_CASE("directories are known as the layers leave them") {
  Images images;
  const std::vector<Raw>& base = kBase;
  const auto read = [&](const std::vector<std::string>& tars) {
    auto directories = DirectoriesOf(images.Put(tars), *images.store, {});
    REQUIRE(directories);
    return *std::move(directories);
  };
  const Directories expected{{"", {0755, 0, 0, false, ""}},
                             {"srv", {02775, 5, 50, false, ""}},
                             {"tmp", {01770, 0, 0, false, ""}},
                             {"home", {0755, 0, 0, false, ""}},
                             {"home/me", {0700, 40'000, 1000, false, ""}},
                             {"usr", {0755, 0, 0, false, ""}},
                             {"usr/lib", {0755, 0, 0, false, ""}},
                             {"lib", {0644, 0, 0, true, "usr/lib"}},
                             {"circle", {0644, 0, 0, true, "circle"}}};
  CHECK(read({Tar(base)}) == expected);
  Directories changed = expected;
  changed["srv"] = {0711, 1, 2, false, ""};
  changed.erase("tmp");
  changed.erase("lib");
  changed.erase("home/me");
  changed["file"] = {0755, 0, 0, false, ""};
  CHECK(read({Tar(base),
              Tar({With(Typed('5', "srv"), 0711, 1, 2), File("tmp", "a file"), File(".wh.lib", ""),
                   File("home/.wh..wh..opq", ""), File("file/in", "")})}) == changed);
}

TEST_CASE("directories of a base are kept, and made anew when that is damaged") {
  Images images;
  const Image image = images.Put({Tar({Typed('5', "a\n b"), Typed('2', "l", "x y")})});
  const Directories expected = DirectoriesOf(image, *images.store, {}).value();
  const auto path = images.scratch.path / "directories" / std::string(HexOf(image.manifest.digest));
  const auto kept = [&] { return KeptDirectoriesOf(image, *images.store, {}); };
  CHECK(kept().value() == expected);
  const std::string text = fixtures::Content(path);
  CHECK(text.starts_with("casemate-directories-1 "));
  for (std::size_t i = 0; i <= text.size(); ++i) {
    std::string damaged = text;
    if (i < text.size()) {
      damaged[i] ^= 1;
    } else {
      damaged.pop_back();
    }
    std::ofstream(path, std::ios::binary | std::ios::trunc) << damaged;
    CHECK(kept().value() == expected);
    CHECK(fixtures::Content(path) == text);
  }
  // Of another image it counts nothing.
  const Image other = images.Put({Tar({Typed('5', "other")})});
  REQUIRE(KeptDirectoriesOf(other, *images.store, {}));
  std::filesystem::copy_file(
      images.scratch.path / "directories" / std::string(HexOf(other.manifest.digest)), path,
      std::filesystem::copy_options::overwrite_existing);
  CHECK(kept().value() == expected);
  // From there the layers are not needed.
  REQUIRE(images.store->Remove(image.layers[0].digest));
  CHECK(kept().value() == expected);
  std::filesystem::remove(path);
  CHECK(kept().error().code == ErrorCode::kNotFound);
}

TEST_CASE("a layer leaves the directories of its base as they are") {
  Images images;
  const auto base = DirectoriesOf(images.Put({Tar(kBase)}), *images.store, {});
  REQUIRE(base);
  const auto closed = [&](const std::vector<std::string>& files, const Directories& on) {
    LayerPlan plan;
    for (const std::string& file : files) {
      REQUIRE(plan.AddText(file, "x", 0644));
    }
    auto done = plan.Close(on);
    return done ? Result<LayerPlan>(std::move(plan)) : Result<LayerPlan>(done.error());
  };
  const std::vector<std::string> files{"home/me/a", "new/tmp/a", "root/a", "srv/x/a", "tmp/a"};
  const auto plan = closed(files, *base);
  REQUIRE(plan);
  std::map<std::string, DirectoryInfo> got;
  for (const LayerEntry& entry : plan->entries()) {
    if (entry.type == TarType::kDirectory) {
      got[entry.path] = {entry.mode, entry.uid, entry.gid, false, ""};
    }
  }
  CHECK(got == std::map<std::string, DirectoryInfo>{{"home", {0755, 0, 0, false, ""}},
                                                    {"home/me", {0700, 40'000, 1000, false, ""}},
                                                    {"new", {0755, 0, 0, false, ""}},
                                                    {"new/tmp", {0755, 0, 0, false, ""}},
                                                    {"root", {0700, 0, 0, false, ""}},
                                                    {"srv", {02775, 5, 50, false, ""}},
                                                    {"srv/x", {0755, 0, 0, false, ""}},
                                                    {"tmp", {01770, 0, 0, false, ""}}});
  CHECK(plan->Key(0) == closed(files, *base)->Key(0));
  CHECK(plan->Key(0) != closed(files, {})->Key(0));
  CHECK(closed({"lib"}, *base));  // instead of the link itself
  CHECK_THAT(Describe(closed({"lib/a/b"}, *base).error()),
             Catch::Contains("below `/usr/lib` instead of `/lib`"));
  CHECK_THAT(Describe(closed({"circle/a"}, *base).error()), Catch::Contains("in a circle"));
  LayerPlan directory;
  LayerEntry entry;
  entry.path = "lib";
  entry.type = TarType::kDirectory;
  REQUIRE(directory.Add(entry));
  CHECK_THAT(Describe(directory.Close(*base).error()), Catch::Contains("/usr/lib"));
}

}  // namespace
}  // namespace casemate::oci
