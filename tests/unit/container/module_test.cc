// The module with cpp-httplib is looked for beside the program: this program, copied to places
// where it is missing, damaged or not safe, runs one hidden test each.
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include <catch2/catch.hpp>

#include "sandbox/container/engine/transport.h"
#include "tests/unit/temp_dir.h"

namespace casemate::container {
namespace {

namespace fs = std::filesystem;

TEST_CASE("module: missing", "[.][module]") {
  const auto opened = OpenTransport("/x");
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ErrorCode::kUnavailable);
  CHECK(opened.error().message.find("libexec/casemate/libcasemate_engine.so") != std::string::npos);
  CHECK_FALSE(opened.error().remedy.empty());
}

TEST_CASE("module: damaged", "[.][module]") {
  const auto opened = OpenTransport("/x");
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ErrorCode::kUnavailable);
  CHECK(opened.error().remedy.find("libcpp-httplib0.11") != std::string::npos);
}

TEST_CASE("module: others may write to it", "[.][module]") {
  const auto opened = OpenTransport("/x");
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ErrorCode::kPermissionDenied);
}

TEST_CASE("module: there", "[.][module]") {
  CHECK(OpenTransport("/x"));
}

bool Passes(const fs::path& program, const char* name) {
  const std::string path = program.string();
  const char* const words[] = {path.c_str(), name, nullptr};
  pid_t child = 0;
  int status = -1;
  if (posix_spawn(&child, path.c_str(), nullptr, nullptr, const_cast<char**>(words), environ) !=
          0 ||
      waitpid(child, &status, 0) != child) {
    return false;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_CASE("The module is taken from its place only, and only if nobody else can change it",
          "[engine]") {
  const fs::path self = fs::read_symlink("/proc/self/exe");
  const fs::path module = self.parent_path() / "libexec/casemate/libcasemate_engine.so";
  const casemate::testing::TempDir dir;
  const fs::path root = dir.path();
  fs::create_directories(root / "bin");
  fs::create_directories(root / "libexec/casemate");
  const fs::path program = root / "bin/program";
  const fs::path copy = root / "libexec/casemate/libcasemate_engine.so";
  fs::copy_file(self, program);
  CHECK(Passes(program, "module: missing"));
  fs::copy_file(module, copy);
  CHECK(Passes(program, "module: there"));
  REQUIRE(chmod(copy.c_str(), 0757) == 0);
  CHECK(Passes(program, "module: others may write to it"));
  REQUIRE(chmod(copy.c_str(), 0755) == 0);
  REQUIRE(chmod((root / "libexec/casemate").c_str(), 0775) == 0);
  CHECK(Passes(program, "module: others may write to it"));
  REQUIRE(chmod((root / "libexec/casemate").c_str(), 0755) == 0);
  fs::remove(copy);
  static_cast<void>(dir.Write("libexec/casemate/libcasemate_engine.so", "no library"));
  CHECK(Passes(program, "module: damaged"));
}

}  // namespace
}  // namespace casemate::container
