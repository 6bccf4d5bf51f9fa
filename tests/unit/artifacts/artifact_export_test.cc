#include "tools/artifacts/artifact_export.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "tests/unit/artifacts/image_fixture.h"

namespace casemate::artifacts {
namespace {

using nlohmann::json;
using test::Fixture;
using test::Image;
using test::PutImage;

// As `tar` reads it.
void Unpack(const std::string& file, const std::string& directory) {
  std::filesystem::create_directory(directory);
  REQUIRE(std::system(("tar -xf '" + file + "' -C '" + directory + "'").c_str()) == 0);  // NOLINT
}

json JsonOf(const std::string& path) {
  return json::parse(*ReadFile(path, 1 << 20));
}

struct Exported : Fixture {
  Image image = PutImage(artifacts->blobs(), {"one", std::string(700'000, 'x'), "one"});
  Artifact made = Record(Facts(image.digest));
  Result<void> Export(ExportFormat format, const std::string& output) {
    return ExportArtifact(artifacts->blobs(), made, format, output);
  }
  // Nothing but what was there before.
  void CheckNothingIn(const std::string& directory, std::size_t names) {
    CHECK(ListNames(directory).size() == names);
  }
};

TEST_CASE_METHOD(Exported, "An image layout is a directory or an archive of the same files",
                 "[artifacts]") {
  REQUIRE(Export(ExportFormat::kOci, dir / "out/"));
  REQUIRE(Export(ExportFormat::kOci, dir / "out.tar"));
  Unpack(dir / "out.tar", dir / "unpacked");
  CHECK(std::system(("diff -r '" + (dir / "out") + "' '" + (dir / "unpacked") + "'").c_str()) ==
        0);  // NOLINT
  CHECK(JsonOf(dir / "out/oci-layout") == json{{"imageLayoutVersion", "1.0.0"}});
  const json index = JsonOf(dir / "out/index.json");
  CHECK(index["schemaVersion"] == 2);
  REQUIRE(index["manifests"].size() == 1);
  const json& entry = index["manifests"][0];
  CHECK(entry["mediaType"] == oci::kManifestType);
  CHECK(entry["digest"] == image.digest);
  CHECK(entry["annotations"]["org.opencontainers.image.ref.name"] == "shop:1.0");
  CHECK(entry["annotations"]["io.containerd.image.name"] == "docker.io/library/shop:1.0");
  CHECK(ListNames(dir / "out/blobs/sha256").size() == 4);
  for (const std::string& name : ListNames(dir / "out/blobs/sha256")) {
    CHECK("sha256:" + name ==
          oci::DigestOf(*ReadFile(dir / ("out/blobs/sha256/" + name), 1 << 20)));
  }
  // As another program gets it through a pipe.
  const int kept = dup(STDOUT_FILENO);
  const int file = open((dir / "stdout.tar").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(dup2(file, STDOUT_FILENO) == STDOUT_FILENO);
  const auto piped = Export(ExportFormat::kOci, "-");
  REQUIRE(dup2(kept, STDOUT_FILENO) == STDOUT_FILENO);
  close(kept);
  close(file);
  CHECK(piped);
  CHECK(*ReadFile(dir / "stdout.tar", 4 << 20) == *ReadFile(dir / "out.tar", 4 << 20));
  // The same bytes again, in the place of the first.
  const std::string before = *ReadFile(dir / "out.tar", 4 << 20);
  REQUIRE(Export(ExportFormat::kOci, dir / "out.tar"));
  CHECK(*ReadFile(dir / "out.tar", 4 << 20) == before);
}

TEST_CASE_METHOD(Exported, "An archive for docker load names config, layers and image",
                 "[artifacts]") {
  REQUIRE(Export(ExportFormat::kDockerArchive, dir / "out.tar"));
  Unpack(dir / "out.tar", dir / "unpacked");
  const json list = JsonOf(dir / "unpacked/manifest.json");
  REQUIRE(list.size() == 1);
  const json& entry = list[0];
  CHECK(entry["RepoTags"] == json::array({"shop:1.0"}));
  CHECK(entry["Config"] == std::string(oci::HexOf(image.config)) + ".json");
  CHECK(oci::DigestOf(*ReadFile(dir / ("unpacked/" + entry["Config"].get<std::string>()),
                                1 << 20)) == image.config);
  REQUIRE(entry["Layers"].size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(oci::DigestOf(*ReadFile(dir / ("unpacked/" + entry["Layers"][i].get<std::string>()),
                                  1 << 20)) == image.layers[i]);
  }
  CHECK_FALSE(Export(ExportFormat::kDockerArchive, dir / "directory"));
}

TEST_CASE_METHOD(Exported, "What is there is not overwritten, and a failure leaves nothing",
                 "[artifacts]") {
  std::filesystem::create_directories(dir / "outer/full");
  std::ofstream(dir / "outer/full/mine") << "mine";
  std::ofstream(dir / "outer/file") << "mine";
  for (const char* name : {"outer/full", "outer/file"}) {
    auto refused = Export(ExportFormat::kOci, dir / name);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().field == "--output");
  }
  CHECK_FALSE(Export(ExportFormat::kOci, dir / "nowhere/out.tar"));
  CHECK_FALSE(Export(ExportFormat::kOci, ""));
  CheckNothingIn(dir / "outer", 2);
  std::filesystem::create_directory(dir / "outer/empty");
  CHECK(Export(ExportFormat::kOci, dir / "outer/empty"));
  CheckNothingIn(dir / "outer", 3);

  SECTION("a damaged layer") {
    std::fstream file(PathOf(image.layers[1]), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(500'000);
    file.put('!');
    file.close();
    CHECK(Export(ExportFormat::kOci, dir / "outer/a.tar").error().code == ErrorCode::kDataLoss);
  }
  SECTION("a missing layer") {
    std::filesystem::remove(PathOf(image.layers[1]));
    const auto format = GENERATE(ExportFormat::kOci, ExportFormat::kDockerArchive);
    CHECK(Export(format, dir / "outer/a.tar").error().code == ErrorCode::kNotFound);
    CHECK_FALSE(Export(ExportFormat::kOci, dir / "outer/b"));
  }
  CheckNothingIn(dir / "outer", 3);
}

TEST_CASE_METHOD(Exported, "A full disk leaves nothing behind", "[artifacts]") {
  const std::string small = dir / "small";
  std::filesystem::create_directory(small);
  if (mount("none", small.c_str(), "tmpfs", 0, "size=300k") != 0) {
    WARN("cannot mount a small file system: a full disk is not tested");
    return;
  }
  CHECK(Export(ExportFormat::kOci, small + "/a.tar").error().code == ErrorCode::kResourceExhausted);
  CHECK(Export(ExportFormat::kOci, small + "/a").error().code == ErrorCode::kResourceExhausted);
  CheckNothingIn(small, 0);
  CHECK(umount2(small.c_str(), MNT_DETACH) == 0);
}

// Of both engines, what they say of an image that they loaded.
TEST_CASE_METHOD(Fixture, "Docker and Podman load what is exported", "[.][engines]") {
  const char* docker = std::getenv("CASEMATE_TEST_DOCKER");  // NOLINT(concurrency-mt-unsafe)
  const char* podman = std::getenv("CASEMATE_TEST_PODMAN");  // NOLINT(concurrency-mt-unsafe)
  REQUIRE(docker != nullptr);
  REQUIRE(podman != nullptr);
  const auto shell = [](const std::string& command) {
    INFO(command);
    CHECK(std::system(command.c_str()) == 0);  // NOLINT: a test, without threads
  };
  // A layer as the packager writes them: a tar archive, compressed.
  std::filesystem::create_directory(dir / "root");
  std::ofstream(dir / "root/greeting") << "good morning\n";
  shell("tar -cf '" + (dir / "layer.tar") + "' -C '" + (dir / "root") + "' greeting");
  shell("gzip -k -n '" + (dir / "layer.tar") + "'");
  const std::string diff = oci::DigestOf(*ReadFile(dir / "layer.tar", 1 << 20));
  const Image image =
      PutImage(artifacts->blobs(), {*ReadFile(dir / "layer.tar.gz", 1 << 20)},
               R"({"architecture":"amd64","os":"linux","config":{"Cmd":["/greet"]},)"
               R"("rootfs":{"type":"layers","diff_ids":[")" +
                   diff + R"("]}})");
  const Artifact made = Record(Facts(image.digest));
  REQUIRE(ExportArtifact(artifacts->blobs(), made, ExportFormat::kOci, dir / "oci.tar"));
  REQUIRE(
      ExportArtifact(artifacts->blobs(), made, ExportFormat::kDockerArchive, dir / "docker.tar"));

  const std::string by_docker = "docker -H unix://" + std::string(docker) + " ";
  const std::string by_podman = "podman --remote --url unix://" + std::string(podman) + " ";
  struct Load {
    std::string engine;
    std::string file;
    std::string name;
  };
  for (const auto& [engine, file, name] :
       {Load{by_docker, "docker.tar", "shop:1.0"}, Load{by_podman, "docker.tar", "shop:1.0"},
        Load{by_podman, "oci.tar", "docker.io/library/shop:1.0"}}) {
    shell(engine + "load -i '" + (dir / file) + "' >/dev/null");
    shell(engine +
          "image inspect --format '{{.Config.Cmd}} {{range .RootFS.Layers}}{{.}}{{end}}' " + name +
          " > '" + (dir / "said") + "'");
    CHECK(*ReadFile(dir / "said", 1 << 20) == "[/greet] " + diff + "\n");
    shell(engine + "rmi " + name + " >/dev/null");
  }
}

}  // namespace
}  // namespace casemate::artifacts
