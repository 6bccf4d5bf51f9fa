// Manifests: manifests.json holds right and wrong ones with the path of what is wrong; a test of
// the program (tests/e2e/manifest.test.mjs) holds the published schema to the same table.
#include <fcntl.h>

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/unique_fd.h"
#include "tools/analysis/analyse.h"
#include "tools/package/graph.h"
#include "tools/package/manifest_diff.h"
#include "tools/package/manifest_generate.h"
#include "tools/package/manifest_read.h"

namespace casemate::package {
namespace {

using nlohmann::json;

json Cases() {
  return json::parse(std::ifstream(CASEMATE_TEST_MANIFESTS));
}

json CaseOf(const std::string& name) {
  for (const json& each : Cases()) {
    if (each["name"] == name) {
      return each["manifest"];
    }
  }
  FAIL("no case " << name);
  return {};
}

TEST_CASE("manifests that are right are read, others are refused with the path") {
  for (const json& each : Cases()) {
    CAPTURE(each["name"]);
    const auto read = ReadManifest(each["manifest"]);
    if (!each.contains("error")) {
      CHECK(read.ok());
      if (!read) {
        CHECK(Describe(read.error()).empty());
      }
      continue;
    }
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().field == each["error"].get<std::string>());
    CHECK_THAT(read.error().message, Catch::Contains("expected") || Catch::Contains("unknown"));
  }
}

TEST_CASE("what a manifest says is what is read") {
  const auto read = ReadManifest(CaseOf("all members"));
  REQUIRE(read);
  CHECK(read->name == "shop");
  CHECK(read->packaging.tagging == Tagging::kVersion);
  CHECK(read->packaging.source_date_epoch == 1700000000);
  const Application* web = read->FindApplication("web");
  REQUIRE(web != nullptr);
  CHECK(web->port == 8080);
  CHECK(web->health_check->kind == HealthCheck::Kind::kHttp);
  CHECK(web->health_check->port == 8080);  // the application's
  CHECK(web->health_check->start_period_s == 3);
  const Container* shop = read->FindContainer("shop");
  REQUIRE(shop != nullptr);
  CHECK(shop->builder == BuilderKind::kOci);
  CHECK(shop->limits.memory_mb == 256);
  CHECK(shop->limits.cpus == 0.5);
  CHECK(read->FindContainer("tools")->files[0].to == "/tool");
  const auto least = ReadManifest(CaseOf("the least"));
  CHECK(least->packaging.source_date_epoch == kDefaultEpoch);
  CHECK(least->packaging.tagging == Tagging::kHash);
}

TEST_CASE("the hash knows what is said, not how it is written") {
  const json full = CaseOf("all members");
  const std::string hash = ManifestHash(full).value();
  json other = full;
  other.erase("$schema");
  CHECK(ManifestHash(other).value() == hash);
  CHECK(ManifestHash(json::parse(full.dump(7))).value() == hash);
  other["project"]["version"] = "1.4.1";
  CHECK(ManifestHash(other).value() != hash);
  // sha256sum of the canonical text.
  CHECK(ManifestHash(CaseOf("the least")).value() ==
        "8a12ae79a087d1960e3af9868f15ec7c3ae368e604216a7c3d50b0cc4e8cec1c");
  CHECK(CanonicalManifest(CaseOf("the least")).value() ==
        R"({"manifest_version":"1.0","project":{"name":"a"}})");
}

TEST_CASE("a document is read strictly") {
  CHECK_THAT(ParseManifest("{\"a\":1,\"a\":2}").error().message, Catch::Contains("duplicate"));
  CHECK_FALSE(ParseManifest("{} x"));
  CHECK_FALSE(ParseManifest("{\"a\":\"\xff\"}"));
  CHECK_FALSE(ParseManifest(std::string(kMaxManifestBytes + 1, ' ')));
}

json Apps(const std::vector<std::pair<std::string, std::vector<std::string>>>& apps) {
  json document = {{"manifest_version", "1.0"}, {"project", {{"name", "p"}}}};
  for (const auto& [name, before] : apps) {
    document["applications"].push_back({{"name", name}, {"depends_on", before}});
  }
  return document;
}

TEST_CASE("applications come after what they depend on") {
  const auto order = [](const json& document) {
    const auto manifest = ReadManifest(document);
    REQUIRE(manifest);
    return BuildOrder(*manifest).value();
  };
  using Names = std::vector<std::string>;
  CHECK(order(Apps({{"a", {}}, {"b", {}}, {"c", {}}})) == Names{"a", "b", "c"});
  CHECK(order(Apps({{"a", {"c"}}, {"b", {}}, {"c", {"b"}}})) == Names{"b", "c", "a"});
  CHECK(order(Apps({{"d", {"b", "c"}}, {"c", {"a"}}, {"b", {"a"}}, {"a", {}}})) ==
        Names{"a", "b", "c", "d"});
}

TEST_CASE("a cycle is shown, from where it begins") {
  const auto message = [](const json& document) { return ReadManifest(document).error().message; };
  CHECK_THAT(message(Apps({{"a", {"b"}}, {"b", {"c"}}, {"c", {"b"}}})),
             Catch::Contains("b → c → b") && !Catch::Contains("a → b"));
  CHECK_THAT(message(Apps({{"a", {"a"}}})), Catch::Contains("a → a"));
}

TEST_CASE("a graph for Graphviz quotes names") {
  const auto manifest = ReadManifest(CaseOf("all members"));
  CHECK_THAT(GraphDot(*manifest),
             Catch::Contains("\"web\" -> \"core\";") && Catch::Contains("label=\"shop\""));
  CHECK_THAT(GraphText(*manifest).value(),
             Catch::StartsWith("1. core  in shop\n2. web  after core"));
}

TEST_CASE("changes are told by names, not places") {
  const json before = CaseOf("all members");
  CHECK(DiffManifests(before, before).empty());
  json after = before;
  after["$schema"] = "other";
  CHECK(DiffManifests(before, after).empty());
  std::swap(after["applications"][0], after["applications"][1]);
  auto changes = DiffManifests(before, after);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].path == "applications (order)");
  after = before;
  after["applications"][1]["port"] = 81;
  after["applications"][1].erase("framework");
  after["containers"].erase(2);
  changes = DiffManifests(before, after);
  REQUIRE(changes.size() == 3);
  CHECK(changes[0].path == "applications[web].framework");
  CHECK(changes[0].kind == ManifestChange::Kind::kRemoved);
  CHECK(changes[1].path == "applications[web].port");
  CHECK(changes[1].before == "8080");
  CHECK(changes[1].after == "81");
  CHECK(changes[2].path == "containers[site]");
}

TEST_CASE("a manifest for each of our projects") {
  int made = 0;
  for (const std::string language :
       {"go", "python", "javascript", "node", "jvm", "ruby", "php", "native"}) {
    const std::string all = std::string(CASEMATE_TEST_PROJECTS) + "/" + language;
    if (!std::filesystem::exists(all)) {
      continue;
    }
    for (const auto& project : std::filesystem::directory_iterator(all)) {
      if (!project.is_directory()) {
        continue;
      }
      const UniqueFd directory(open(project.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      const auto analysis = analysis::AnalyseProject(directory.get(), {}, {});
      REQUIRE(analysis);
      if (analysis->apps.empty()) {
        continue;
      }
      CAPTURE(project.path());
      const auto manifest = GenerateManifest(*analysis, project.path().filename());
      if (!manifest) {
        CHECK(Describe(manifest.error()).empty());
        continue;
      }
      ++made;
      const auto document = ParseManifest(manifest->text);
      REQUIRE(document);
      const auto read = ReadManifest(*document);
      REQUIRE(read);
      CHECK(read->applications.size() == analysis->apps.size());
    }
  }
  CHECK(made > 60);
}

TEST_CASE("names are made of anything") {
  CHECK(AsName("My Shop (v2)") == "my-shop-v2");
  CHECK(AsName("…") == "project");
  CHECK(AsName("a__b") == "a-b");
  CHECK(AsName(std::string(62, 'a') + "-b") == std::string(62, 'a'));
}

}  // namespace
}  // namespace casemate::package
