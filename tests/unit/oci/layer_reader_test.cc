// Layers are read as they were written, by us and by others, and within bounds.
#include "sandbox/container/oci/layer_reader.h"

#include "sandbox/container/oci/layer.h"
#include "tests/unit/oci/fixtures.h"

namespace casemate::oci {
namespace {

using fixtures::File;
using fixtures::Gzip;
using fixtures::Recorder;
using fixtures::Scratch;
using fixtures::StoreIn;
using fixtures::Tar;
using fixtures::Typed;
using Strings = std::vector<std::string>;

constexpr std::string_view kPlain = "application/vnd.oci.image.layer.v1.tar";

Result<LayerContent> ReadBytes(const std::string& bytes, TarVisitor& visitor,
                               std::size_t step = 4096, const LayerLimits& limits = {}) {
  LayerStream stream(LayerCompression::kGzip, limits, visitor, {});
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    if (auto fed = stream.Feed(std::string_view(bytes).substr(at, step)); !fed) {
      return fed.error();
    }
  }
  return stream.Finish();
}

TEST_CASE("a layer that we write is read as it was planned") {
  const Scratch scratch;
  const auto store = StoreIn(scratch.path);
  LayerPlan plan;
  REQUIRE(plan.AddText("app/" + std::string(200, 'x'), "long", 0755));
  REQUIRE(plan.AddText("app/b", std::string(3 << 20, 'b'), 0644));
  LayerEntry link;
  link.path = "app/link";
  link.type = TarType::kSymlink;
  link.mode = 0777;
  link.link_target = std::string(300, 't');
  REQUIRE(plan.Add(link));
  LayerEntry owned;
  owned.path = "data";
  owned.type = TarType::kDirectory;
  owned.mode = 01777;
  owned.uid = 4'000'000'000;  // more than a header of ustar holds
  owned.gid = 2'097'152;
  REQUIRE(plan.Add(owned));
  REQUIRE(plan.Close());
  const auto layer = WriteLayer(plan, 1700000000, *store, {});
  REQUIRE(layer);
  Recorder recorder;
  const auto read = ReadLayer(layer->blob, *store, {}, recorder, {});
  REQUIRE(read);
  CHECK(read->diff_id == layer->diff_id);
  CHECK(read->tar_bytes == layer->tar_bytes);
  CHECK(read->entries == 5);
  CHECK(recorder.lines ==
        Strings{"5 755 0:0 0 @1700000000 app",
                "0 644 0:0 3145728 @1700000000 app/b = " + DigestOf(std::string(3 << 20, 'b')),
                "2 777 0:0 0 @1700000000 app/link -> " + std::string(300, 't'),
                "0 755 0:0 4 @1700000000 app/" + std::string(200, 'x') + " = long",
                "5 1777 4000000000:2097152 0 @1700000000 data"});
}

TEST_CASE("members of gzip in any number, and zeros after them") {
  const std::string tar = Tar({File("a", "1"), File("b", "2")});
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
    for (const std::string& bytes :
         {Gzip(tar), Gzip(tar.substr(0, 700)) + Gzip("") + Gzip(tar.substr(700)),
          Gzip(tar) + std::string(100, '\0')}) {
      Recorder recorder;
      const auto read = ReadBytes(bytes, recorder, step);
      REQUIRE(read);
      CHECK(read->diff_id == DigestOf(tar));
      CHECK(recorder.lines.size() == 2);
    }
    for (const std::string& bytes :
         {Gzip(tar) + "x", Gzip(tar) + std::string(3, '\0') + "x", Gzip(tar) + "\x1f",
          Gzip(tar) + std::string(1, '\0') + Gzip(tar), std::string(), std::string(20, '\0'),
          std::string("plain text"), tar}) {
      Recorder recorder;
      const auto read = ReadBytes(bytes, recorder, step);
      REQUIRE_FALSE(read);
      CHECK(read.error().code == ErrorCode::kInvalidArgument);
      CHECK_THAT(read.error().message, Catch::Contains("gzip"));
    }
  }
  std::string wrong_sum = Gzip(tar);
  wrong_sum[wrong_sum.size() - 6] ^= 1;
  Recorder recorder;
  CHECK_FALSE(ReadBytes(wrong_sum, recorder));
}

TEST_CASE("a compressed layer that is cut anywhere is an error") {
  const std::string bytes = Gzip(Tar({File("a", "1"), File("b", std::string(5000, 'b'))}));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Recorder recorder;
    CHECK_FALSE(ReadBytes(bytes.substr(0, size), recorder));
  }
}

TEST_CASE("a layer that grows beyond its limit is not read to its end") {
  class Counter : public TarVisitor {
   public:
    Result<void> Entry(const TarHeader& /*header*/) override { return {}; }
    Result<void> Content(std::string_view bytes) override {
      got += bytes.size();
      return {};
    }
    std::size_t got = 0;
  };
  const std::string bomb = Gzip(Tar({File("zeros", std::string(64 << 20, '\0'))}));
  CHECK(bomb.size() < 100'000);
  LayerLimits limits;
  limits.max_bytes = 1 << 20;
  Counter counter;
  // The size in the header is too much already.
  CHECK(ReadBytes(bomb, counter, 4096, limits).error().code == ErrorCode::kInvalidArgument);
  std::vector<fixtures::Raw> many(1000, File("zeros", std::string(64 << 10, '\0')));
  CHECK(ReadBytes(Gzip(Tar(many)), counter, 4096, limits).error().code ==
        ErrorCode::kResourceExhausted);
  CHECK(counter.got <= (1 << 20));
  limits = {};
  limits.max_entries = 999;
  CHECK_THAT(ReadBytes(Gzip(Tar(many)), counter, 4096, limits).error().message,
             Catch::Contains("999 entries"));
}

TEST_CASE("a layer is found by its descriptor and compared with it") {
  const Scratch scratch;
  const auto store = StoreIn(scratch.path);
  const std::string tar = Tar({File("a", "1")});
  const auto read = [&](const Descriptor& layer, const std::stop_token& stop = {}) {
    Recorder recorder;
    return ReadLayer(layer, *store, {}, recorder, stop);
  };
  const Descriptor plain = store->Put(kPlain, tar).value();
  CHECK(read(plain).value().diff_id == plain.digest);
  Descriptor gzip = store->Put(kDockerLayerType, Gzip(tar)).value();
  CHECK(read(gzip).value().diff_id == plain.digest);
  Descriptor as_other = plain;
  as_other.media_type = kLayerType;
  CHECK(read(as_other).error().code == ErrorCode::kInvalidArgument);
  as_other.media_type = "application/vnd.oci.image.layer.v1.tar+zstd";
  CHECK(read(as_other).error().code == ErrorCode::kUnavailable);
  CHECK(read(as_other).error().message == "this build does not read zstd");
  as_other.media_type = "application/x-other";
  CHECK(read(as_other).error().code == ErrorCode::kInvalidArgument);
  Descriptor sized = plain;
  sized.size += 1;
  CHECK(read(sized).error().code == ErrorCode::kDataLoss);
  std::stop_source stop;
  stop.request_stop();
  CHECK(read(gzip, stop.get_token()).error().code == ErrorCode::kCancelled);
  // Damaged: said so even where the archive is wrong for it.
  std::string damaged = tar;
  damaged[0] = 'b';
  std::ofstream(scratch.path / "blobs/sha256" / std::string(HexOf(plain.digest)), std::ios::binary)
      << damaged;
  CHECK(read(plain).error().code == ErrorCode::kDataLoss);
  CHECK(read(plain).error().code == ErrorCode::kNotFound);
}

}  // namespace
}  // namespace casemate::oci
