#include "tools/schema_lint.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "tools/arguments/args.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 7> kTypes = {"object", "array",   "string", "integer",
                                                    "number", "boolean", "null"};
constexpr double kMaxExact = 9007199254740992;  // 2^53: the library compares as double

bool IsTypeName(const json& value) {
  return value.is_string() &&
         std::ranges::find(kTypes, std::string_view(value.get_ref<const std::string&>())) !=
             kTypes.end();
}

bool IsType(const json& value) {
  return IsTypeName(value) ||
         (value.is_array() && !value.empty() && std::ranges::all_of(value, IsTypeName));
}

bool IsCount(const json& value) {
  return value.is_number_integer() && value >= 0 && value.get<double>() <= kMaxExact;
}

// Begins with ^, and no alternative does without: then a search fails or succeeds at the start of
// the text, so that no argument can make it take time beyond its length.
bool IsAnchored(std::string_view pattern) {
  int depth = 0;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      ++i;
    } else if (in_class) {
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
    } else if (c == '(' || c == ')') {
      depth += c == '(' ? 1 : -1;
    } else if (c == '|' && depth == 0) {
      return false;
    }
  }
  return pattern.starts_with('^');
}

bool IsSchemas(const json& value) {
  return value.is_object() &&
         std::ranges::all_of(value, [](const json& item) { return item.is_object(); });
}

bool IsNames(const json& value) {
  return value.is_array() &&
         std::ranges::all_of(value, [](const json& item) { return item.is_string(); });
}

bool IsSchemaOrBool(const json& value) {
  return value.is_boolean() || value.is_object();
}

bool IsSchema(const json& value) {
  return value.is_object();
}

bool IsChoices(const json& value) {
  return value.is_array() && !value.empty();
}

bool IsAnything(const json& /*value*/) {
  return true;
}

bool IsBound(const json& value) {
  return value.is_number() && std::abs(value.get<double>()) <= kMaxExact;
}

bool IsBool(const json& value) {
  return value.is_boolean();
}

bool IsText(const json& value) {
  return value.is_string();
}

bool IsPattern(const json& value) {
  return value.is_string() && IsAnchored(value.get_ref<const std::string&>());
}

// What a keyword's value must be.
struct Form {
  bool (*fits)(const json& value);
  std::string_view expected;
};
constexpr Form kType{IsType, "a type's name, or an array of them"};
constexpr Form kSchemas{IsSchemas, "an object of schemas"};
constexpr Form kNames{IsNames, "an array of names"};
constexpr Form kSchemaOrBool{IsSchemaOrBool, "true, false or a schema"};
constexpr Form kSchema{IsSchema, "a schema (a JSON object)"};
constexpr Form kChoices{IsChoices, "an array of one or more values"};
constexpr Form kAnything{IsAnything, "anything"};
constexpr Form kBound{IsBound, "a number of at most 2^53"};
constexpr Form kCount{IsCount, "a count"};
constexpr Form kBool{IsBool, "true or false"};
constexpr Form kText{IsText, "a string"};
constexpr Form kPattern{
    IsPattern, "a regular expression that begins with ^ and has no | outside of parentheses"};

struct Keyword {
  std::string_view name;
  const Form& form;
};

// `format` is an annotation in 2020-12: it is accepted and never checked.
constexpr std::array<Keyword, 25> kKeywords = {{
    {"type", kType},
    {"properties", kSchemas},
    {"required", kNames},
    {"additionalProperties", kSchemaOrBool},
    {"items", kSchema},
    {"enum", kChoices},
    {"const", kAnything},
    {"minimum", kBound},
    {"maximum", kBound},
    {"exclusiveMinimum", kBound},
    {"exclusiveMaximum", kBound},
    {"minLength", kCount},
    {"maxLength", kCount},
    {"pattern", kPattern},
    {"minItems", kCount},
    {"maxItems", kCount},
    {"uniqueItems", kBool},
    {"minProperties", kCount},
    {"maxProperties", kCount},
    {"title", kText},
    {"description", kText},
    {"default", kAnything},
    {"examples", kAnything},
    {"format", kText},
    {"x-mcp-header", kText},
}};

Error Unsupported(std::string path, const std::string& expected, const std::string& got) {
  return InvalidArgument(std::move(path), "expected " + expected + ", got " + got);
}

Error UnknownKeyword(const std::string& path, std::string_view name) {
  std::vector<std::string> names;
  names.reserve(kKeywords.size());
  for (const Keyword& keyword : kKeywords) {
    names.emplace_back(keyword.name);
  }
  Error error = Unsupported(
      path, "a keyword that means the same in Draft 7 and 2020-12 and is checked", Quoted(name));
  error.remedy = "use only: " + Join(names, ", ");
  return error;
}

struct Place {
  const json* schema;
  std::string path;
  int depth;
};

Result<void> LintKeywords(const Place& place) {
  for (const auto& [name, value] : place.schema->items()) {
    const std::string path = place.path + "." + name;
    const auto* keyword = std::ranges::find(kKeywords, std::string_view(name), &Keyword::name);
    if (keyword == kKeywords.end()) {
      return UnknownKeyword(path, name);
    }
    if (!keyword->form.fits(value)) {
      return Unsupported(path, std::string(keyword->form.expected), DescribeJson(value));
    }
  }
  return {};
}

// What keywords of one schema ask of each other.
Result<void> LintTogether(const Place& place) {
  const json& schema = *place.schema;
  if (schema.value("uniqueItems", false) &&
      (!schema.contains("maxItems") || schema["maxItems"] > kMaxUniqueItems)) {
    return Unsupported(place.path + ".uniqueItems",
                       "`maxItems` of at most " + std::to_string(kMaxUniqueItems) + " beside it",
                       schema.contains("maxItems") ? "more" : "none");
  }
  if (!schema.contains("required") || !schema.contains("additionalProperties") ||
      schema["additionalProperties"] != false) {
    return {};
  }
  for (const json& name : schema["required"]) {
    if (!schema.contains("properties") ||
        !schema["properties"].contains(name.get_ref<const std::string&>())) {
      return Unsupported(place.path + ".required", "names of `properties`",
                         Quoted(name.get_ref<const std::string&>()));
    }
  }
  return {};
}

void PushChildren(const Place& place, std::vector<Place>& open) {
  const json& schema = *place.schema;
  for (const char* name : {"items", "additionalProperties"}) {
    if (const auto found = schema.find(name); found != schema.end() && found->is_object()) {
      open.push_back({&*found, place.path + "." + name, place.depth + 1});
    }
  }
  if (const auto properties = schema.find("properties"); properties != schema.end()) {
    for (const auto& [name, property] : properties->items()) {
      open.push_back({&property, place.path + ".properties." + name, place.depth + 1});
    }
  }
}

}  // namespace

Result<void> LintSchema(const json& schema) {
  if (!schema.is_object() || !schema.contains("type") || schema["type"] != "object") {
    return Unsupported("input_schema.type", "a schema of type `object`",
                       schema.is_object() ? "another one" : DescribeJson(schema));
  }
  std::vector<Place> open = {{&schema, "input_schema", 1}};
  while (!open.empty()) {
    const Place place = std::move(open.back());
    open.pop_back();
    if (place.depth > kMaxSchemaDepth) {
      return Unsupported(place.path,
                         "at most " + std::to_string(kMaxSchemaDepth) + " nested schemas", "more");
    }
    if (auto linted = LintKeywords(place); !linted) {
      return linted;
    }
    if (auto linted = LintTogether(place); !linted) {
      return linted;
    }
    PushChildren(place, open);
  }
  return {};
}

}  // namespace casemate::tools
