#include "tools/containerize/generate.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/unique_fd.h"
#include "tests/unit/temp_dir.h"
#include "tools/analysis/analyse.h"
#include "tools/containerize/save.h"
#include "tools/dockerfile/lint.h"
#include "tools/dockerfile/lint_output.h"
#include "tools/dockerfile/syntax.h"

namespace casemate::containerize {

namespace {

namespace fs = std::filesystem;

struct Read {
  analysis::SourceTree tree;
  analysis::Analysis analysis;
};

Read ReadProject(const std::string& path) {
  const UniqueFd directory(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  auto tree = analysis::SourceTree::Scan(directory.get(), {}, {});
  REQUIRE(tree);
  auto analysis = analysis::AnalyseTree(*tree, {});
  REQUIRE(analysis);
  return {*std::move(tree), *std::move(analysis)};
}

Result<Generated> Generate(const std::string& path, GenerateOptions options = {}) {
  const Read project = ReadProject(path);
  return GenerateDockerfile(project.tree, project.analysis, options);
}

void Write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

std::string TextOf(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What holds for each file that is generated, whatever the project.
void CheckFile(const Generated& generated) {
  INFO(generated.dockerfile);
  const auto parsed = dockerfile::ParseDockerfile(generated.dockerfile);
  REQUIRE(parsed);
  dockerfile::LintOptions options;
  options.ignore_file = generated.ignore;
  const auto findings = dockerfile::Lint(*parsed, options);
  INFO(dockerfile::LintText(findings, "Dockerfile"));
  CHECK(findings.empty());
  CHECK(generated.user.starts_with("10001:"));
  CHECK(generated.dockerfile.find("\nUSER " + generated.user + "\n") != std::string::npos);
  CHECK(generated.dockerfile.find("\nHEALTHCHECK ") != std::string::npos);
  CHECK(generated.dockerfile.find("<<") == std::string::npos);      // no heredoc
  CHECK(generated.dockerfile.find("--link") == std::string::npos);  // Docker 20.10 has none
  CHECK(generated.dockerfile.find("syntax=") == std::string::npos);
  CHECK(generated.dockerfile.find("CMD [") != std::string::npos);
  CHECK(generated.has_healthcheck ==
        (generated.dockerfile.find("HEALTHCHECK NONE") == std::string::npos));
}

}  // namespace

// Each application of each project that the analysis is tested with.
TEST_CASE("all that is generated passes the linter") {
  // There is no recipe for these, and the error says why.
  const std::set<std::string> without = {"python/conda", "jvm/tools-deps", "ruby/rack-only"};
  int made = 0;
  for (const auto& language : fs::directory_iterator(CASEMATE_TEST_PROJECTS)) {
    if (!language.is_directory()) {
      continue;
    }
    for (const auto& entry : fs::directory_iterator(language)) {
      if (!entry.is_directory()) {
        continue;
      }
      const std::string name =
          language.path().filename().string() + "/" + entry.path().filename().string();
      CAPTURE(name);
      const Read project = ReadProject(entry.path());
      std::set<std::string> paths;
      for (const analysis::App& app : project.analysis.apps) {
        CAPTURE(app.directory, app.name.value);
        const auto beside =
            std::count_if(project.analysis.apps.begin(), project.analysis.apps.end(),
                          [&](const auto& other) { return other.directory == app.directory; });
        const std::string directory = app.directory.empty() ? "." : app.directory;
        const std::string wanted =
            beside == 1 ? directory : analysis::JoinPath(app.directory, app.name.value);
        GenerateOptions options;
        options.app = wanted;
        const auto generated = GenerateDockerfile(project.tree, project.analysis, options);
        const bool can_start = app.run || app.kind == analysis::AppKind::kStaticSite;
        if (!can_start || without.contains(name)) {
          REQUIRE_FALSE(generated);
          CHECK(generated.error().code ==
                (can_start ? ErrorCode::kUnavailable : ErrorCode::kNotFound));
          continue;
        }
        INFO((generated ? "" : Describe(generated.error())));
        REQUIRE(generated);
        CheckFile(*generated);
        CHECK(generated->app == app.name.value);
        CHECK(paths.insert(generated->dockerfile_path).second);
        options.explain = true;
        const auto explained = GenerateDockerfile(project.tree, project.analysis, options);
        REQUIRE(explained);
        CheckFile(*explained);
        CHECK(explained->dockerfile.size() > generated->dockerfile.size());
        ++made;
      }
    }
  }
  CHECK(made > 190);
}

TEST_CASE("one of several applications is to be chosen") {
  const testing::TempDir directory;
  Write(fs::path(directory.path()) / "a/package.json",
        R"({"name": "one", "scripts": {"start": "node a.js"}})");
  Write(fs::path(directory.path()) / "b/package.json",
        R"({"name": "two", "scripts": {"start": "node b.js"}})");
  const auto none = Generate(directory.path());
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::kInvalidArgument);
  CHECK(none.error().field == "app");
  CHECK(none.error().message.find("a (one), b (two)") != std::string::npos);
  for (const char* name : {"b", "./b", "b/", "two", "b/two"}) {
    GenerateOptions options;
    options.app = name;
    const auto generated = Generate(directory.path(), options);
    INFO(name << (generated ? "" : Describe(generated.error())));
    REQUIRE(generated);
    CHECK(generated->dockerfile_path == "b/Dockerfile");
    CHECK(generated->context == "b");
  }
  GenerateOptions options;
  options.app = "three";
  const auto wrong = Generate(directory.path(), options);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().field == "app");
}

TEST_CASE("a project of nothing says so") {
  const testing::TempDir directory;
  Write(fs::path(directory.path()) / "notes.txt", "x");
  const auto generated = Generate(directory.path());
  REQUIRE_FALSE(generated);
  CHECK(generated.error().code == ErrorCode::kNotFound);
}

TEST_CASE("images are named by mirrors and digests") {
  const testing::TempDir directory;
  Write(
      fs::path(directory.path()) / "package.json",
      R"({"name": "x", "engines": {"node": "20.x"}, "dependencies": {"a": "1"}, "scripts": {"start": "node a.js"}})");
  GenerateOptions options;
  options.base_map = *BaseMap::Parse({"node=mirror.example.com/node"});
  const std::string digest = "sha256:" + std::string(64, 'a');
  options.digests = [&](const std::string& reference) -> std::optional<std::string> {
    return reference == "mirror.example.com/node:20-bookworm-slim" ? std::optional(digest)
                                                                   : std::nullopt;
  };
  const auto generated = Generate(directory.path(), options);
  REQUIRE(generated);
  REQUIRE(generated->images.size() == 1);
  CHECK(generated->images[0].name == "node:20-bookworm-slim");
  CHECK(generated->images[0].digest == digest);
  CHECK(generated->dockerfile.find("FROM mirror.example.com/node:20-bookworm-slim@" + digest +
                                   " AS build\n") != std::string::npos);
  options.digests = [](const std::string&) { return std::nullopt; };
  const auto without = Generate(directory.path(), options);
  REQUIRE(without);
  CHECK(without->dockerfile.find('@') == std::string::npos);
  CHECK(without->notes.back().find("by its tag only") != std::string::npos);
}

// A project of a stranger: names and commands must stay what they are.
TEST_CASE("nothing of a project begins an instruction of its own") {
  const testing::TempDir directory;
  Write(
      fs::path(directory.path()) / "package.json",
      R"({"name": "x", "scripts": {"start": "node a.js\nRUN evil\nUSER root"}, "dependencies": {"y": "1"}})");
  const auto script = Generate(directory.path());
  if (script) {
    CHECK(script->dockerfile.find("\nRUN evil") == std::string::npos);
    CHECK(script->dockerfile.find("\nUSER root") == std::string::npos);
  }
  Write(fs::path(directory.path()) / "package.json",
        R"({"name": "x", "workspaces": ["*"], "scripts": {"start": "node a.js"}})");
  Write(fs::path(directory.path()) / "a\nRUN evil" / "package.json", R"({"name": "y"})");
  GenerateOptions options;
  options.app = ".";
  const auto path = Generate(directory.path(), options);
  CHECK_FALSE((path && path->dockerfile.find("\nRUN evil") != std::string::npos));
}

TEST_CASE("names that Dockerfiles would read otherwise are refused or quoted") {
  const testing::TempDir directory;
  const fs::path root = directory.path();
  const auto with_member = [&](const std::string& name) {
    fs::remove_all(root);
    Write(
        root / "package.json",
        R"({"name": "x", "workspaces": ["*"], "scripts": {"start": "node a.js"}, "dependencies": {"y": "1"}})");
    Write(root / "a.js", "require('y').listen(3000);\n");
    Write(root / name / "package.json", R"({"name": "y"})");
    GenerateOptions options;
    options.app = "x";
    options.explain = true;
    return Generate(root, options);
  };
  for (const char* name : {"<<X", "$HOME", "a*", "a[b]", "a\\b", "x\nFROM evil\n#"}) {
    CAPTURE(name);
    const auto generated = with_member(name);
    REQUIRE_FALSE(generated);
    CHECK(generated.error().code == ErrorCode::kInvalidArgument);
  }
  const auto quoted = with_member("a b");
  REQUIRE(quoted);
  CHECK(quoted->dockerfile.find(R"(COPY ["a b/package.json", "a b/"])") != std::string::npos);
  CheckFile(*quoted);
}

TEST_CASE("a settings file that Git does not have stays out, too") {
  const testing::TempDir directory;
  const fs::path root = directory.path();
  Write(root / "composer.json", R"({"require": {"symfony/framework-bundle": "^7"}})");
  Write(root / "public/index.php", "<?php");
  Write(root / "bin/console", "#!/usr/bin/env php");
  Write(root / ".env", "APP_ENV=dev\n");
  const auto shared = Generate(root);
  REQUIRE(shared);
  CHECK(shared->ignore.find("\n!.env\n") != std::string::npos);
  for (const char* text : {".env\n", "/.env", "vendor\n.env"}) {
    Write(root / ".gitignore", text);
    const auto kept = Generate(root);
    REQUIRE(kept);
    CHECK(kept->ignore.find("\n!.env\n") == std::string::npos);
  }
}

TEST_CASE("secrets stay out of the image") {
  const testing::TempDir directory;
  Write(fs::path(directory.path()) / "package.json",
        R"({"name": "x", "dependencies": {"y": "1"}, "scripts": {"start": "node a.js"}})");
  Write(fs::path(directory.path()) / ".npmrc",
        "//registry.example.com/:_authToken=npm_0123456789\n");
  Write(fs::path(directory.path()) / ".env", "KEY=1\n");
  const auto generated = Generate(directory.path());
  REQUIRE(generated);
  CheckFile(*generated);
  CHECK(generated->dockerfile.find("npm_0123456789") == std::string::npos);
  CHECK(generated->dockerfile.find("--mount=type=secret,id=npmrc,target=/app/.npmrc") !=
        std::string::npos);
  CHECK(generated->dockerfile.find(" .npmrc ") == std::string::npos);
  CHECK(generated->ignore.find("\n.npmrc\n") != std::string::npos);
  CHECK(generated->ignore.find("\n**/.env\n") != std::string::npos);
  // One that names a variable holds none.
  Write(fs::path(directory.path()) / ".npmrc", "//registry.example.com/:_authToken=${NPM_TOKEN}\n");
  const auto named = Generate(directory.path());
  REQUIRE(named);
  CHECK(named->dockerfile.find("COPY package.json .npmrc ./") != std::string::npos);
}

TEST_CASE("files that are there are kept") {
  const testing::TempDir directory;
  Write(fs::path(directory.path()) / "package.json",
        R"({"name": "x", "scripts": {"start": "node a.js"}})");
  const auto generated = Generate(directory.path());
  REQUIRE(generated);
  const UniqueFd root(open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));

  const auto first = SaveGenerated(root.get(), *generated, false);
  REQUIRE(first);
  CHECK(first->written == std::vector<std::string>{".dockerignore", "Dockerfile"});
  CHECK(TextOf(fs::path(directory.path()) / "Dockerfile") == generated->dockerfile);
  CHECK(TextOf(fs::path(directory.path()) / ".dockerignore") == generated->ignore);

  // The same again changes nothing.
  const auto again = SaveGenerated(root.get(), *generated, false);
  REQUIRE(again);
  CHECK(again->written.empty());

  Write(fs::path(directory.path()) / "Dockerfile", "FROM mine\n");
  const auto refused = SaveGenerated(root.get(), *generated, false);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().field == "overwrite");
  CHECK(TextOf(fs::path(directory.path()) / "Dockerfile") == "FROM mine\n");

  Write(fs::path(directory.path()) / ".dockerignore", "mine\n");
  fs::remove(fs::path(directory.path()) / "Dockerfile");
  const auto beside = SaveGenerated(root.get(), *generated, false);
  REQUIRE(beside);
  CHECK(beside->kept == std::vector<std::string>{".dockerignore"});
  CHECK(TextOf(fs::path(directory.path()) / ".dockerignore") == "mine\n");

  Write(fs::path(directory.path()) / "Dockerfile", "FROM mine\n");
  const auto replaced = SaveGenerated(root.get(), *generated, true);
  REQUIRE(replaced);
  CHECK(replaced->written.size() == 2);
  CHECK(TextOf(fs::path(directory.path()) / "Dockerfile") == generated->dockerfile);
  // No scratch file is left.
  CHECK(std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator()) == 3);
}

TEST_CASE("nothing is written through links") {
  const testing::TempDir directory;
  const testing::TempDir outside;
  Write(fs::path(directory.path()) / "package.json",
        R"({"name": "x", "scripts": {"start": "node a.js"}})");
  const auto generated = Generate(directory.path());
  REQUIRE(generated);
  const UniqueFd root(open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  fs::create_symlink(fs::path(outside.path()) / "target",
                     fs::path(directory.path()) / "Dockerfile");
  CHECK_FALSE(SaveGenerated(root.get(), *generated, true));
  CHECK_FALSE(fs::exists(fs::path(outside.path()) / "target"));

  Generated elsewhere = *generated;
  fs::create_directory_symlink(outside.path(), fs::path(directory.path()) / "sub");
  elsewhere.dockerfile_path = "sub/Dockerfile";
  CHECK_FALSE(SaveGenerated(root.get(), elsewhere, true));
  CHECK_FALSE(fs::exists(fs::path(outside.path()) / "Dockerfile"));

  CHECK_FALSE(SaveFile(root.get(), "Dockerfile", "x", true));
  CHECK_FALSE(SaveFile(root.get(), "sub/x", "x", true));
  CHECK(fs::is_empty(outside.path()));
}

TEST_CASE("a file by itself is saved by the same rules") {
  const testing::TempDir directory;
  const UniqueFd root(open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const fs::path file = fs::path(directory.path()) / "a.json";
  const auto first = SaveFile(root.get(), "a.json", "1", false);
  REQUIRE(first);
  CHECK(first->written == std::vector<std::string>{"a.json"});
  CHECK(SaveFile(root.get(), "a.json", "1", false)->kept == std::vector<std::string>{"a.json"});
  const auto refused = SaveFile(root.get(), "a.json", "2", false);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().field == "overwrite");
  CHECK(TextOf(file) == "1");
  REQUIRE(SaveFile(root.get(), "a.json", "2", true));
  CHECK(TextOf(file) == "2");
  CHECK(std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator()) == 1);
}

}  // namespace casemate::containerize
