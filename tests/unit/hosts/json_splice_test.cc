// What a splice looks like, where an error points, and what hostile files do.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "clients/hosts/jsonc.h"
#include "clients/hosts/splice.h"

namespace casemate::hosts {
namespace {

const nlohmann::ordered_json kEntry = {{"command", "/c"}, {"args", {"serve"}}};
const KeyPath kPath = {"s", "casemate"};

std::string With(std::string_view text) {
  const auto result = WithEntry(Format::kJson, text, kPath, kEntry);
  return result ? *result : Describe(result.error());
}
std::string Without(std::string_view text) {
  const auto result = WithoutEntry(Format::kJson, text, kPath);
  return result ? result->value_or("<no file>") : Describe(result.error());
}

}  // namespace

TEST_CASE("a JSON entry is written in the layout of its file") {
  struct Case {
    std::string_view before, after;
  };
  const auto [before, after] = GENERATE(values<Case>({
      {"{}",
       "{\"s\": {\n  \"casemate\": {\n    \"command\": \"/c\",\n    \"args\": [\"serve\"]\n  "
       "}\n}}"},
      {R"({"a":1})", R"({"a":1, "s": { "casemate": {"command": "/c", "args": ["serve"]} }})"},
      {R"({"s":{"o":{}}})", R"({"s":{"o":{}, "casemate": {"command": "/c", "args": ["serve"]}}})"},
      {"{\n\t\"s\": {\n\t\t\"o\": 1, // kept\n\t}\n}\n",
       "{\n\t\"s\": {\n\t\t\"o\": 1, // kept\n\t\t\"casemate\": {\n\t\t\t\"command\": "
       "\"/c\",\n\t\t\t"
       "\"args\": [\"serve\"]\n\t\t},\n\t}\n}\n"},
      {"{\r\n    \"a\": 1 // last\r\n}",
       "{\r\n    \"a\": 1, // last\r\n    \"s\": {\r\n        \"casemate\": {\r\n            "
       "\"command\": \"/c\",\r\n            \"args\": [\"serve\"]\r\n        }\r\n    }\r\n}"},
      {"",
       "{\n  \"s\": {\n    \"casemate\": {\n      \"command\": \"/c\",\n      \"args\": "
       "[\"serve\"]\n    }\n  }\n}\n\n"},
  }));
  CHECK(With(before) == after);
  CHECK(Without(after) == before);
}

TEST_CASE("an entry that somebody moved, or put others around, goes without a trace") {
  CHECK(Without(R"({"s": {"casemate": {}, "b": 1}})") == R"({"s": {"b": 1}})");
  CHECK(Without("{\"s\": {\n  \"a\": 1,\n  \"casemate\": {},\n  \"b\": 2\n}}") ==
        "{\"s\": {\n  \"a\": 1,\n  \"b\": 2\n}}");
  CHECK(Without("{\"s\": {\n  // first\n  \"casemate\": {} /* x */, \"b\": 2\n}}") ==
        "{\"s\": {\n  // first\n   /* x */ \"b\": 2\n}}");
  CHECK(Without("{\"s\": {\n  \"a\": 1, // one\n  \"casemate\": {}}}") ==
        "{\"s\": {\n  \"a\": 1 // one\n  }}");
  CHECK(Without("{\n  // mine\n  \"s\": {\n    // ours\n    \"casemate\": {}\n  }\n}\n") ==
        "{\n  // mine\n  \"s\": {\n    // ours\n    \n  }\n}\n");
  CHECK(Without("{\"s\": {}}") == "{\"s\": {}}");
  CHECK(Without("") == "");
}

TEST_CASE("an older JSON entry is replaced where it stands") {
  CHECK(With(R"({"s": {"casemate": 1, "b": 2}})") ==
        R"({"s": {"casemate": {"command": "/c", "args": ["serve"]}, "b": 2}})");
  CHECK(With(R"({"s": {"casemate": {"args": ["serve"], "command": "/c"}}})") ==
        R"({"s": {"casemate": {"args": ["serve"], "command": "/c"}}})");
}

TEST_CASE("what is not JSON is refused with line and column") {
  struct Case {
    std::string text;
    std::string_view error;
  };
  const std::string deep(100'000, '[');
  const auto [text, error] = GENERATE_COPY(values<Case>({
      {"[1]", "1:1: expected the file to hold an object, got something else"},
      {"{\"s\": 1}", "1:7: expected \"s\" to be an object, got something else"},
      {"{\"s\": {}, \"s\": {}}", "1:11: expected one \"s\", got a second; the first is at 1:2"},
      {"{\"\\u0073\": {}, \"s\": {}}",
       "1:16: expected one \"s\", got a second; the first is at 1:2"},
      {"{\n \"é\": tru }", "2:7: expected a value, got `t`"},
      {"\xEF\xBB\xBF{x", "1:2: expected a key in double quotes or `}`, got `x`"},
      {"{\"a\": 1,, }", "1:9: expected a key in double quotes or `}`, got `,`"},
      {"{\"a\" 1}", "1:6: expected `:`, got `1`"},
      {"{\"a\": \"x\n\"}", "1:7: expected an end of this string on its line, got none"},
      {"{\"a\": \"\t\"}", "1:8: expected no control character in a string, got `\\x09`"},
      {"{\"a\": \"\\q\"}", "1:7: expected a valid string, got a wrong escape in it"},
      {"{\"a\": \"\\", "1:7: expected an end of this string on its line, got none"},
      {"{\"a\": 01}", "1:7: expected a value, got `0`"},
      {"{} {}", "1:4: expected the end of the file, got `{`"},
      {"{ /* ", "1:3: expected an end of this comment, got none"},
      {"{", "1:2: expected a key in double quotes or `}`, got the end of the file"},
      {std::string("{\0}", 3), "1:2: expected text, got a NUL byte"},
      {"{\n\"\xff\"}", "2:2: expected UTF-8, got bytes that are not"},
      {"\xff\xfe{", "1:1: expected UTF-8, got bytes that are not"},
      {deep, "1:130: expected at most 128 nested objects and arrays, got more"},
  }));
  CAPTURE(text.substr(0, 100));
  CHECK(With(text) == error);
}

TEST_CASE("a large file is spliced in reasonable time, also with many equal parts") {
  std::string text = "{\"k\": [";
  for (int i = 0; i < 20'000; ++i) {
    text += "{\"a\": 1}, // x\n";
  }
  text += "],\n";
  for (int i = 0; i < 10'000; ++i) {
    text += "\"k" + std::to_string(i) + "\": {},\n";
  }
  text += "}";
  CHECK(Without(With(text)) == text);
}

TEST_CASE("an entry that nobody would write is refused") {
  const std::string text = R"({"s": {"casemate": [")" + std::string(70'000, 'x') + "\"]}}";
  const auto found = FindEntry(Format::kJson, text, kPath);
  REQUIRE_FALSE(found);
  CHECK(found.error().message == "expected an entry of at most 65536 bytes, got more");
}

}  // namespace casemate::hosts
