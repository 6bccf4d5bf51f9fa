#include "tools/header_params.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace casemate::tools {
namespace {

using nlohmann::json;

json Bound(const char* type, const json& name) {
  return {{"type", type}, {"x-mcp-header", name}};
}

json With(const json& properties) {
  return {{"type", "object"}, {"properties", properties}};
}

std::string FieldOf(const json& schema) {
  const auto linted = LintHeaderParams(schema);
  return linted ? std::string() : linted.error().field;
}

TEST_CASE("bindings that clients accept pass") {
  CHECK(FieldOf({{"type", "object"}}).empty());
  CHECK(FieldOf(With({{"a", Bound("string", "Region")},
                      {"b", Bound("integer", "Size-2")},
                      {"c", With({{"d", Bound("boolean", "x!#$%&'*+-.^_`|~")}})}}))
            .empty());
}

TEST_CASE("bindings that clients would reject the tool for are refused, by their path") {
  const std::string at = "input_schema.properties.a.x-mcp-header";
  for (const json& name :
       {json(""), json("a b"), json("a:b"), json("a\r\nX"), json("\u00e9"), json(7)}) {
    CHECK(FieldOf(With({{"a", Bound("string", name)}})) == at);
  }
  for (const char* type : {"number", "object", "array", "null"}) {
    CHECK(FieldOf(With({{"a", Bound(type, "A")}})) == at);
  }
  CHECK(FieldOf(With({{"a", {{"x-mcp-header", "A"}}}})) == at);
  CHECK_FALSE(
      FieldOf(With({{"a", Bound("string", "Same")}, {"b", Bound("string", "sAME")}})).empty());
  CHECK(FieldOf(With({{"a", {{"type", "array"}, {"items", Bound("string", "A")}}}})) ==
        "input_schema.properties.a.items.x-mcp-header");
  CHECK(FieldOf({{"type", "object"}, {"anyOf", {With({{"a", Bound("string", "A")}})}}}) ==
        "input_schema.anyOf.0.properties.a.x-mcp-header");
}

TEST_CASE("each binding is visited with its value") {
  const json schema =
      With({{"a", Bound("string", "A")},
            {"b", With({{"c", Bound("integer", "C")}, {"n", Bound("string", "N")}})},
            {"z", {{"type", "string"}}}});
  json seen = json::object();
  VisitHeaderParams(schema, {{"a", "x"}, {"b", {{"c", 3}, {"n", nullptr}}}},
                    [&](const std::string& name, const std::string& path, const json* value) {
                      seen[name] = {path, value == nullptr ? json("none") : *value};
                      return true;
                    });
  CHECK(seen == json{{"A", {"a", "x"}}, {"C", {"b.c", 3}}, {"N", {"b.n", "none"}}});
}

}  // namespace
}  // namespace casemate::tools
