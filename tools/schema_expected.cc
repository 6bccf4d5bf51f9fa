#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "tools/arguments/args.h"
#include "tools/schema_explain.h"
#include "tools/schema_lint.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxChoices = 32;

// "from 1 to 5", "of at least 1", "above 0 and below 5"; empty: no bounds.
std::string RangeText(const json& schema) {
  const bool has_min = schema.contains("minimum");
  const bool has_max = schema.contains("maximum");
  if (has_min && has_max && !schema.contains("exclusiveMinimum") &&
      !schema.contains("exclusiveMaximum")) {
    return " from " + DumpJson(schema["minimum"]) + " to " + DumpJson(schema["maximum"]);
  }
  constexpr std::array<std::pair<const char*, const char*>, 4> kBounds = {
      {{"minimum", "of at least "},
       {"exclusiveMinimum", "above "},
       {"maximum", "of at most "},
       {"exclusiveMaximum", "below "}}};
  std::vector<std::string> parts;
  for (const auto& [keyword, words] : kBounds) {
    if (schema.contains(keyword)) {
      parts.push_back(words + DumpJson(schema[keyword]));
    }
  }
  return parts.empty() ? "" : " " + Join(parts, " and ");
}

// "at most 5 strings", "1 to 5 strings", "at least one string", "strings".
std::string CountText(const json& schema, const char* min, const char* max, const std::string& one,
                      const std::string& many) {
  const auto low = schema.value(min, std::uint64_t{0});
  if (!schema.contains(max)) {
    if (low == 1) {
      return "at least one " + one;
    }
    return low == 0 ? many : "at least " + std::to_string(low) + " " + many;
  }
  const auto high = schema[max].get<std::uint64_t>();
  const std::string& noun = high == 1 ? one : many;
  if (low == 0) {
    return "at most " + std::to_string(high) + " " + noun;
  }
  return (low == high ? "" : std::to_string(low) + " to ") + std::to_string(high) + " " + noun;
}

std::string StringText(const json& schema) {
  // The bound that comes with every pattern goes without saying.
  const bool has_max =
      schema.contains("maxLength") &&
      !(schema.contains("pattern") && schema["maxLength"] == kMaxPatternCharacters);
  const bool has_min = schema.value("minLength", std::uint64_t{0}) > 0;
  std::string text = "a string";
  if (has_min && !has_max && schema["minLength"] == 1) {
    text = "a string that is not empty";
  } else if (has_min || has_max) {
    text += " of " + CountText(schema, "minLength", "maxLength", "character", "characters");
  }
  if (schema.contains("pattern")) {
    text += (text == "a string" ? " that matches `" : ", matching `") +
            schema["pattern"].get<std::string>() + "`";
  }
  return text;
}

std::string ArrayText(const json& schema) {
  std::string one = "element";
  if (schema.contains("items") && schema["items"].contains("type") &&
      schema["items"]["type"].is_string()) {
    one = schema["items"]["type"].get<std::string>();
  }
  std::string text = "an array of " + CountText(schema, "minItems", "maxItems", one, one + "s");
  return text + (schema.value("uniqueItems", false) ? ", each once" : "");
}

std::string ObjectText(const json& schema) {
  if (!schema.contains("minProperties") && !schema.contains("maxProperties")) {
    return "an object";
  }
  return "an object of " + CountText(schema, "minProperties", "maxProperties", "member", "members");
}

std::string TypeText(const json& schema, const std::string& type) {
  if (type == "integer") {
    return "an integer" + RangeText(schema);
  }
  if (type == "number") {
    return "a number" + RangeText(schema);
  }
  if (type == "string") {
    return StringText(schema);
  }
  if (type == "array") {
    return ArrayText(schema);
  }
  if (type == "object") {
    return ObjectText(schema);
  }
  return type == "boolean" ? "true or false" : type;
}

// A value of the schema's own, so not a secret.
std::string Shown(const json& value) {
  return value.is_string() ? value.get<std::string>() : DumpJson(value);
}

}  // namespace

std::string ExpectedText(const json& schema) {
  if (schema.contains("const")) {
    return Shown(schema["const"]);
  }
  std::vector<std::string> parts;
  if (schema.contains("enum")) {
    for (const json& choice : schema["enum"]) {
      if (parts.size() == kMaxChoices) {
        parts.emplace_back("…");
        break;
      }
      parts.push_back(Shown(choice));
    }
    return (parts.size() == 1 ? "" : "one of ") + Join(parts, ", ");
  }
  if (!schema.contains("type")) {
    return "a value that the schema allows";
  }
  const json types = schema["type"].is_array() ? schema["type"] : json::array({schema["type"]});
  for (const json& type : types) {
    parts.push_back(TypeText(schema, type.get<std::string>()));
  }
  return Join(parts, " or ");
}

}  // namespace casemate::tools
