// Files by a container's own shell: the script is run by the shells of this machine.
#include "sandbox/container/run/exec_files.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "tests/unit/temp_dir.h"

namespace casemate::container {
namespace {

constexpr const char* kShells[] = {"/bin/dash -s", "/bin/bash -s", "busybox sh -s"};

int RunScript(const std::string& shell, const testing::TempDir& dir, const std::string& script) {
  const std::string path = dir.Write("script", script);
  return std::system((shell + " <" + path + " 2>" + (dir / "words")).c_str());
}

}  // namespace

TEST_CASE("every shell writes what was given, byte by byte") {
  std::string every;
  for (int i = 0; i < 100'000; ++i) {
    every += static_cast<char>(i % 256);
  }
  const std::vector<sandbox::InjectedFile> files = {
      {"a b/c'd/$(touch x)", "one", 0644},
      {"a b/second", "%s \\n 'q' \"q\" `x` $HOME\n", 0644},
      {"-rf", "", 0644},
      {"run", "#!/bin/sh\n", 0755},
      {"every", every, 0644},
  };
  for (const std::string shell : kShells) {
    CAPTURE(shell);
    const testing::TempDir dir;
    const std::string place = dir / "it's new";
    REQUIRE(RunScript(shell, dir, FilesScript(place, files)) == 0);
    for (const sandbox::InjectedFile& file : files) {
      CAPTURE(file.path);
      const auto content = ReadFile(place + "/" + file.path, 1 << 20);
      REQUIRE(content);
      CHECK(*content == file.content);
      CHECK((access((place + "/" + file.path).c_str(), X_OK) == 0) == (file.mode == 0755));
    }
    CHECK(std::distance(std::filesystem::directory_iterator(place),
                        std::filesystem::directory_iterator()) == 4);
  }
}

TEST_CASE("a place that exists already gets nothing, whatever it is") {
  for (const std::string shell : kShells) {
    CAPTURE(shell);
    const testing::TempDir dir;
    std::filesystem::create_directory(dir / "other");
    std::filesystem::create_symlink("other", dir / "planted");
    for (const char* name : {"other", "planted"}) {
      CHECK(RunScript(shell, dir, FilesScript(dir / name, {{{"file", "x", 0644}}})) != 0);
    }
    CHECK(std::filesystem::is_empty(dir / "other"));
  }
}

TEST_CASE("what cannot be written is an error of the script") {
  for (const std::string shell : kShells) {
    CAPTURE(shell);
    const testing::TempDir dir;
    // A file where a directory has to be.
    const std::vector<sandbox::InjectedFile> files = {{"a", "x", 0644}, {"a/b", "x", 0644}};
    CHECK(RunScript(shell, dir, FilesScript(dir / "new", files)) != 0);
  }
}

TEST_CASE("directories have names of their own") {
  CHECK(NewFilesDirectory().starts_with("/tmp/casemate-"));
  CHECK(NewFilesDirectory() != NewFilesDirectory());
}

}  // namespace casemate::container
