#include "tools/languages.h"

#include <sys/stat.h>

#include <array>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "fixtures.h"

namespace casemate::tools {
namespace {

TEST_CASE("every language has what running it needs") {
  CHECK(LanguageNames() ==
        std::vector<std::string_view>{"python", "javascript", "bash", "c", "cpp"});
  for (const Language& language : Languages()) {
    INFO(language.name);
    CHECK(FindLanguage(language.name) == &language);
    CHECK_FALSE(language.package.empty());
    const auto files = LanguageFiles(language, "code", kOwnPlaces);
    REQUIRE_FALSE(files.empty());
    CHECK(files[0].path == "/run/casemate/" + std::string(language.file_name));
    CHECK(files[0].content == "code");
    for (const auto& file : files) {
      CHECK(file.path.starts_with("/run/casemate/"));  // the workspace stays clean
    }
    CHECK(LanguageCommand(language, "/usr/bin/x", kOwnPlaces).size() >= 2);
  }
  CHECK(FindLanguage("cobol") == nullptr);
}

TEST_CASE("bash is found where the sandbox can see it") {
  const auto found = FindToolchain(*FindLanguage("bash"), ToolchainDirectories());
  REQUIRE(found);
  CHECK(found->ends_with("/bash"));
}

TEST_CASE("a missing toolchain names the package to install") {
  const test::TempDir empty;
  const std::string path = empty.path();
  const std::array<std::string_view, 1> directories = {path};
  const auto found = FindToolchain(*FindLanguage("javascript"), directories);
  REQUIRE_FALSE(found);
  CHECK(found.error().code == ErrorCode::kUnavailable);
  CHECK(found.error().field == "args.language");
  CHECK(found.error().message.find("`node`") != std::string::npos);
  CHECK(found.error().remedy ==
        "use another language; your user can install it on the host: apt-get install nodejs");
}

TEST_CASE("a toolchain that links out of /usr is not visible in the sandbox") {
  const test::TempDir directory;
  const std::string program = directory.Write("node", "#!/bin/sh\n");
  REQUIRE(::chmod(program.c_str(), 0755) == 0);
  const std::string path = directory.path();
  const std::array<std::string_view, 1> directories = {path};
  const auto found = FindToolchain(*FindLanguage("javascript"), directories);
  REQUIRE_FALSE(found);
  CHECK(found.error().message.find("outside /usr") != std::string::npos);
}

}  // namespace
}  // namespace casemate::tools
