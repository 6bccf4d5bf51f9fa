#include "base/json.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace casemate {
namespace {

std::string ProblemOf(std::string_view text, const JsonLimits& limits = {}) {
  const auto parsed = ParseJson(text, limits);
  return parsed ? "" : parsed.error().message;
}

TEST_CASE("ParseJson builds what the text says", "[json]") {
  const auto parsed = ParseJson(R"({"a":[1,-2,3.5,true,null,"é"],"b":{"c":{}}})");
  REQUIRE(parsed.ok());
  CHECK((*parsed)["a"] == nlohmann::json::array({1, -2, 3.5, true, nullptr, "é"}));
  CHECK((*parsed)["b"]["c"].is_object());
  CHECK(ParseJson("18446744073709551615")->get<std::uint64_t>() == UINT64_MAX);
}

TEST_CASE("ParseJson refuses duplicate keys", "[json]") {
  CHECK_THAT(ProblemOf(R"({"a":1,"a":2})"), Catch::Contains("duplicate key \"a\""));
  CHECK_THAT(ProblemOf(R"([{"x":{"k":1,"k":1}}])"), Catch::Contains("duplicate key"));
  CHECK(ProblemOf(R"({"a":{"k":1},"b":{"k":1}})").empty());
}

TEST_CASE("ParseJson bounds depth and size", "[json]") {
  const JsonLimits limits{.max_bytes = 100, .max_depth = 3};
  CHECK(ProblemOf("[[[1]]]", limits).empty());
  CHECK_THAT(ProblemOf("[[[[1]]]]", limits), Catch::Contains("deeper than 3"));
  CHECK_THAT(ProblemOf("\"" + std::string(100, 'x') + "\"", limits), Catch::Contains("100 bytes"));
  CHECK_FALSE(ProblemOf(std::string(1000000, '[')).empty());
}

TEST_CASE("ParseJson refuses what is not JSON, saying where", "[json]") {
  for (const char* text : {"", "{", "[1,]", "{\"a\":1} x", "nul", "'a'", "{\"a\":\x01}", "\"\xff\"",
                           "\"\xed\xa0\x80\"", "01", "NaN", "// c\n1"}) {
    INFO(text);
    CHECK_FALSE(ProblemOf(text).empty());
  }
  CHECK_THAT(ProblemOf("{\"a\":1} x"), Catch::Contains("byte 9"));
  // What it quotes is made visible: it goes into messages.
  for (const char* text : {"\x9c", "\"\xff\"", "\xed\xa0\x80", "\"\x01"}) {
    INFO(text);
    CHECK(IsValidUtf8(ProblemOf(text)));
    CHECK(EscapeControls(ProblemOf(text), false) == ProblemOf(text));
  }
}

TEST_CASE("DumpJson never throws and sorts keys", "[json]") {
  CHECK(DumpJson({{"b", 1}, {"a", 2}}) == R"({"a":2,"b":1})");
  CHECK(DumpJson("x\xff") == "\"x\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace casemate
