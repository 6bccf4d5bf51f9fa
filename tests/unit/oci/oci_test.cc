// Blobs, layers and images: what is written is the same however it came, what was damaged is found.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <set>
#include <thread>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "sandbox/container/oci/blob_store.h"
#include "sandbox/container/oci/gzip_members.h"
#include "sandbox/container/oci/image.h"
#include "sandbox/container/oci/layer.h"
#include "sandbox/container/oci/layer_cache.h"

namespace casemate::oci {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class Scratch {
 public:
  Scratch() {
    std::string name = (fs::temp_directory_path() / "casemate-oci-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { fs::remove_all(path); }
  fs::path path;
};

std::unique_ptr<BlobStore> StoreIn(const fs::path& path) {
  auto store = BlobStore::Open(path.string());
  REQUIRE(store);
  return *std::move(store);
}

fs::path PathOf(const BlobStore& store, const std::string& digest) {
  return fs::path(store.directory()) / "blobs/sha256" / std::string(HexOf(digest));
}

void Overwrite(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

// All members of a gzip file.
std::string Gunzip(const std::string& bytes) {
  std::string out;
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string buffer(65536, '\0');
  while (stream.avail_in > 0) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    const int done = inflate(&stream, Z_NO_FLUSH);
    REQUIRE((done == Z_OK || done == Z_STREAM_END));
    out.append(buffer.data(), buffer.size() - stream.avail_out);
    if (done == Z_STREAM_END) {
      REQUIRE(inflateReset(&stream) == Z_OK);
    }
  }
  inflateEnd(&stream);
  return out;
}

LayerPlan PlanOf(std::vector<std::pair<std::string, std::string>> files) {
  LayerPlan plan;
  for (auto& [path, text] : files) {
    REQUIRE(plan.AddText(path, text, 0644));
  }
  REQUIRE(plan.Close());
  return plan;
}

// Names in an archive, with a slash after directories.
std::vector<std::string> NamesIn(const std::string& tar) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at + 512 <= tar.size() && tar[at] != '\0';) {
    names.emplace_back(tar.c_str() + at);
    const std::size_t size = std::stoul(tar.substr(at + 124, 11), nullptr, 8);
    at += 512 + (size + 511) / 512 * 512;
  }
  return names;
}

TEST_CASE("a blob has a name once it is whole") {
  const Scratch scratch;
  const auto store = StoreIn(scratch.path / "store");
  const auto put = store->Put("text/plain", "hello");
  REQUIRE(put);
  CHECK(put->digest == "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  CHECK(put->size == 5);
  CHECK(store->Read(put->digest, 5).value() == "hello");
  CHECK(store->Read(put->digest, 4).error().code == ErrorCode::kResourceExhausted);
  CHECK(store->Has(*put));
  {
    auto writer = store->Write();
    REQUIRE(writer);
    REQUIRE(writer->Write("lost"));
  }
  CHECK(store->All() == std::vector<std::string>{put->digest});
  CHECK(fs::directory_iterator(scratch.path / "store/blobs/sha256") != fs::directory_iterator());
  int names = 0;
  for ([[maybe_unused]] const auto& each :
       fs::directory_iterator(scratch.path / "store/blobs/sha256")) {
    ++names;
  }
  CHECK(names == 1);
  CHECK(store->Read("sha256:" + std::string(64, '0'), 10).error().code == ErrorCode::kNotFound);
  CHECK(store->Read("../../etc/passwd", 10).error().code == ErrorCode::kInvalidArgument);
  auto writer = store->Write();
  REQUIRE(writer->Write("other"));
  CHECK(writer->Commit("", put->digest).error().code == ErrorCode::kDataLoss);
}

TEST_CASE("a damaged blob is found and not served again") {
  const Scratch scratch;
  const auto store = StoreIn(scratch.path);
  const auto put = store->Put("", "hello");
  REQUIRE(put);
  Overwrite(PathOf(*store, put->digest), "hallo");
  CHECK(store->Read(put->digest, 100).error().code == ErrorCode::kDataLoss);
  CHECK(store->Read(put->digest, 100).error().code == ErrorCode::kNotFound);
  CHECK(store->Put("", "hello"));
  CHECK(store->Read(put->digest, 100).value() == "hello");
  // Damaged, with its size kept, and put again.
  Overwrite(PathOf(*store, put->digest), "hallo");
  CHECK(store->Put("", "hello"));
  CHECK(store->Read(put->digest, 100).value() == "hello");
}

TEST_CASE("pieces are compressed to the same bytes by any number of threads") {
  const Scratch scratch;
  const auto store = StoreIn(scratch.path);
  std::mt19937_64 random(7);
  std::string bytes(3 * GzipMembers::kPieceBytes + 12345, '\0');
  for (char& c : bytes) {
    c = static_cast<char>('a' + random() % 9);
  }
  std::vector<std::string> digests;
  for (const std::size_t step : {bytes.size(), std::size_t{1000}, std::size_t{1} << 20}) {
    auto writer = store->Write();
    REQUIRE(writer);
    GzipMembers members(*std::move(writer));
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      REQUIRE(members.Write(std::string_view(bytes).substr(at, step)));
    }
    const auto made = members.Finish("");
    REQUIRE(made);
    digests.push_back(made->digest);
    CHECK(Gunzip(store->Read(made->digest, std::size_t{1} << 24).value()) == bytes);
  }
  CHECK(digests[0] == digests[1]);
  CHECK(digests[0] == digests[2]);
  auto writer = store->Write();
  GzipMembers nothing(*std::move(writer));
  const auto empty = nothing.Finish("");
  REQUIRE(empty);
  CHECK(Gunzip(store->Read(empty->digest, 100).value()).empty());
}

TEST_CASE("a layer does not depend on the order of its files") {
  const Scratch scratch;
  const auto store = StoreIn(scratch.path);
  std::vector<std::pair<std::string, std::string>> files{
      {"app/b", "1"}, {"app/b-c/d", "2"}, {"app/b/", ""}, {"app/a/x/y", "3"}, {"etc/z", "4"}};
  files.erase(files.begin() + 2);
  std::string first;
  for (int i = 0; i < 24; ++i) {
    std::ranges::next_permutation(files);
    const LayerPlan plan = PlanOf(files);
    const auto layer = WriteLayer(plan, 1700000000, *store, {});
    REQUIRE(layer);
    first = first.empty() ? layer->blob.digest : first;
    CHECK(layer->blob.digest == first);
    const std::string tar = Gunzip(store->Read(layer->blob.digest, 1 << 20).value());
    CHECK(DigestOf(tar) == layer->diff_id);
    CHECK(static_cast<std::int64_t>(tar.size()) == layer->tar_bytes);
    CHECK(NamesIn(tar) == std::vector<std::string>{"app/", "app/a/", "app/a/x/", "app/a/x/y",
                                                   "app/b", "app/b-c/", "app/b-c/d", "etc/",
                                                   "etc/z"});
  }
  CHECK(PlanOf(files).Key(1) != PlanOf(files).Key(2));
  files[0].second += "!";
  CHECK(WriteLayer(PlanOf(files), 1700000000, *store, {})->blob.digest != first);
}

TEST_CASE("two things at one place are refused") {
  for (const auto& [one, two] : std::vector<std::pair<std::string, std::string>>{
           {"a", "a"}, {"a", "a/b"}, {"a/b/c", "a/b"}, {"x/y", "x/y/z/w"}}) {
    LayerPlan plan;
    REQUIRE(plan.AddText(one, "1", 0644));
    REQUIRE(plan.AddText(two, "2", 0644));
    CAPTURE(one, two);
    CHECK_FALSE(plan.Close());
  }
  LayerPlan plan;
  CHECK_FALSE(plan.AddText("", "1", 0644));
}

TEST_CASE("a file that changes meanwhile gives no layer") {
  const Scratch scratch;
  const auto store = StoreIn(scratch.path / "store");
  const std::string path = (scratch.path / "file").string();
  for (const std::string now : {"hallo", "hello!", "hell", ""}) {
    LayerPlan plan;
    LayerEntry entry;
    entry.path = "file";
    entry.mode = 0644;
    entry.size = 5;
    Sha256 hash;
    hash.Update("hello");
    entry.digest = hash.Finish();
    entry.open = [&]() -> Result<UniqueFd> {
      return UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    };
    REQUIRE(plan.Add(std::move(entry)));
    REQUIRE(plan.Close());
    Overwrite(path, "hello");
    CHECK(WriteLayer(plan, 0, *store, {}));
    Overwrite(path, now);
    CHECK(WriteLayer(plan, 0, *store, {}).error().code == ErrorCode::kInvalidArgument);
  }
  CHECK(store->All().size() == 1);
}

TEST_CASE("the layer cache forgets what is damaged") {
  const Scratch scratch;
  const auto store = StoreIn(scratch.path);
  const auto cache = LayerCache::Open(*store);
  REQUIRE(cache);
  const LayerPlan plan = PlanOf({{"a", "1"}});
  const std::string key = plan.Key(0);
  CHECK_FALSE((*cache)->Find(key));
  const auto layer = WriteLayer(plan, 0, *store, {});
  REQUIRE(layer);
  REQUIRE((*cache)->Put(key, *layer));
  REQUIRE((*cache)->Find(key));
  CHECK((*cache)->Find(key)->blob.digest == layer->blob.digest);
  CHECK((*cache)->Find(key)->diff_id == layer->diff_id);

  Overwrite(PathOf(*store, layer->blob.digest),
            std::string(static_cast<std::size_t>(layer->blob.size), 'x'));
  CHECK_FALSE((*cache)->Find(key));
  CHECK_FALSE(fs::exists(scratch.path / "layers" / key));

  for (const std::string broken : {"", "{}", "[]", "{\"blob\":7}", "\xff"}) {
    Overwrite(scratch.path / "layers" / key, broken);
    CHECK_FALSE((*cache)->Find(key));
  }
  // Every byte of a record counts, and whose it is.
  const auto again = WriteLayer(plan, 0, *store, {});
  REQUIRE(again);
  REQUIRE((*cache)->Put(key, *again));
  const std::string record = ReadFile((scratch.path / "layers" / key).string(), 4096).value();
  for (std::size_t i = 0; i < record.size(); ++i) {
    std::string other = record;
    other[i] ^= 1;
    Overwrite(scratch.path / "layers" / key, other);
    CHECK_FALSE((*cache)->Find(key));
  }
  Overwrite(scratch.path / "layers" / "other", record);
  CHECK_FALSE((*cache)->Find("other"));
}

TEST_CASE("the layer cache keeps nothing that nobody can use") {
  const Scratch scratch;
  const auto store = StoreIn(scratch.path);
  const auto cache = LayerCache::Open(*store);
  const LayerPlan used = PlanOf({{"a", "1"}});
  const LayerPlan gone = PlanOf({{"b", "2"}});
  for (const LayerPlan* plan : {&used, &gone}) {
    const auto layer = WriteLayer(*plan, 0, *store, {});
    REQUIRE(layer);
    REQUIRE((*cache)->Put(plan->Key(0), *layer));
    if (plan == &gone) {
      REQUIRE(store->Remove(layer->blob.digest));
    }
  }
  const auto held = (*cache)->LockFor("held", {});
  REQUIRE((*cache)->LockFor("free", {}));
  Overwrite(scratch.path / "layers" / ".new-1", "half");
  const auto names = [&] {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(scratch.path / "layers")) {
      found.insert(entry.path().filename().string());
    }
    return found;
  };
  (*cache)->Sweep(0);
  CHECK(names().size() == 5);  // all of it is young
  (*cache)->Sweep(std::numeric_limits<std::int64_t>::max());
  CHECK(names() == std::set<std::string>{used.Key(0), ".lock-held"});
  CHECK((*cache)->Find(used.Key(0)));
}

TEST_CASE("who waits for a layer finds it") {
  const Scratch scratch;
  const auto store = StoreIn(scratch.path);
  const auto cache = LayerCache::Open(*store);
  auto lock = (*cache)->LockFor("key", {});
  REQUIRE(lock);
  std::stop_source stop;
  std::atomic<bool> is_done = false;
  std::thread second([&] {
    CHECK((*cache)->LockFor("key", {}));
    is_done = true;
  });
  CHECK_FALSE(is_done);
  lock->Reset();
  second.join();
  CHECK(is_done);
  const auto held = (*cache)->LockFor("key", {});
  stop.request_stop();
  CHECK((*cache)->LockFor("key", stop.get_token()).error().code == ErrorCode::kCancelled);
}

TEST_CASE("an image on nothing, and one on that") {
  const Scratch scratch;
  const auto store = StoreIn(scratch.path);
  const auto layer = WriteLayer(PlanOf({{"a", "1"}}), 0, *store, {});
  REQUIRE(layer);
  ImageSettings settings;
  settings.created_s = 1700000000;
  settings.command = {"/a"};
  settings.has_command = true;
  settings.environment = {{"PATH", "/usr/bin"}, {"A", "1"}};
  settings.labels = {{"one", "1"}};
  settings.health_check = ImageHealthCheck{.command = {"/a", "check"}};
  const auto base = WriteImage("", {{*layer, "base"}}, settings, ImageFormat::kOci, *store);
  REQUIRE(base);
  CHECK(base->layers.size() == 1);
  const json config = json::parse(store->Read(base->config.digest, 1 << 20).value());
  CHECK(config["created"] == "2023-11-14T22:13:20Z");
  CHECK(config["config"]["Env"] == json::array({"A=1", "PATH=/usr/bin"}));
  CHECK(config["config"]["Healthcheck"]["Test"] == json::array({"CMD", "/a", "check"}));
  CHECK(config["config"]["Healthcheck"]["Interval"] == 30'000'000'000);

  const auto second = WriteLayer(PlanOf({{"b", "2"}}), 0, *store, {});
  ImageSettings more;
  more.environment = {{"A", "2"}, {"B", "3"}};
  more.entrypoint = {"/b"};
  more.labels = {{"two", "2"}};
  for (const ImageFormat format : {ImageFormat::kOci, ImageFormat::kDocker}) {
    const auto image = WriteImage(base->manifest.digest, {{*second, "mine"}}, more, format, *store);
    REQUIRE(image);
    CHECK(image->layers.size() == 2);
    CHECK(image->layers[0].digest == base->layers[0].digest);
    const bool is_oci = format == ImageFormat::kOci;
    for (const Descriptor& each : image->layers) {
      CHECK(each.media_type == (is_oci ? kLayerType : kDockerLayerType));
    }
    CHECK(image->manifest.media_type == (is_oci ? kManifestType : kDockerManifestType));
    const json made = json::parse(store->Read(image->config.digest, 1 << 20).value());
    CHECK(made["config"]["Env"] == json::array({"A=2", "PATH=/usr/bin", "B=3"}));
    CHECK(made["config"]["Labels"] == json({{"one", "1"}, {"two", "2"}}));
    CHECK_FALSE(made["config"].contains("Cmd"));
    CHECK(made["history"].size() == 2);
    CHECK(made["rootfs"]["diff_ids"] == json::array({layer->diff_id, second->diff_id}));
    CHECK(WriteImage(base->manifest.digest, {{*second, "mine"}}, more, format, *store)
              ->manifest.digest == image->manifest.digest);
  }
}

TEST_CASE("a base that is none is refused") {
  const Scratch scratch;
  const auto store = StoreIn(scratch.path);
  const auto layer = WriteLayer(PlanOf({{"a", "1"}}), 0, *store, {});
  const auto base = WriteImage("", {{*layer, "base"}}, {}, ImageFormat::kOci, *store);
  const auto on = [&](const std::string& digest, const std::string& architecture = "amd64") {
    ImageSettings settings;
    settings.architecture = architecture;
    const auto image = WriteImage(digest, {}, settings, ImageFormat::kOci, *store);
    return image ? std::string("image") : image.error().message;
  };
  const auto put = [&](const json& document) { return store->Put("", document.dump())->digest; };
  CHECK(on(base->manifest.digest) == "image");
  CHECK_THAT(on(base->manifest.digest, "arm64"), Catch::Contains("for arm64"));
  CHECK_THAT(on(put(json::array())), Catch::Contains("an object"));
  CHECK_THAT(on(put({{"config", 7}})), Catch::Contains("mediaType, digest and size"));
  CHECK_THAT(on(put({{"config", ToJson(base->config)}})), Catch::Contains("layers"));
  CHECK_THAT(on(put({{"config", ToJson(base->config)}, {"layers", json::array()}})),
             Catch::Contains("diff_id for each"));
  Descriptor foreign = layer->blob;
  foreign.media_type = "application/x-foreign";
  CHECK_THAT(on(put({{"config", ToJson(base->config)}, {"layers", {ToJson(foreign)}}})),
             Catch::Contains("tar, gzip or zstd"));
  Descriptor missing = layer->blob;
  missing.digest = "sha256:" + std::string(64, '1');
  CHECK_THAT(on(put({{"config", ToJson(base->config)}, {"layers", {ToJson(missing)}}})),
             Catch::Contains("is missing"));
  const json entry = {{"mediaType", kManifestType},
                      {"digest", base->manifest.digest},
                      {"size", base->manifest.size},
                      {"platform", {{"os", "linux"}, {"architecture", "amd64"}}}};
  CHECK(on(put({{"manifests", {entry}}})) == "image");
  CHECK_THAT(on(put({{"manifests", json::array()}})), Catch::Contains("linux/amd64"));
}

}  // namespace
}  // namespace casemate::oci
