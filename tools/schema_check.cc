#include "tools/schema_check.h"

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_visitor.hpp>

#include <cmath>
#include <exception>
#include <regex>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "tools/schema_explain.h"
#include "tools/schema_lint.h"

namespace casemate::tools {

namespace {

using nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

// Visits every value without recursion.
template <typename Json, typename Visit>
void ForEachValue(Json& root, const Visit& visit) {
  std::vector<Json*> open = {&root};
  while (!open.empty()) {
    Json& value = *open.back();
    open.pop_back();
    visit(value);
    if (value.is_structured()) {
      for (auto& child : value) {
        if (child.is_structured()) {
          open.push_back(&child);
        } else {
          visit(child);
        }
      }
    }
  }
}

// 512.0 is an integer in JSON Schema; the library asks how it is written.
bool IsIntegralFloat(const json& value) {
  return value.is_number_float() && std::abs(value.get<double>()) < 9e15 &&
         std::trunc(value.get<double>()) == value.get<double>();
}

bool HoldsIntegralFloat(const json& args) {
  bool holds = false;
  ForEachValue(args, [&](const json& value) { holds = holds || IsIntegralFloat(value); });
  return holds;
}

json WithIntegers(json value) {
  ForEachValue(value, [](json& each) {
    if (IsIntegralFloat(each)) {
      each = static_cast<std::int64_t>(each.get<double>());
    }
  });
  return value;
}

// The library counts a string's length up to its first NUL: behind it anything could hide.
bool HoldsNul(const json& args) {
  bool holds = false;
  ForEachValue(args, [&](const json& value) {
    holds = holds || (value.is_string() &&
                      value.get_ref<const std::string&>().find('\0') != std::string::npos);
  });
  return holds;
}

// Calls `visit` for each schema in `root`, itself included.
template <typename Visit>
void ForEachSchema(json& root, const Visit& visit) {
  std::vector<json*> open = {&root};
  while (!open.empty()) {
    json& schema = *open.back();
    open.pop_back();
    visit(schema);
    for (const char* name : {"items", "additionalProperties"}) {
      if (schema.contains(name) && schema[name].is_object()) {
        open.push_back(&schema[name]);
      }
    }
    if (schema.contains("properties")) {
      for (json& property : schema["properties"]) {
        open.push_back(&property);
      }
    }
  }
}

// Matched breadth-first: linear in the text, where the default matcher recurses for each character
// and may take exponential time (attack: stack overflow or a hung call by one long argument).
std::regex CompilePattern(const std::string& pattern) {
  return std::regex(pattern, std::regex_constants::ECMAScript | std::regex_constants::__polynomial);
}

}  // namespace

struct ArgumentSchema::Compiled {
  json source;
  valijson::Schema schema;
  // The library takes it by mutable reference, to add what it lacks; it lacks nothing.
  mutable Patterns patterns;

  // May throw: the library's errors and std::regex_error.
  void Load(const json& from) {
    source = WithIntegers(from);
    ForEachSchema(source, [](json& each) {
      if (each.contains("pattern") && !each.contains("maxLength")) {
        each["maxLength"] = kMaxPatternCharacters;  // checked first, here and in the library
      }
    });
    json checked = source;
    ForEachSchema(checked, [&](json& each) {
      each.erase("format");  // an annotation for us; the library would check some formats
      if (each.contains("pattern")) {
        const auto text = each["pattern"].get<std::string>();
        patterns.try_emplace(text, CompilePattern(text));
      }
    });
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.populateSchema(Adapter(checked), schema);
  }

  [[nodiscard]] bool Accepts(const json& args) const {
    // No results object: it would hold every error of an argument of millions of elements.
    const Adapter target(args);  // the visitor keeps a reference
    valijson::ValidationVisitor<Adapter> visitor(target, {}, true, nullptr, patterns);
    return visitor.validateSchema(schema);
  }
};

ArgumentSchema::ArgumentSchema(std::shared_ptr<const Compiled> compiled)
    : compiled_(std::move(compiled)) {}

Result<ArgumentSchema> ArgumentSchema::Compile(const json& schema) {
  if (auto linted = LintSchema(schema); !linted) {
    return std::move(linted).error();
  }
  auto compiled = std::make_shared<Compiled>();
  try {
    compiled->Load(schema);
  } catch (const std::exception& caught) {
    return InvalidArgument("input_schema",
                           "expected a JSON Schema, got: " + std::string(caught.what()));
  }
  return ArgumentSchema(std::move(compiled));
}

std::vector<Violation> ArgumentSchema::Check(const json& args) const {
  std::vector<Violation> violations;
  std::string failure = "something else";
  try {
    const bool converted = HoldsIntegralFloat(args);
    const json copy = converted ? WithIntegers(args) : json();
    const json& value = converted ? copy : args;
    if (!HoldsNul(value) && compiled_->Accepts(value)) {
      return violations;
    }
    violations = Explain(compiled_->source, value, compiled_->patterns);
    if (!violations.empty() || compiled_->Accepts(value)) {
      return violations;
    }
  } catch (const std::exception& caught) {
    failure = std::string("a failure of the check: ") + caught.what();
  }
  // Refused without our knowing why: say so rather than let it pass.
  const std::string expected = "arguments that the input schema allows";
  violations.push_back(
      {"args", expected, failure, "expected " + expected + ", got " + failure, {}});
  return violations;
}

ToolResult InvalidArguments(std::span<const Violation> violations) {
  const Violation& first = violations.front();
  Error error = InvalidArgument(first.path, first.message);
  error.remedy = first.remedy;
  if (violations.size() > 1) {
    error.remedy += "\nThe others likewise, as they say above.";
  }
  for (const Violation& violation : violations.subspan(1)) {
    error.message += "\n" + violation.path + ": " + violation.message;
  }
  if (violations.size() == kMaxViolations) {
    error.message += "\nNot more than " + std::to_string(kMaxViolations) + " are listed.";
  }
  ToolResult result = ErrorResult(error);
  json list = json::array();
  for (const Violation& violation : violations) {
    list.push_back({{"path", violation.path},
                    {"expected", violation.expected},
                    {"got", EscapeControls(ToValidUtf8(violation.got), false)}});
  }
  result.structured["error"]["violations"] = std::move(list);
  return result;
}

}  // namespace casemate::tools
