#include "mcp/protocol/wire.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace casemate::mcp {
namespace {

using nlohmann::json;

const EditionTraits& Traits(std::string_view version) {
  const auto edition = EditionFromVersion(version);
  REQUIRE(edition.has_value());
  return TraitsOf(*edition);
}

json Tool(const EditionTraits& edition) {
  const json input = {{"type", "object"}};
  const json output = {{"type", "object"}, {"properties", json::object()}};
  return ToolJson(edition, {"probe", "Probe", "Probes.", input, output, true, false, true, false});
}

TEST_CASE("every edition is found by its version, and no other is") {
  REQUIRE(AllEditions().size() == 5);
  for (const EditionTraits& traits : AllEditions()) {
    CHECK(EditionFromVersion(traits.version) == traits.edition);
    CHECK(TraitsOf(traits.edition).version == traits.version);
    CHECK(traits.modern == (traits.version == "2026-07-28"));
  }
  CHECK_FALSE(EditionFromVersion("2025-11-26"));
  CHECK_FALSE(EditionFromVersion(""));
  CHECK(TraitsOf(LatestLegacyEdition()).version == "2025-11-25");
}

TEST_CASE("a tool shows only the fields that its edition knows") {
  const json oldest = Tool(Traits("2024-11-05"));
  CHECK_FALSE(oldest.contains("annotations"));
  CHECK_FALSE(oldest.contains("title"));
  CHECK_FALSE(oldest.contains("outputSchema"));
  const json annotated = Tool(Traits("2025-03-26"));
  CHECK(annotated["annotations"] == json({{"title", "Probe"},
                                          {"readOnlyHint", true},
                                          {"destructiveHint", false},
                                          {"idempotentHint", true},
                                          {"openWorldHint", false}}));
  CHECK_FALSE(annotated.contains("outputSchema"));
  for (const char* version : {"2025-06-18", "2025-11-25", "2026-07-28"}) {
    const json tool = Tool(Traits(version));
    CHECK(tool["title"] == "Probe");
    CHECK(tool["outputSchema"]["type"] == "object");
    CHECK(tool["inputSchema"]["type"] == "object");
    CHECK(tool["description"] == "Probes.");
  }
}

TEST_CASE("structured content goes to the editions that know it") {
  const json structured = {{"x", 1}};
  for (const EditionTraits& traits : AllEditions()) {
    const json result = CallToolResult(traits, "text", structured, true);
    CHECK(result["isError"] == true);
    CHECK(result["content"] == json::parse(R"([{"type":"text","text":"text"}])"));
    CHECK(result.contains("structuredContent") == (traits.version >= "2025-06-18"));
  }
  CHECK_FALSE(
      CallToolResult(Traits("2026-07-28"), "t", nullptr, false).contains("structuredContent"));
}

TEST_CASE("only modern results are typed, signed and cacheable") {
  for (const EditionTraits& traits : AllEditions()) {
    for (const json& result : {ListToolsResult(traits, json::array()), EmptyResult(traits),
                               CallToolResult(traits, "", json::object(), false)}) {
      CHECK(result.contains("resultType") == traits.modern);
      CHECK(result.contains("_meta") == traits.modern);
    }
    const json list = ListToolsResult(traits, json::array());
    CHECK(list.contains("ttlMs") == traits.modern);
    CHECK(list.contains("cacheScope") == traits.modern);
    CHECK(list["tools"].is_array());
  }
}

TEST_CASE("discover answers with the modern versions") {
  const json result = DiscoverResult();
  CHECK(result["resultType"] == "complete");
  CHECK(result["supportedVersions"] == json::parse(R"(["2026-07-28"])"));
  CHECK(result["capabilities"] == json::parse(R"({"tools":{}})"));
  CHECK(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "casemate");
  CHECK(result["ttlMs"].is_number_integer());
  CHECK(result["cacheScope"] == "private");
  CHECK(result["instructions"].is_string());
  CHECK(UnsupportedVersionData("x") ==
        json::parse(R"({"supported":["2026-07-28"],"requested":"x"})"));
}

TEST_CASE("initialize answers with the edition and who we are") {
  const json oldest = InitializeResult(Traits("2024-11-05"));
  CHECK(oldest["protocolVersion"] == "2024-11-05");
  CHECK(oldest["serverInfo"]["version"] == CASEMATE_VERSION);
  CHECK_FALSE(oldest["serverInfo"].contains("title"));
  CHECK(InitializeResult(Traits("2025-06-18"))["serverInfo"]["title"] == "Casemate");
  CHECK_FALSE(oldest.contains("resultType"));
}

TEST_CASE("progress keeps the token's type; its message begins with 2025-03-26") {
  CHECK(ProgressParams(Traits("2024-11-05"), 7, 1, std::nullopt, "m") ==
        json::parse(R"({"progressToken":7,"progress":1.0})"));
  CHECK(ProgressParams(Traits("2025-03-26"), "t", 1.5, 3, "m") ==
        json::parse(R"({"progressToken":"t","progress":1.5,"total":3.0,"message":"m"})"));
  CHECK_FALSE(ProgressParams(Traits("2026-07-28"), 7, 1, std::nullopt, "").contains("message"));
}

}  // namespace
}  // namespace casemate::mcp
