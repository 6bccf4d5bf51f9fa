// What a splice of TOML looks like, where an error points, and what hostile files do.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "clients/hosts/splice.h"

namespace casemate::hosts {
namespace {

const nlohmann::ordered_json kEntry = {{"command", "/c"}, {"args", {"serve"}}};
const KeyPath kPath = {"m", "casemate"};
const std::string kBlock = "[m.casemate]\ncommand = \"/c\"\nargs = [\"serve\"]\n";

std::string With(std::string_view text) {
  const auto result = WithEntry(Format::kToml, text, kPath, kEntry);
  return result ? *result : Describe(result.error());
}
std::string Without(std::string_view text) {
  const auto result = WithoutEntry(Format::kToml, text, kPath);
  return result ? result->value_or("<no file>") : Describe(result.error());
}

}  // namespace

TEST_CASE("a TOML entry goes to the end, and an older one is replaced where it stands") {
  CHECK(With("") == kBlock);
  CHECK(With("a = 1") == "a = 1\n\n[m.casemate]\ncommand = \"/c\"\nargs = [\"serve\"]");
  CHECK(With("[m]\nx = 1\n") == "[m]\nx = 1\n\n" + kBlock);
  CHECK(With("[m.casemate]\ncommand = \"/old\"\n\n[m.casemate.env]\nA = \"b\"\n# other's\n[x]\n") ==
        kBlock + "# other's\n[x]\n");
  const std::string same = "[m.casemate] # mine\nargs = [ 'serve', ]\ncommand='/c'\n";
  CHECK(With(same) == same);
  CHECK(With("[ \"m\" . 'casemate' ]\nx = 1\n") == kBlock);
}

TEST_CASE("a TOML entry goes with all its tables, and takes nothing else along") {
  CHECK(Without(
            "a = 1\n\n[m.casemate]\ncommand = \"/c\"\n\n[m.casemate.env]\nA = \"\"\"\n[x]\n\"\"\"\n"
            "# about y\n[y]\n") == "a = 1\n# about y\n[y]\n");
  CHECK(Without("[m.casemate.env]\nA = \"b\"\n[m.casemate2]\n") == "[m.casemate2]\n");
  CHECK(Without("[m.casemate]\n[m]\nx = 1\n") == "[m]\nx = 1\n");
}

TEST_CASE("TOML that cannot be changed safely is refused with line and column") {
  struct Case {
    std::string text;
    std::string_view error;
  };
  const auto [text, error] = GENERATE(values<Case>({
      {"m = 1", "1:5: expected `m` to be a table, got something else"},
      {"[m]\ncasemate = [1]", "2:12: expected `casemate` to be a table, got something else"},
      {"[[m]]\n", "1:1: expected `m` to be a table, got something else"},
      {"\"é\" = \"é\" x\n", "1:11: expected TOML: "},
      {"a = 1\na = 2\n", "2:5: expected TOML: "},
      {"[m]\ncasemate = { command = \"x\" }\n",
       "2:12: expected `m.casemate` as a table with a header"},
      {"m.casemate.command = \"x\"\n", "1:3: expected `m.casemate` as a table with a header"},
      {std::string("a = \"\0\"", 7), "1:6: expected text, got a NUL byte"},
      {"\xff", "1:1: expected UTF-8, got bytes that are not"},
      {std::string(2 << 20, '#'), "1:1: expected at most 1048576 bytes, got 2097152"},
  }));
  CAPTURE(text.substr(0, 100));
  CHECK_THAT(With(text), Catch::Matchers::StartsWith(std::string(error)));
}

TEST_CASE("no depth of TOML breaks the parser") {
  std::string dots;
  for (int i = 0; i < 200'000; ++i) {
    dots += "a.";
  }
  for (const std::string& text : {dots + "b = 1", "[" + dots + "b]", "x = { " + dots + "b = 1 }"}) {
    CHECK(With(text) == "1:1: expected lines of few dots, got too many");
  }
  // As deep as all limits together allow.
  std::string nested = "x = ";
  for (int i = 0; i < 120; ++i) {
    nested += "[\n{" + dots.substr(0, 32) + "b = ";
  }
  nested += "1";
  for (int i = 0; i < 120; ++i) {
    nested += "}\n]";
  }
  CHECK_THAT(With(nested + "\n"), Catch::Matchers::Contains("[m.casemate]"));
  CHECK_THAT(With("x = " + std::string(100'000, '[')),
             Catch::Matchers::Contains("exceeded maximum nested value depth"));
}

TEST_CASE("a date in our entry cannot be read as JSON, and is replaced all the same") {
  const std::string text = "[m.casemate]\nsince = 1979-05-27\n";
  const auto found = FindEntry(Format::kToml, text, kPath);
  REQUIRE_FALSE(found);
  CHECK(found.error().field == "1:1");
  CHECK(With(text) == kBlock);
  CHECK(Without(text).empty());
}

}  // namespace casemate::hosts
