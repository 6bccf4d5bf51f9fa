// What is called unchanged is what would be made anew.
#include "tools/package/project_build.h"

#include <fcntl.h>

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/unique_fd.h"
#include "tools/package/manifest_read.h"

namespace casemate::package {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class Packaging {
 public:
  Packaging() {
    std::string name = (fs::temp_directory_path() / "casemate-build-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    root_ = name;
    fs::create_directories(project());
    auto store = Store::Open((root_ / "casemate.db").string());
    REQUIRE(store);
    store_ = *std::move(store);
    auto artifacts = artifacts::ArtifactStore::Open(*store_, root_.string());
    REQUIRE(artifacts);
    artifacts_ = *std::move(artifacts);
  }
  Packaging(const Packaging&) = delete;
  Packaging& operator=(const Packaging&) = delete;
  ~Packaging() { fs::remove_all(root_); }

  [[nodiscard]] fs::path project() const { return root_ / "project"; }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(project() / name, std::ios::trunc) << text;
  }

  BuiltContainer Build(const json& document) {
    const auto manifest = ReadManifest(document);
    REQUIRE(manifest);
    const auto key = SigningKey::LoadOrMake(root_.string());
    REQUIRE(key);
    const UniqueFd directory(open(project().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto built = BuildProject({*manifest, document, directory.get(), "casemate.json"}, {},
                                    *key, *artifacts_, nullptr, {});
    INFO((built ? "" : built.error().message));
    REQUIRE(built);
    REQUIRE(built->containers.size() == 1);
    return built->containers[0];
  }

 private:
  fs::path root_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<artifacts::ArtifactStore> artifacts_;
};

json ManifestWith(const json& application) {
  return {{"manifest_version", "1.0"},
          {"project", {{"name", "shop"}}},
          {"applications", {application}},
          {"containers", {{{"name", "shop"}, {"applications", {"core"}}, {"base", "scratch"}}}}};
}

TEST_CASE("sources that have not changed are not packaged again") {
  Packaging packaging;
  const json manifest = ManifestWith({{"name", "core"}, {"command", {"./core"}}});
  packaging.Write("core", "one");
  const auto first = packaging.Build(manifest);
  CHECK_FALSE(first.cached);
  const auto second = packaging.Build(manifest);
  CHECK(second.cached);
  CHECK(second.artifact.id == first.artifact.id);
  packaging.Write("core", "two");
  const auto third = packaging.Build(manifest);
  CHECK_FALSE(third.cached);
  CHECK(third.artifact.image_digest != first.artifact.image_digest);
}

// Outputs are no part of the identity: who packages, builds and packages again gets what was built.
TEST_CASE("an output that was built anew is packaged, though no source has changed") {
  Packaging packaging;
  const json manifest = ManifestWith({{"name", "core"},
                                      {"command", {"./core"}},
                                      {"build", {{"commands", {"make"}}, {"outputs", {"core"}}}}});
  packaging.Write("core.c", "source");
  packaging.Write("core", "one");
  const auto first = packaging.Build(manifest);
  const auto same = packaging.Build(manifest);
  CHECK(same.cached);
  CHECK(same.artifact.id == first.artifact.id);
  packaging.Write("core", "two");
  const auto second = packaging.Build(manifest);
  CHECK_FALSE(second.cached);
  CHECK(second.artifact.source_hash == first.artifact.source_hash);
  CHECK(second.artifact.image_digest != first.artifact.image_digest);
}

}  // namespace
}  // namespace casemate::package
