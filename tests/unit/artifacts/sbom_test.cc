#include "tools/artifacts/sbom.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "tests/unit/analysis/project_files.h"
#include "tools/artifacts/packages.h"

namespace casemate::artifacts {
namespace {

using analysis::test::ProjectFiles;
using Catch::Contains;
using nlohmann::json;
using Lines = std::vector<std::string>;

const std::string kHex64(64, 'a');
const std::string kHex40(40, 'b');
// Of 64 bytes "c", and of 32 bytes "d".
const std::string kSri512 = "sha512-" + EncodeBase64(std::string(64, 'c'));
const std::string kGoSum = "h1:" + EncodeBase64(std::string(32, 'd'));

json Bom(const SbomInput& input) {
  auto text = MakeSbom(input);
  REQUIRE(text);
  return json::parse(*text);
}

json BomOf(const ProjectFiles& files, const analysis::TreeLimits& limits = {}) {
  const analysis::SourceTree tree = files.Tree(limits);
  SbomInput input;
  input.name = "shop";
  input.sources = &tree;
  return Bom(input);
}

// A line for each component: its package URL, "dev" if it is not needed to run, hashes.
Lines LinesOf(const json& bom) {
  Lines lines;
  for (const json& component : bom["components"]) {
    std::string line = component.value("purl", component["bom-ref"].get<std::string>());
    if (component.value("scope", "") == "excluded") {
      line += " dev";
    }
    for (const json& hash : component.value("hashes", json::array())) {
      line += " " + hash["alg"].get<std::string>() + ":" +
              hash["content"].get<std::string>().substr(0, 4);
    }
    lines.push_back(line);
  }
  return lines;
}

Lines NotesOf(const json& bom) {
  Lines notes;
  for (const json& property : bom["metadata"].value("properties", json::array())) {
    CHECK(property["name"] == "casemate:note");
    notes.push_back(property["value"]);
  }
  return notes;
}

TEST_CASE("Lock files of npm name what is installed", "[artifacts][sbom]") {
  const std::string three = R"({"lockfileVersion": 3, "packages": {
    "": {"name": "shop", "version": "1.0.0"},
    "lib/own": {"version": "0.1.0"},
    "node_modules/own": {"resolved": "lib/own", "link": true},
    "node_modules/express": {"version": "4.18.2", "integrity": ")" +
                            kSri512 + R"("},
    "node_modules/@babel/core": {"version": "7.1.0", "dev": true},
    "node_modules/express/node_modules/ms": {"version": "2.0.0"},
    "node_modules/alias": {"name": "real", "version": "1.0.0"},
    "node_modules/odd": {"version": 7},
    "node_modules/none": {},
    "node_modules/text": "text"}})";
  const Lines expected = {"pkg:npm/%40babel/core@7.1.0 dev", "pkg:npm/express@4.18.2 SHA-512:6363",
                          "pkg:npm/ms@2.0.0", "pkg:npm/odd@7", "pkg:npm/real@1.0.0"};
  CHECK(LinesOf(BomOf({{"package-lock.json", three}})) == expected);
  CHECK(LinesOf(BomOf({{"deep/npm-shrinkwrap.json", three}})) == expected);

  const std::string one = R"({"lockfileVersion": 1, "dependencies": {
    "a": {"version": "1.0.0", "integrity": "sha1-)" +
                          EncodeBase64(std::string(20, 'e')) + R"(",
      "dependencies": {"@s/b": {"version": "2.0.0", "dev": true}}},
    "c": {"version": "npm:@t/d@3.0.0"},
    "own": {"version": "file:own"}}})";
  CHECK(LinesOf(BomOf({{"package-lock.json", one}})) ==
        Lines{"pkg:npm/%40s/b@2.0.0 dev", "pkg:npm/%40t/d@3.0.0", "pkg:npm/a@1.0.0 SHA-1:6565"});
}

TEST_CASE("What is needed to run anywhere is needed", "[artifacts][sbom]") {
  const json bom =
      BomOf({{"a/package-lock.json",
              R"({"packages": {"node_modules/x": {"version": "1.0.0", "dev": true}}})"},
             {"b/package-lock.json", R"({"packages": {"node_modules/x": {"version": "1.0.0"}}})"},
             {"c/package-lock.json",
              R"({"packages": {"node_modules/x": {"version": "1.0.0", "dev": true}}})"}});
  CHECK(LinesOf(bom) == Lines{"pkg:npm/x@1.0.0"});
  CHECK(bom["components"][0]["properties"].size() == 3);
}

TEST_CASE("Lock files of Yarn, old and new", "[artifacts][sbom]") {
  const std::string old = R"(# yarn lockfile v1


"@babel/core@^7.0.0", "@babel/core@^7.1.0":
  version "7.1.0"
  resolved "https://registry.yarnpkg.com/@babel/core/-/core-7.1.0.tgz#)" +
                          kHex40 + R"("
  integrity )" + kSri512 + R"(
  dependencies:
    version "9.9.9"

alias@npm:real@^1.0.0:
  version "1.2.3"

ms@2.0.0:
  version "2.0.0"
)";
  CHECK(LinesOf(BomOf({{"yarn.lock", old}})) ==
        Lines{"pkg:npm/%40babel/core@7.1.0 SHA-1:bbbb SHA-512:6363", "pkg:npm/ms@2.0.0",
              "pkg:npm/real@1.2.3"});
  const std::string berry = R"(__metadata:
  version: 8

"@babel/core@npm:^7.0.0":
  version: 7.1.0
  resolution: "@babel/core@npm:7.1.0"
  checksum: 10/abcdef

"shop@workspace:.":
  version: 0.0.0-use.local
  resolution: "shop@workspace:."
)";
  CHECK(LinesOf(BomOf({{"yarn.lock", berry}})) == Lines{"pkg:npm/%40babel/core@7.1.0"});
}

TEST_CASE("Lock files of pnpm, 5 to 9", "[artifacts][sbom]") {
  CHECK(LinesOf(BomOf({{"pnpm-lock.yaml",
                        "lockfileVersion: '9.0'\npackages:\n"
                        "  '@babel/core@7.1.0':\n    resolution: {integrity: " +
                            kSri512 + "}\n  ms@2.0.0(peer@1.0.0):\n    resolution: {}\n"}})) ==
        Lines{"pkg:npm/%40babel/core@7.1.0 SHA-512:6363", "pkg:npm/ms@2.0.0"});
  CHECK(LinesOf(BomOf({{"pnpm-lock.yaml",
                        "lockfileVersion: '6.0'\npackages:\n"
                        "  /@babel/core@7.1.0(x@1):\n    dev: true\n"
                        "  /ms@2.0.0:\n    dev: false\n"
                        "  file:own:\n    name: own\n    version: 1.0.0\n"}})) ==
        Lines{"pkg:npm/%40babel/core@7.1.0 dev", "pkg:npm/ms@2.0.0", "pkg:npm/own@1.0.0"});
  CHECK(LinesOf(BomOf({{"pnpm-lock.yaml",
                        "lockfileVersion: 5.4\npackages:\n"
                        "  /@babel/core/7.1.0_x@1:\n    dev: true\n"
                        "  /ms/2.0.0:\n    dev: false\n"}})) ==
        Lines{"pkg:npm/%40babel/core@7.1.0 dev", "pkg:npm/ms@2.0.0"});
}

TEST_CASE("Pinned requirements of Python; others are counted", "[artifacts][sbom]") {
  const json bom = BomOf({{"requirements.txt",
                           "# comment\n-r other.txt\n--index-url https://x\n"
                           "Flask_Login==1.2.3 ; python_version > '3' # why\n"
                           "Django[argon2] == 4.2 \\\n    --hash=sha256:" +
                               kHex64 + " \\\n    --hash=sha1:" + kHex40 +
                               "\nrequests>=2\npip\nmany==1.*\nempty==\n"
                               "x @ https://x/==1\ntwo==1,<2\n"},
                          {"requirements-dev.txt", "zope.interface===6.0\n"},
                          {"dev-requirements.txt", "a==1\n"},
                          {"notes.txt", "b==1\n"}});
  CHECK(LinesOf(bom) == Lines{"pkg:pypi/a@1", "pkg:pypi/django@4.2 SHA-1:bbbb SHA-256:aaaa",
                              "pkg:pypi/flask-login@1.2.3", "pkg:pypi/two@1",
                              "pkg:pypi/zope-interface@6.0"});
  CHECK(NotesOf(bom) == Lines{"requirements.txt names 5 packages without their version; they were "
                              "left out"});
}

TEST_CASE("Lock files of poetry, uv and pipenv", "[artifacts][sbom]") {
  CHECK(LinesOf(BomOf({{"poetry.lock",
                        "[[package]]\nname = \"Flask\"\nversion = \"3.0\"\n"
                        "files = [{file = \"a.whl\", hash = \"sha256:" +
                            kHex64 +
                            "\"}]\n[[package]]\nname = \"old\"\nversion = \"1\"\n"
                            "category = \"dev\"\n[metadata.files]\nold = "
                            "[{file = \"o\", hash = \"md5:" +
                            std::string(32, 'f') + "\"}]\n"}})) ==
        Lines{"pkg:pypi/flask@3.0 SHA-256:aaaa", "pkg:pypi/old@1 dev MD5:ffff"});
  CHECK(LinesOf(BomOf({{"uv.lock",
                        "version = 1\n[[package]]\nname = \"shop\"\nversion = \"0.1\"\n"
                        "source = { editable = \".\" }\n[[package]]\nname = \"idna\"\n"
                        "version = \"3.7\"\nsource = { registry = \"https://x\" }\n"
                        "sdist = { url = \"u\", hash = \"sha256:" +
                            kHex64 + "\" }\nwheels = [{ url = \"w\", hash = \"sha1:" + kHex40 +
                            "\" }]\n"}})) == Lines{"pkg:pypi/idna@3.7 SHA-1:bbbb SHA-256:aaaa"});
  CHECK(LinesOf(BomOf({{"Pipfile.lock", R"({"default": {"a": {"version": "==1.0", "hashes":
        ["sha256:)" + kHex64 + R"(", 7]}, "git": {"git": "https://x"}, "w": {"version": "=="}},
        "develop": {"b": {"version": "==2.0"}}})"}})) ==
        Lines{"pkg:pypi/a@1.0 SHA-256:aaaa", "pkg:pypi/b@2.0 dev"});
}

TEST_CASE("Modules of Go, with their replacements and sums", "[artifacts][sbom]") {
  CHECK(LinesOf(BomOf({{"go.mod",
                        "module github.com/acme/shop\n\ngo 1.22\n\nrequire (\n"
                        "\tgithub.com/a/b v1.0.0 // indirect\n\t\"rsc.io/q\" v1.5.2\n"
                        "\tgithub.com/own v0.0.0\n)\nrequire plain v1.2.3+incompatible\n"
                        "exclude github.com/no v1.0.0\n"
                        "replace github.com/own => ./own\n"
                        "replace rsc.io/q v1.5.2 => example.com/fork v1.5.3\n"},
                       {"go.sum", "github.com/a/b v1.0.0 " + kGoSum +
                                      "\ngithub.com/a/b v1.0.0/go.mod h1:x\n"
                                      "github.com/unused v9.0.0 h1:x\nbroken line\n"}})) ==
        Lines{"pkg:golang/example.com/fork@v1.5.3", "pkg:golang/github.com/a/b@v1.0.0 SHA-256:6464",
              "pkg:golang/plain@v1.2.3%2Bincompatible"});
}

TEST_CASE("Lock files of Cargo, Bundler and Composer", "[artifacts][sbom]") {
  CHECK(LinesOf(BomOf({{"Cargo.lock",
                        "version = 3\n[[package]]\nname = \"shop\"\nversion = \"0.1.0\"\n"
                        "[[package]]\nname = \"serde\"\nversion = \"1.0.1\"\n"
                        "source = \"registry+https://x\"\nchecksum = \"" +
                            kHex64 +
                            "\"\n[[package]]\nname = \"old\"\nversion = \"1.0.0\"\nsource = \"r\"\n"
                            "[metadata]\n\"checksum old 1.0.0 (r)\" = \"" +
                            kHex64 + "\"\n"}})) ==
        Lines{"pkg:cargo/old@1.0.0 SHA-256:aaaa", "pkg:cargo/serde@1.0.1 SHA-256:aaaa"});
  CHECK(LinesOf(BomOf({{"Gemfile.lock",
                        "PATH\n  remote: .\n  specs:\n    own (0.1.0)\n\nGEM\n"
                        "  remote: https://rubygems.org/\n  specs:\n"
                        "    nokogiri (1.15.0-x86_64-linux)\n      racc (~> 1.4)\n"
                        "    rack (3.0.8)\n    broken )(\n\nPLATFORMS\n  ruby\n\n"
                        "CHECKSUMS\n  rack (3.0.8) sha256=" +
                            kHex64 + "\n\nBUNDLED WITH\n   2.5.0\n"}})) ==
        Lines{"pkg:gem/nokogiri@1.15.0?platform=x86_64-linux", "pkg:gem/rack@3.0.8 SHA-256:aaaa"});
  CHECK(LinesOf(BomOf({{"composer.lock", R"({"packages": [{"name": "Symfony/console", "version":
        "v6.4.0", "dist": {"shasum": ")" + kHex40 +
                                             R"("}}, {"name": "plain", "version": "1"}],
        "packages-dev": [{"name": "phpunit/phpunit", "version": "10.0", "dist": {"shasum": ""}}]})"}})) ==
        Lines{"pkg:composer/phpunit/phpunit@10.0 dev",
              "pkg:composer/symfony/console@v6.4.0 SHA-1:bbbb"});
}

TEST_CASE("Lock files of NuGet, Gradle, pub and Mix", "[artifacts][sbom]") {
  CHECK(LinesOf(BomOf({{"packages.lock.json", R"({"version": 1, "dependencies": {"net8.0": {
        "Serilog": {"type": "Direct", "resolved": "3.1.1", "contentHash": ")" +
                                                  kSri512.substr(7) + R"("},
        "own": {"type": "Project"}}, "text": "text"}})"}})) ==
        Lines{"pkg:nuget/Serilog@3.1.1 SHA-512:6363"});
  CHECK(LinesOf(BomOf({{"gradle.lockfile",
                        "# a comment: with=signs:in:it\n"
                        "org.slf4j:slf4j-api:2.0.9=compileClasspath,"
                        "testRuntimeClasspath\n"
                        "junit:junit:4.13=testCompileClasspath\nempty=kapt\n"
                        "broken:line\na:b=c:d:e\n"},
                       {"buildscript-gradle.lockfile", "p:q:1=classpath\n"}})) ==
        Lines{"pkg:maven/junit/junit@4.13 dev", "pkg:maven/org.slf4j/slf4j-api@2.0.9",
              "pkg:maven/p/q@1 dev"});
  CHECK(LinesOf(BomOf({{"pubspec.lock",
                        "packages:\n  args:\n    dependency: \"direct main\"\n"
                        "    description:\n      name: args\n      sha256: " +
                            kHex64 +
                            "\n    source: hosted\n    version: \"2.4.2\"\n"
                            "  lints:\n    dependency: \"direct dev\"\n"
                            "    source: hosted\n    version: \"3.0.0\"\n"
                            "  flutter:\n    source: sdk\n    version: \"0.0.0\"\n"}})) ==
        Lines{"pkg:pub/args@2.4.2 SHA-256:aaaa", "pkg:pub/lints@3.0.0 dev"});
  CHECK(LinesOf(BomOf(
            {{"mix.lock", "%{\n  \"jason\": {:hex, :jason, \"1.4.1\", \"" + std::string(64, 'c') +
                              "\", [:mix], [], \"hexpm\", \"" + kHex64 +
                              "\"},\n  \"git\": {:git, \"https://x\", \"abc\", []},\n"
                              "  \"torn\": {:hex, :torn\n}\n"}})) ==
        Lines{"pkg:hex/jason@1.4.1 SHA-256:aaaa"});
}

TEST_CASE("Packages of Debian and Alpine, and which release it is", "[artifacts][sbom]") {
  SbomInput input;
  input.name = "shop";
  input.image_files = {
      {"etc/os-release",
       "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n"
       "VERSION_ID=\"12\"\n"},
      {"var/lib/dpkg/status",
       "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: "
       "2.36-9+deb12u4\n"
       "Description: C\n Package: not-this\n\nPackage: gone\nStatus: deinstall ok config-files\n"
       "Version: 1\n\nPackage: half\nStatus: install ok half-installed\nVersion: 1\n"},
      {"var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a\nArchitecture: all"},
      {"var/lib/dpkg/status.d/tzdata.md5sums", "Package: no\nVersion: 1\n"},
      {"home/me/var/lib/dpkg/status", "Package: no\nVersion: 1\n"}};
  const json bom = Bom(input);
  CHECK(LinesOf(bom) == Lines{"os:debian-12",
                              "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12",
                              "pkg:deb/debian/tzdata@2024a?arch=all&distro=debian-12"});
  CHECK(bom["components"][0]["type"] == "operating-system");
  CHECK_FALSE(bom["components"][1].contains("group"));

  input.image_files = {
      {"usr/lib/os-release", "ID=alpine\nVERSION_ID=3.19.1\n"},
      {"lib/apk/db/installed", "C:Q1abc=\nP:musl\nV:1.2.4-r2\nA:x86_64\n\nP:torn\n"},
      {"var/lib/rpm/rpmdb.sqlite", "x"}};
  const json alpine = Bom(input);
  CHECK(LinesOf(alpine) ==
        Lines{"os:alpine-3.19.1", "pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.19.1"});
  CHECK_THAT(NotesOf(alpine).front(), Contains("RPM"));
  for (const auto& [path, text] : input.image_files) {
    CHECK(IsPackageDatabase(path));
  }
  CHECK_FALSE(IsPackageDatabase("etc/passwd"));
  CHECK_FALSE(IsPackageDatabase("/etc/os-release"));
}

TEST_CASE("Damaged and hostile lock files are noted, and the rest is read", "[artifacts][sbom]") {
  const std::string deep(100'000, '[');
  for (const char* name : {"package-lock.json", "yarn.lock", "pnpm-lock.yaml", "poetry.lock",
                           "uv.lock", "Pipfile.lock", "go.mod", "Cargo.lock", "Gemfile.lock",
                           "composer.lock", "packages.lock.json", "gradle.lockfile", "pubspec.lock",
                           "mix.lock", "requirements.txt", "go.sum"}) {
    for (const std::string& text :
         {std::string(), std::string("{"), deep, std::string("null"), std::string("[]"),
          std::string("7"), std::string("{\"packages\": 7, \"dependencies\": [], \"package\": {}}"),
          std::string("package = 7"), std::string("\"\n'\n(\n)\n=\n:\n@\n==\n"),
          std::string("a\0b", 3), std::string("\xff\xfe")}) {
      INFO(name << ": " << text.substr(0, 60));
      const json bom = BomOf({{name, text}, {"ok/go.mod", "require a.b/c v1\n"}});
      const Lines lines = LinesOf(bom);
      CHECK(std::ranges::find(lines, "pkg:golang/a.b/c@v1") != lines.end());
    }
  }
  // Whole documents, whose values lie deep in each other.
  const std::size_t depth = std::getenv("CASEMATE_SANITIZED") == nullptr ? 1'000'000 : 30'000;
  const std::string nest = std::string(depth, '[') + std::string(depth, ']');
  for (const char* name :
       {"package-lock.json", "composer.lock", "packages.lock.json", "Pipfile.lock"}) {
    for (const char* member : {"packages", "dependencies", "default"}) {
      INFO(name << ": " << member);
      CHECK(LinesOf(BomOf({{name, "{\"" + std::string(member) + "\": " + nest + "}"}})).empty());
      CHECK(LinesOf(BomOf({{name, "{\"" + std::string(member) +
                                      R"(": {"a": {"version": "==1", "hashes": )" + nest + "}}}"}}))
                .size() < 2);
    }
  }
  const json damaged = BomOf({{"package-lock.json", "{"}, {"tsconfig.json", "{"}});
  REQUIRE(NotesOf(damaged).size() == 1);
  CHECK_THAT(NotesOf(damaged).front(), Contains("package-lock.json is damaged"));
}

TEST_CASE("Names that no package has are left out, and none breaks the document",
          "[artifacts][sbom]") {
  json packages = json::object();
  packages["node_modules/" + std::string(1000, 'x')] = {{"version", "1"}};
  packages["node_modules/ctrl\x01"] = {{"version", "1"}};
  packages["node_modules/a\"b<c>"] = {{"version", "1?x#y"}};
  packages["node_modules/ok"] = {{"version", "1"}, {"integrity", "sha512-AAAA"}};
  const json bom = BomOf({{"package-lock.json", json{{"packages", packages}}.dump()}});
  CHECK(LinesOf(bom) == Lines{"pkg:npm/a%22b%3Cc%3E@1%3Fx%23y", "pkg:npm/ok@1"});
  CHECK(NotesOf(bom).size() == 2);
}

TEST_CASE("A project of endless packages ends", "[artifacts][sbom]") {
  PackageList list;
  for (std::size_t i = 0; i < PackageList::kMaxPackages + 10; ++i) {
    list.Add({"npm", "", "p" + std::to_string(i), "1"}, {}, "lock");
  }
  CHECK(list.entries().size() == PackageList::kMaxPackages);
  CHECK(list.notes().size() == 1);
  PackageList hashes;
  for (int i = 0; i < 100; ++i) {
    std::string digits = std::to_string(i);
    hashes.Add({"npm", "", "p", "1"}, {std::string(64 - digits.size(), '0') + digits},
               "lock" + digits);
    hashes.Note("note " + digits);
    hashes.Note("another " + digits);
  }
  CHECK(hashes.entries().begin()->second.hashes.size() == PackageList::kMaxHashes);
  CHECK(hashes.entries().begin()->second.sources.size() == PackageList::kMaxSources);
  CHECK(hashes.notes().size() == PackageList::kMaxNotes);

  SbomInput input;
  input.image_files = {{"var/lib/dpkg/status", std::string(kMaxImageFileBytes + 1, 'x')}};
  CHECK_THAT(NotesOf(Bom(input)).front(), Contains("too long"));
}

TEST_CASE("The same input gives the same bytes, as the golden document has them",
          "[artifacts][sbom]") {
  const ProjectFiles files = {
      {"package-lock.json",
       R"({"packages": {"node_modules/@babel/core": {"version": "7.1.0", "dev": true},
          "node_modules/express": {"version": "4.18.2", "integrity": ")" +
           kSri512 + R"("}}})"},
      {"api/requirements.txt", "flask==3.0\nrequests\n"},
      {"api/go.mod", "require github.com/a/b v1.0.0\n"}};
  const auto make = [&](const std::string& timestamp) {
    const analysis::SourceTree tree = files.Tree();
    // What else was read of the tree leaves no trace.
    tree.Note("something else");
    SbomInput input;
    input.name = "shop";
    input.version = "1.0";
    input.tool_version = "0.1.0";
    input.image_digest = "sha256:" + kHex64;
    input.timestamp = timestamp;
    input.sources = &tree;
    input.image_files = {
        {"etc/os-release", "ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian 12\"\n"},
        {"var/lib/dpkg/status",
         "Package: libc6\nStatus: install ok installed\nVersion: 2.36\n"
         "Architecture: amd64\n"}};
    return *MakeSbom(input);
  };
  const std::string text = make("");
  CHECK(text == make(""));
  const json timed = json::parse(make("2026-11-22T10:00:00Z"));
  CHECK(timed["metadata"]["timestamp"] == "2026-11-22T10:00:00Z");
  CHECK(timed["serialNumber"] != json::parse(text)["serialNumber"]);
  CHECK_THAT(json::parse(text)["serialNumber"].get<std::string>(),
             Catch::Matchers::Matches("urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]"
                                      "{3}-[0-9a-f]{12}"));
  const std::string golden = CASEMATE_TEST_GOLDEN "/sbom.cdx.json";
  const std::string pretty = json::parse(text).dump(2) + "\n";
  if (std::getenv("CASEMATE_UPDATE_GOLDEN") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
    std::ofstream(golden) << pretty;
  }
  auto expected = ReadFile(golden, 1 << 20);
  REQUIRE(expected);
  CHECK(pretty == *expected);
}

}  // namespace
}  // namespace casemate::artifacts
