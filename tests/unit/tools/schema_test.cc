#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "fixtures.h"
#include "tools/run.h"
#include "tools/run_schema.h"

namespace casemate::tools {
namespace {

using nlohmann::json;

// The keywords that every host understands (see docs/tools.md).
const std::set<std::string>& Keywords() {
  static const std::set<std::string> keywords = {
      "type",    "properties",          "required",  "items",    "enum",    "minimum",
      "maximum", "minLength",           "maxLength", "maxItems", "pattern", "description",
      "default", "additionalProperties"};
  return keywords;
}

void CheckKeywords(const json& root) {
  std::vector<const json*> open = {&root};
  while (!open.empty()) {
    const json& schema = *open.back();
    open.pop_back();
    for (const auto& [keyword, value] : schema.items()) {
      INFO(keyword);
      CHECK(Keywords().contains(keyword));
      if (keyword == "items" || (keyword == "additionalProperties" && value.is_object())) {
        open.push_back(&value);
      }
      if (keyword == "properties") {
        for (const auto& [name, property] : value.items()) {
          INFO(name);
          CHECK(property.is_object());
          open.push_back(&property);
        }
      }
    }
  }
}

TEST_CASE("schemas are objects of simple keywords") {
  const ToolSpec run = MakeRunSpec("default");
  const auto profiles = MakeProfileListTool();
  for (const ToolSpec* spec : {&run, &profiles->spec()}) {
    INFO(spec->name);
    for (const json* schema : {&spec->input_schema, &spec->output_schema}) {
      CHECK((*schema)["type"] == "object");
      CheckKeywords(*schema);
    }
    CHECK(spec->name.size() <= 30);
    CHECK_FALSE(spec->title.empty());
    CHECK(spec->description.size() < 700);
  }
  CHECK(run.input_schema["additionalProperties"] == false);
  CHECK(run.input_schema["properties"]["network"]["enum"] == json{"none"});
  CHECK(run.input_schema["properties"]["files"]["items"]["required"] == json{"path"});
  CHECK(run.output_schema["required"] == json{"status"});
}

TEST_CASE("each argument of the schema is one that decoding knows, and the reverse") {
  const ToolSpec run = MakeRunSpec("default");
  for (const auto& [name, property] : run.input_schema["properties"].items()) {
    INFO(name);
    // A value of a wrong type is refused for its type, not as an unknown member.
    json args = {{"command", {"ls"}}};
    args[name] = property["type"] == "boolean" ? json(1) : json(true);
    const auto decoded = DecodeRunArgs(args, "default");
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().message.find("unknown member") == std::string::npos);
  }
}

TEST_CASE("profile_list shows the shipped profiles and takes no arguments") {
  const auto tool = MakeProfileListTool();
  CHECK_FALSE(tool->Prepare({{"x", 1}}, {}));
  auto call = tool->Prepare(json::object(), {});
  REQUIRE(call);
  const auto policy = test::ShippedPolicy();
  const policies::Decision decision = policy->Decide(
      {"profile_list", {}, (*call)->normalised(), (*call)->context(), policies::NoHistory()});
  REQUIRE(decision.grant);
  CallContext context;
  const ToolResult result = (*call)->Run(*decision.grant, context);
  CHECK_FALSE(result.is_error);
  test::CheckConforms(result.structured, tool->spec().output_schema);
  CHECK(result.structured["profiles"].size() == policies::ShippedProfiles().size());
  CHECK(result.structured["profiles"][0]["name"] == "default");
  CHECK(result.text.find("scratch: ") != std::string::npos);
}

}  // namespace
}  // namespace casemate::tools
