#include "base/yaml.h"

#include <catch2/catch.hpp>

#include "base/text.h"

namespace casemate {
namespace {

std::string ProblemOf(std::string_view text) {
  const auto parsed = ParseYaml(text, "f.yaml");
  return parsed ? "" : Describe(parsed.error());
}

TEST_CASE("ParseYaml keeps order, kinds and places", "[yaml]") {
  const auto root = ParseYaml("b: 1\na:\n  - x\n  - 'true'\nc:\n", "f.yaml");
  REQUIRE(root.ok());
  CHECK(root->Keys() == std::vector<std::string>{"b", "a", "c"});
  CHECK(*root->Get("b")->AsInt() == 1);
  CHECK(root->Get("a")->Items().at(1).Where() == "f.yaml:4:5");
  CHECK_FALSE(root->Get("a")->Items().at(1).AsBool().ok());  // quoted: text
  CHECK(root->Get("c")->kind() == YamlNode::Kind::kNull);
  CHECK_FALSE(root->Get("d").has_value());
}

TEST_CASE("ParseYaml refuses what two readers could read differently", "[yaml]") {
  CHECK_THAT(ProblemOf("a: 1\na: 2\n"), Catch::Contains("f.yaml:2:1: duplicate key `a`"));
  CHECK_THAT(ProblemOf("a: &x 1\nb: *x\n"), Catch::Contains("not supported"));
  CHECK_THAT(ProblemOf("a: !!str 1\n"), Catch::Contains("tags"));
  CHECK_THAT(ProblemOf("a: 1\n---\nb: 2\n"), Catch::Contains("second"));
  CHECK_THAT(ProblemOf("a: [1\n"), Catch::Contains("f.yaml:"));
  CHECK_THAT(ProblemOf("? [a]\n: 1\n"), Catch::Contains("key"));
  CHECK_FALSE(ProblemOf("").empty());
  CHECK_FALSE(ProblemOf("a: \xff\n").empty());
  for (const char control : {'\0', '\x03', '\x1b', '\x7f'}) {
    CHECK_THAT(ProblemOf(std::string("a") + control + "b: 1\n"), Catch::Contains("control"));
  }
  CHECK(ProblemOf("a:\t1\r\n") == "");
}

TEST_CASE("ParseYaml refuses in one line of text, whatever it refuses", "[yaml]") {
  const auto list = ParseYaml("a: " + std::string(79, 'x') + "é\n", "f.yaml");
  CHECK(IsValidUtf8(Describe(list->Get("a")->AsInt().error())));
  CHECK(ProblemOf("a: \"\\\n\"\n").find('\n') == std::string::npos);
  CHECK(IsValidUtf8(ProblemOf("a: \"\\\xc3\xa9\"\n")));
}

TEST_CASE("ParseYaml bounds depth and size", "[yaml]") {
  CHECK_THAT(ProblemOf(std::string(100, '[') + std::string(100, ']')), Catch::Contains("deeper"));
  CHECK_THAT(ProblemOf(std::string((1 << 20) + 1, ' ')), Catch::Contains("1 MiB"));
}

TEST_CASE("Scalars are read in one way only", "[yaml]") {
  const auto root = ParseYaml("a: 012\nb: 0x1f\nc: yes\nd: 1.5\ne: -3\nf: true\ng: .nan\n", "f");
  REQUIRE(root.ok());
  CHECK_FALSE(root->Get("a")->AsInt().ok());
  CHECK_FALSE(root->Get("b")->AsInt().ok());
  CHECK_FALSE(root->Get("c")->AsBool().ok());
  CHECK(*root->Get("d")->AsNumber() == 1.5);
  CHECK(*root->Get("e")->AsInt() == -3);
  CHECK(*root->Get("f")->AsBool());
  CHECK_FALSE(root->Get("g")->AsNumber().ok());
  CHECK_THAT(root->Get("c")->AsBool().error().message, Catch::Contains("got `yes`"));
}

TEST_CASE("OnlyKeys names the unknown key and the nearest known one", "[yaml]") {
  const auto root = ParseYaml("verison: 1\n", "f");
  REQUIRE(root.ok());
  const auto checked = root->OnlyKeys({"version", "rules"});
  REQUIRE_FALSE(checked.ok());
  CHECK_THAT(checked.error().message, Catch::Contains("did you mean `version`?"));
}

}  // namespace
}  // namespace casemate
