// Sources and packed images: the same on any machine, as far as one machine can show it: in other
// directories, at other times, with other umasks and with names in another order.
#include "tools/package/pack.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "sandbox/container/oci/layer_reader.h"
#include "tools/package/manifest_read.h"
#include "tools/package/sources.h"

namespace casemate::package {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class Scratch {
 public:
  Scratch() {
    std::string name = (fs::temp_directory_path() / "casemate-pack-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    fs::permissions(path, fs::perms::owner_all);
    fs::remove_all(path);
  }
  fs::path path;
};

void Write(const fs::path& path, const std::string& text, bool executable = false) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  if (executable) {
    fs::permissions(path, fs::perms::owner_exec, fs::perm_options::add);
  }
}

UniqueFd OpenDirectory(const fs::path& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(fd.valid());
  return fd;
}

Result<Sources> Scan(const fs::path& path, const SourceOptions& options = {}) {
  const UniqueFd fd = OpenDirectory(path);
  return Sources::Scan(fd.get(), options, {});
}

std::vector<std::string> NamesOf(const fs::path& path, const SourceOptions& options = {}) {
  const auto sources = Scan(path, options);
  REQUIRE(sources);
  std::vector<std::string> names;
  for (const SourceFile& file : sources->files()) {
    names.push_back(file.path);
  }
  return names;
}

// A project with what could make a difference.
void MakeProject(const fs::path& root, bool backwards) {
  std::vector<std::pair<std::string, std::string>> files{
      {"api/app.py", "print('api')\n"}, {"api/lib/a.py", "A = 1\n"}, {"api/lib-b.py", "B = 2\n"},
      {"core/core.sh", "#!/bin/sh\n"},  {"README.md", "# Shop\n"},   {"Zeta", "z"},
      {"core/data/ünïcode", "ü"}};
  if (backwards) {
    std::ranges::reverse(files);
  }
  for (const auto& [name, text] : files) {
    Write(root / name, text, name == "core/core.sh");
  }
  fs::create_symlink("lib/a.py", root / "api/link.py");
}

const json kManifest = json::parse(R"({
  "manifest_version": "1.0",
  "project": {"name": "shop", "version": "1.0"},
  "applications": [
    {"name": "api", "path": "api", "command": ["python3", "app.py"], "port": 8080,
     "health_check": {"http": "/healthz"}, "depends_on": ["core"]},
    {"name": "core", "path": "core", "command": ["./core.sh"], "environment": {"MODE": "core"}}
  ],
  "containers": [
    {"name": "both", "applications": ["api", "core"], "base": "scratch", "volumes": ["/data"]},
    {"name": "core", "applications": ["core"], "base": "scratch"},
    {"name": "files", "base": "scratch", "files": [{"from": "README.md", "to": "/doc/README"},
     {"from": "core", "to": "/"}], "entrypoint": ["/core.sh"], "user": "app"}
  ]
})");

struct Made {
  Identity identity;
  std::vector<Packed> containers;
};

Result<Made> Pack(const fs::path& project, const fs::path& state, const json& document,
                  PackOptions options = {}) {
  const UniqueFd directory = OpenDirectory(project);
  const auto manifest = ReadManifest(document);
  REQUIRE(manifest);
  const auto store = oci::BlobStore::Open(state.string());
  const auto cache = oci::LayerCache::Open(**store);
  const auto sources = Sources::Scan(directory.get(), SourcesOf(*manifest, "casemate.json"), {});
  if (!sources) {
    return sources.error();
  }
  Made made{IdentityOf(document, *manifest, *sources).value(), {}};
  for (const Container& container : manifest->containers) {
    auto packed = PackContainer(*manifest, container, made.identity, directory.get(), options,
                                **cache, **store, {});
    if (!packed) {
      return packed.error();
    }
    made.containers.push_back(*std::move(packed));
  }
  return made;
}

TEST_CASE("sources have one hash, however they came to lie there") {
  const Scratch scratch;
  MakeProject(scratch.path / "one", false);
  const mode_t before = umask(0077);
  MakeProject(scratch.path / "two", true);
  umask(before);
  fs::create_directories(scratch.path / "two/empty/inner");
  fs::last_write_time(scratch.path / "two/api/app.py", fs::file_time_type{});
  const auto one = Scan(scratch.path / "one");
  const auto two = Scan(scratch.path / "two");
  REQUIRE(one);
  REQUIRE(two);
  CHECK(one->hash() == two->hash());
  CHECK(one->files().size() == 8);
  for (const unsigned threads : {1U, 2U, 7U}) {
    SourceOptions options;
    options.threads = threads;
    CHECK(Scan(scratch.path / "one", options)->hash() == one->hash());
  }
}

TEST_CASE("whatever is said of sources changes their hash") {
  const Scratch scratch;
  MakeProject(scratch.path, false);
  std::set<std::string> hashes{Scan(scratch.path)->hash()};
  const auto is_new = [&] { return hashes.insert(Scan(scratch.path)->hash()).second; };
  Write(scratch.path / "README.md", "# Shop!\n");
  CHECK(is_new());
  fs::permissions(scratch.path / "api/app.py", fs::perms::owner_exec, fs::perm_options::add);
  CHECK(is_new());
  fs::permissions(scratch.path / "api/app.py", fs::perms::group_exec, fs::perm_options::add);
  CHECK_FALSE(is_new());
  fs::rename(scratch.path / "Zeta", scratch.path / "zeta");
  CHECK(is_new());
  fs::remove(scratch.path / "api/link.py");
  fs::create_symlink("lib-b.py", scratch.path / "api/link.py");
  CHECK(is_new());
  fs::remove(scratch.path / "api/link.py");
  Write(scratch.path / "api/link.py", "lib-b.py");  // the same bytes, and no link
  CHECK(is_new());
}

TEST_CASE("ignored files, repositories and outputs are no sources") {
  const Scratch scratch;
  for (const char* name :
       {"a", "b.log", "dist/x", "dist/keep", "sub/b.log", ".git/HEAD", "casemate.json"}) {
    Write(scratch.path / name, "x");
  }
  Write(scratch.path / ".dockerignore", "**/*.log\ndist\n!dist/keep\n");
  using Names = std::vector<std::string>;
  SourceOptions options;
  options.left_out = {"casemate.json"};
  CHECK(NamesOf(scratch.path, options) == Names{".dockerignore", "a", "dist/keep"});
  options.left_out.emplace_back("dist");
  CHECK(NamesOf(scratch.path, options) == Names{".dockerignore", "a"});
  SourceOptions output;
  output.below = "dist";
  CHECK(NamesOf(scratch.path, output) == Names{"dist/keep"});
  output.ignores = false;
  CHECK(NamesOf(scratch.path, output) == Names{"dist/keep", "dist/x"});
  output.below = "dist/x";
  CHECK(NamesOf(scratch.path, output) == Names{"dist/x"});
  output.below = "nothing";
  CHECK(Scan(scratch.path, output).error().code == ErrorCode::kNotFound);
}

TEST_CASE("parts of sources are found by their path") {
  const Scratch scratch;
  for (const char* name : {"a", "a-b/c", "b/c", "b/d/e", "b0", "ba"}) {
    Write(scratch.path / name, "x");
  }
  const auto sources = Scan(scratch.path);
  REQUIRE(sources);
  CHECK(sources->At("").size() == 6);
  CHECK(sources->At("a").size() == 1);
  CHECK(sources->At("b").size() == 2);
  CHECK(sources->At("b/d").size() == 1);
  CHECK(sources->At("c").empty());
}

TEST_CASE("sources end at bounds, at links and at what is no file") {
  const Scratch scratch;
  Write(scratch.path / "in/a", "12345");
  Write(scratch.path / "in/b", "12345");
  Write(scratch.path / "outside", "x");
  fs::create_symlink("../outside", scratch.path / "in/link");
  fs::create_directory_symlink("..", scratch.path / "in/up");
  REQUIRE(mkfifo((scratch.path / "in/pipe").c_str(), 0600) == 0);
  const auto sources = Scan(scratch.path / "in");
  REQUIRE(sources);
  CHECK(sources->files().size() == 4);
  CHECK(sources->skipped() == std::vector<std::string>{"pipe"});
  CHECK_FALSE(sources->OpenFile("link"));
  CHECK_FALSE(sources->OpenFile("up/outside"));
  CHECK_FALSE(sources->OpenFile("../outside"));
  SourceOptions options;
  options.max_files = 3;
  CHECK(Scan(scratch.path / "in", options).error().code == ErrorCode::kResourceExhausted);
  options = {};
  options.max_bytes = 9;
  CHECK(Scan(scratch.path / "in", options).error().code == ErrorCode::kResourceExhausted);
  options = {};
  options.max_depth = 2;
  Write(scratch.path / "in/1/2/3/x", "x");
  CHECK(Scan(scratch.path / "in", options).error().code == ErrorCode::kResourceExhausted);
  std::stop_source stop;
  stop.request_stop();
  const UniqueFd fd = OpenDirectory(scratch.path / "in");
  CHECK(Sources::Scan(fd.get(), {}, stop.get_token()).error().code == ErrorCode::kCancelled);
}

TEST_CASE("the same project is the same images") {
  const Scratch scratch;
  MakeProject(scratch.path / "one", false);
  const mode_t before = umask(0027);
  MakeProject(scratch.path / "two", true);
  const auto one = Pack(scratch.path / "one", scratch.path / "state1", kManifest);
  umask(before);
  const auto two = Pack(scratch.path / "two", scratch.path / "state2", kManifest);
  REQUIRE(one);
  REQUIRE(two);
  CHECK(one->identity.hash == two->identity.hash);
  CHECK(one->identity.Id() == "shop:" + one->identity.hash.substr(0, 12));
  REQUIRE(one->containers.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(one->containers[i].image.manifest.digest == two->containers[i].image.manifest.digest);
  }
  // Once more, from the cache.
  const auto again = Pack(scratch.path / "one", scratch.path / "state1", kManifest);
  REQUIRE(again);
  CHECK(again->containers[0].layers_written == 0);
  CHECK(again->containers[0].layers_cached == 4);
  CHECK(again->containers[0].image.manifest.digest == one->containers[0].image.manifest.digest);
}

TEST_CASE("an image says how its container is run") {
  const Scratch scratch;
  MakeProject(scratch.path / "project", false);
  const auto made = Pack(scratch.path / "project", scratch.path / "state", kManifest);
  REQUIRE(made);
  const auto store = oci::BlobStore::Open((scratch.path / "state").string());
  const auto config = [&](std::size_t i) {
    const auto& digest = made->containers[i].image.config.digest;
    return json::parse((*store)->Read(digest, 1 << 20).value())["config"];
  };
  const json both = config(0);
  CHECK(both["Entrypoint"] == json::array({"/.casemate/init"}));
  CHECK(both["Healthcheck"]["Test"] == json::array({"CMD", "/.casemate/init", "health"}));
  CHECK(both["User"] == "10001:10001");
  CHECK(both["ExposedPorts"] == json({{"8080/tcp", json::object()}}));
  CHECK(both["Volumes"] == json({{"/data", json::object()}}));
  CHECK(both["Labels"]["casemate.identity"] == made->identity.Id());
  CHECK(made->containers[0].has_init);
  const json core = config(1);
  CHECK(core["Cmd"] == json::array({"./core.sh"}));
  CHECK(core["WorkingDir"] == "/app/core");
  CHECK(core["Env"] == json::array({"MODE=core"}));
  CHECK_FALSE(made->containers[1].has_init);
  const json files = config(2);
  CHECK(files["Entrypoint"] == json::array({"/core.sh"}));
  CHECK(files["User"] == "app");
}

TEST_CASE("what is packed is what was hashed") {
  const Scratch scratch;
  MakeProject(scratch.path / "project", false);
  const auto before = Scan(scratch.path / "project");
  REQUIRE(before);
  PackOptions options;
  options.sources = &*before;
  const auto pack = [&] {
    const auto made = Pack(scratch.path / "project", scratch.path / "state", kManifest, options);
    return made ? std::string() : Describe(made.error());
  };
  CHECK(pack().empty());
  SECTION("another content") {
    Write(scratch.path / "project/api/app.py", "print('API')\n");
    CHECK_THAT(pack(), Catch::Contains("`api/app.py` changed"));
  }
  SECTION("gone") {
    fs::remove(scratch.path / "project/api/lib-b.py");
    CHECK_THAT(pack(), Catch::Contains("`api/lib-b.py` changed"));
  }
  SECTION("one more") {
    Write(scratch.path / "project/core/more", "x");
    CHECK_THAT(pack(), Catch::Contains("`core/more` changed"));
  }
  SECTION("a program") {
    fs::permissions(scratch.path / "project/api/app.py", fs::perms::owner_exec,
                    fs::perm_options::add);
    CHECK_THAT(pack(), Catch::Contains("`api/app.py` changed"));
  }
  SECTION("another link") {
    fs::remove(scratch.path / "project/api/link.py");
    fs::create_symlink("lib-b.py", scratch.path / "project/api/link.py");
    CHECK_THAT(pack(), Catch::Contains("`api/link.py` changed"));
  }
}

TEST_CASE("what cannot be packed is refused") {
  const Scratch scratch;
  MakeProject(scratch.path / "project", false);
  const auto message = [&](const std::function<void(json&)>& change) {
    json document = kManifest;
    change(document);
    const auto made = Pack(scratch.path / "project", scratch.path / "state", document);
    return made ? std::string() : Describe(made.error());
  };
  const auto files = [](json& d) -> json& { return d["containers"][2]["files"]; };
  CHECK(message([](json&) {}).empty());
  CHECK_THAT(message([&](json& d) { files(d)[0]["from"] = "nothing"; }),
             Catch::Contains("nothing"));
  CHECK_THAT(message([&](json& d) { files(d)[0]["to"] = "/core.sh"; }), Catch::Contains("two"));
  CHECK_THAT(message([&](json& d) { files(d)[0]["to"] = "/proc/x"; }), Catch::Contains("/proc/x"));
  CHECK_THAT(message([&](json& d) {
               d["containers"][2]["base"] = "a@sha256:" + std::string(64, '1');
               files(d).erase(1);
             }),
             Catch::Contains("cannot open the blob"));
  CHECK_THAT(message([](json& d) { d["packaging"]["architecture"] = "s390x"; }),
             Catch::Contains("the init of"));
  CHECK_THAT(message([](json& d) { d["containers"][2]["health_check"] = {{"tcp", 1}}; }),
             Catch::Contains("health_check"));
}

// The digest of a base with linked and with owned directories.
std::string PutBase(const fs::path& state, std::string_view layer_type) {
  const auto store = oci::BlobStore::Open(state.string());
  oci::LayerPlan plan;
  const auto add = [&plan](const char* path, oci::TarType type, std::uint32_t mode,
                           std::uint32_t uid, const char* target) {
    oci::LayerEntry entry;
    entry.path = path;
    entry.type = type;
    entry.mode = mode;
    entry.uid = uid;
    entry.link_target = target;
    REQUIRE(plan.Add(std::move(entry)));
  };
  add("srv", oci::TarType::kDirectory, 02770, 33, "");
  add("usr/bin", oci::TarType::kDirectory, 0755, 0, "");
  add("bin", oci::TarType::kSymlink, 0777, 0, "usr/bin");
  add("lib", oci::TarType::kDirectory, 0711, 0, "");
  add("var/run", oci::TarType::kSymlink, 0777, 0, "/run");
  REQUIRE(plan.Close());
  auto layer = oci::WriteLayer(plan, 0, **store, {});
  REQUIRE(layer);
  const auto image = oci::WriteImage("", {{*layer, "base"}}, {}, oci::ImageFormat::kOci, **store);
  REQUIRE(image);
  json manifest = json::parse((*store)->Read(image->manifest.digest, 1 << 20).value());
  manifest["layers"][0]["mediaType"] = layer_type;
  return (*store)->Put(oci::kManifestType, manifest.dump())->digest;
}

// "MODE UID PATH" of the directories in the last layer.
std::vector<std::string> DirectoriesIn(const fs::path& state, const oci::Image& image) {
  class Visitor : public oci::TarVisitor {
   public:
    Result<void> Entry(const oci::TarHeader& header) override {
      if (header.kind == oci::TarKind::kDirectory) {
        lines.push_back(std::to_string(header.mode) + " " + std::to_string(header.uid) + " " +
                        header.path);
      }
      return {};
    }
    std::vector<std::string> lines;
  };
  const auto store = oci::BlobStore::Open(state.string());
  Visitor visitor;
  REQUIRE(oci::ReadLayer(image.layers.back(), **store, {}, visitor, {}));
  return visitor.lines;
}

TEST_CASE("what a base has as directories and links stays") {
  const Scratch scratch;
  MakeProject(scratch.path / "project", false);
  const fs::path state = scratch.path / "state";
  std::string base = PutBase(state, oci::kLayerType);
  const auto pack = [&](const std::string& to) {
    json document = kManifest;
    document["containers"] =
        json::array({{{"name", "files"},
                      {"base", "a:1@" + base},
                      {"files", json::array({{{"from", "README.md"}, {"to", to}}})},
                      {"entrypoint", {"/x"}}}});
    return Pack(scratch.path / "project", state, document);
  };
  using Lines = std::vector<std::string>;
  const auto owned = pack("/srv/doc/README");
  REQUIRE(owned);
  CHECK(DirectoriesIn(state, owned->containers[0].image) == Lines{"1528 33 srv", "493 0 srv/doc"});
  const auto kept = pack("/srv/doc/README");
  REQUIRE(kept);
  CHECK(kept->containers[0].layers_cached == 1);
  CHECK(kept->containers[0].image.manifest.digest == owned->containers[0].image.manifest.digest);
  const auto lib = pack("/lib/x");  // a directory here
  REQUIRE(lib);
  CHECK(DirectoriesIn(state, lib->containers[0].image) == Lines{"457 0 lib"});
  CHECK(pack("/lib64/x"));
  CHECK(pack("/usr/bin/x"));
  CHECK_THAT(Describe(pack("/bin/x").error()),
             Catch::Contains("below `/usr/bin` instead of `/bin`"));
  CHECK_THAT(Describe(pack("/var/run/a/x").error()), Catch::Contains("below `/run`"));

  // Layers that this build does not read: what most bases have must do.
  base = PutBase(state, "application/vnd.oci.image.layer.v1.tar+zstd");
  const auto unread = pack("/srv/doc/README");
  REQUIRE(unread);
  CHECK(DirectoriesIn(state, unread->containers[0].image) == Lines{"493 0 srv", "493 0 srv/doc"});
  REQUIRE(unread->containers[0].notes.size() == 1);
  CHECK_THAT(unread->containers[0].notes[0], Catch::Contains("zstd"));
  CHECK_THAT(Describe(pack("/lib/x").error()), Catch::Contains("/usr"));
}

TEST_CASE("commits are found without Git") {
  const Scratch scratch;
  const UniqueFd fd = OpenDirectory(scratch.path);
  CHECK(GitCommit(fd.get()).error().code == ErrorCode::kNotFound);
  const std::string one(40, '1');
  const std::string two(40, '2');
  Write(scratch.path / ".git/HEAD", "ref: refs/heads/main\n");
  CHECK(GitCommit(fd.get()).error().code == ErrorCode::kNotFound);
  Write(scratch.path / ".git/packed-refs",
        "# pack-refs\n" + two + " refs/heads/other\n" + one + " refs/heads/main\n");
  CHECK(GitCommit(fd.get()).value() == one);
  Write(scratch.path / ".git/refs/heads/main", two + "\n");
  CHECK(GitCommit(fd.get()).value() == two);
  Write(scratch.path / ".git/HEAD", one + "\n");
  CHECK(GitCommit(fd.get()).value() == one);
  Write(scratch.path / ".git/HEAD", "ref: ../../secret\n");
  Write(scratch.path / "secret", one + "\n");
  CHECK_FALSE(GitCommit(fd.get()));
}

}  // namespace
}  // namespace casemate::package
