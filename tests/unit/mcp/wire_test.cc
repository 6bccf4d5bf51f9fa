#include "mcp/protocol/wire.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "tools/icon.h"

namespace casemate::mcp {
namespace {

using nlohmann::json;

const EditionTraits& Traits(std::string_view version) {
  const auto edition = EditionFromVersion(version);
  REQUIRE(edition.has_value());
  return TraitsOf(*edition);
}

json Tool(const EditionTraits& edition) {
  tools::ToolSpec spec;
  spec.name = "probe";
  spec.title = "Probe";
  spec.description = "Probes.";
  spec.input_schema = {{"type", "object"}};
  spec.output_schema = {{"type", "object"}, {"properties", json::object()}};
  spec.annotations = {
      .read_only = true, .destructive = false, .idempotent = true, .open_world = false};
  return ToolJson(edition, spec);
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
    CHECK_FALSE(tool["annotations"].contains("title"));  // once is enough
    CHECK(tool["outputSchema"]["type"] == "object");
    CHECK(tool["inputSchema"]["type"] == "object");
    CHECK(tool["description"] == "Probes.");
  }
}

tools::ToolResult Answer(const std::string& text, json structured, bool is_error) {
  tools::ToolResult result;
  result.text = text;
  result.structured = std::move(structured);
  result.is_error = is_error;
  return result;
}

ServerIdentity Identity() {
  ServerIdentity identity;
  identity.name = "probe-server";
  identity.title = "Probe server";
  identity.version = "1.2";
  identity.description = "For tests";
  identity.website_url = "https://example.org/";
  identity.icon_url = "https://example.org/icon.svg";
  identity.instructions = "Read me.";
  return identity;
}

TEST_CASE("structured content goes to the editions that know it") {
  for (const EditionTraits& traits : AllEditions()) {
    const json result = CallToolResult(traits, Answer("text", {{"x", 1}}, true));
    CHECK(result["isError"] == true);
    CHECK(result["content"] == json::parse(R"([{"type":"text","text":"text"}])"));
    CHECK(result.contains("structuredContent") == (traits.version >= "2025-06-18"));
  }
  CHECK_FALSE(CallToolResult(Traits("2026-07-28"), Answer("t", nullptr, false))
                  .contains("structuredContent"));
}

TEST_CASE("icons go to the editions that know them, with their type") {
  tools::ToolSpec tool;
  tool.name = "t";
  tool.icon = tools::IconOf("M1 0v8l6-4z");
  tools::PromptSpec prompt;
  prompt.icon = "https://example.org/p.png";
  tools::ResourceSpec resource;
  for (const EditionTraits& traits : AllEditions()) {
    const bool knows = traits.version >= "2025-11-25";
    const json shown = ToolJson(traits, tool);
    REQUIRE(shown.contains("icons") == knows);
    CHECK(PromptJson(traits, prompt).contains("icons") == knows);
    CHECK_FALSE(ResourceJson(traits, resource).contains("icons"));
    if (knows) {
      CHECK(shown["icons"].size() == 1);
      CHECK(shown["icons"][0]["mimeType"] == "image/svg+xml");
      const auto uri = shown["icons"][0]["src"].get<std::string>();
      REQUIRE(uri.starts_with("data:image/svg+xml;base64,"));
      const auto svg = DecodeBase64(uri.substr(uri.find(',') + 1));
      REQUIRE(svg.has_value());
      CHECK(svg->starts_with("<svg xmlns="));
      CHECK(PromptJson(traits, prompt)["icons"] ==
            json::parse(R"([{"src":"https://example.org/p.png"}])"));
    }
  }
}

TEST_CASE("content that an edition cannot carry becomes text") {
  tools::ToolResult result;
  result.more = {tools::MediaContent{"snd", "audio/wav"}, tools::MediaContent{"img", "image/png"},
                 tools::ResourceLink{"casemate://runs/1/stdout", "stdout", "", "text/plain", 9},
                 tools::ResourceContents{"test://x", "text/plain", "hello", false},
                 tools::ResourceContents{"test://y", "application/x", "hello", true}};
  const json oldest = CallToolResult(Traits("2024-11-05"), result)["content"];
  CHECK(oldest[0]["type"] == "text");
  CHECK(oldest[1] == json::parse(R"({"type":"image","data":"aW1n","mimeType":"image/png"})"));
  CHECK(oldest[2]["type"] == "text");
  CHECK(oldest[3]["resource"]["text"] == "hello");
  CHECK(oldest[4]["resource"]["blob"] == "aGVsbG8=");
  const json newest = CallToolResult(Traits("2026-07-28"), result)["content"];
  CHECK(newest[0]["type"] == "audio");
  CHECK(newest[2]["type"] == "resource_link");
  CHECK(newest[2]["size"] == 9);
}

TEST_CASE("what is untrusted says so where its edition has a place for it") {
  tools::ResourceContents contents{"test://x", "text/plain", "hello", false};
  const tools::Content block = contents;
  contents.untrusted = true;
  for (const EditionTraits& traits : AllEditions()) {
    const json read = ReadResourceResult(traits, contents);
    const json& place = traits.content_meta ? read["contents"][0] : read;
    CHECK(place["_meta"] == json{{"io.github.casemate/untrusted", true}});
    CHECK(read.contains("_meta") != traits.content_meta);
    const json embedded = ContentJson(traits, contents)["resource"];
    CHECK(embedded.contains("_meta") == traits.content_meta);
    CHECK_FALSE(ContentJson(traits, block)["resource"].contains("_meta"));
  }
}

TEST_CASE("only modern results are typed, signed and cacheable") {
  for (const EditionTraits& traits : AllEditions()) {
    const json plain = Complete(traits, Identity(), json::object());
    CHECK(plain.contains("resultType") == traits.modern);
    CHECK(plain.contains("_meta") == traits.modern);
    CHECK_FALSE(plain.contains("ttlMs"));
    const json list = Complete(traits, Identity(), {{"tools", json::array()}}, kListTtlMs);
    CHECK(list.contains("ttlMs") == traits.modern);
    CHECK(list.contains("cacheScope") == traits.modern);
    CHECK(list["tools"].is_array());
  }
}

TEST_CASE("discover answers with the modern versions and what is offered") {
  const json bare = DiscoverResult(Identity(), {});
  CHECK(bare["resultType"] == "complete");
  CHECK(bare["supportedVersions"] == json::parse(R"(["2026-07-28"])"));
  CHECK(bare["capabilities"] == json::parse(R"({"tools":{"listChanged":true},"logging":{}})"));
  CHECK(bare["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "probe-server");
  CHECK(bare["ttlMs"].is_number_integer());
  CHECK(bare["cacheScope"] == "private");
  CHECK(bare["instructions"] == "Read me.");
  const Offer all{.resources = true, .prompts = true, .completions = true, .tasks = true};
  const json full = DiscoverResult(Identity(), all)["capabilities"];
  CHECK(full["resources"]["subscribe"] == true);
  CHECK(full["prompts"]["listChanged"] == true);
  CHECK(full["completions"].is_object());
  CHECK(full["extensions"]["io.modelcontextprotocol/tasks"].is_object());
  CHECK(UnsupportedVersionData("x") ==
        json::parse(R"({"supported":["2026-07-28"],"requested":"x"})"));
}

TEST_CASE("initialize answers with the edition and who we are") {
  const Offer all{.resources = true, .prompts = true, .completions = true, .tasks = true};
  const json oldest = InitializeResult(Traits("2024-11-05"), Identity(), all);
  CHECK(oldest["protocolVersion"] == "2024-11-05");
  CHECK(oldest["serverInfo"] == json::parse(R"({"name":"probe-server","version":"1.2"})"));
  CHECK_FALSE(oldest.contains("resultType"));
  CHECK_FALSE(oldest["capabilities"].contains("completions"));
  CHECK_FALSE(oldest["capabilities"].contains("extensions"));
  CHECK(InitializeResult(Traits("2025-06-18"), Identity(), all)["serverInfo"]["title"] ==
        "Probe server");
  const json latest = InitializeResult(Traits("2025-11-25"), Identity(), all)["serverInfo"];
  CHECK(latest["websiteUrl"] == "https://example.org/");
  CHECK(latest["icons"][0]["src"] == "https://example.org/icon.svg");
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
