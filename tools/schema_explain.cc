#include "tools/schema_explain.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "tools/arguments/args.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMinPrefixBytes = 3;  // fewer begin too many names

bool HasType(const json& value, std::string_view type) {
  if (type == "integer") {
    return value.is_number_integer();
  }
  if (type == "number") {
    return value.is_number();
  }
  return type == value.type_name();
}

bool TypeHolds(const json& schema, const json& value) {
  const auto type = schema.find("type");
  if (type == schema.end()) {
    return true;
  }
  if (type->is_string()) {
    return HasType(value, type->get_ref<const std::string&>());
  }
  return std::ranges::any_of(
      *type, [&](const json& name) { return HasType(value, name.get_ref<const std::string&>()); });
}

bool RangeHolds(const json& schema, const json& value) {
  const auto number = value.get<double>();
  return number >= schema.value("minimum", number) && number <= schema.value("maximum", number) &&
         (!schema.contains("exclusiveMinimum") ||
          number > schema["exclusiveMinimum"].get<double>()) &&
         (!schema.contains("exclusiveMaximum") ||
          number < schema["exclusiveMaximum"].get<double>());
}

bool CountHolds(const json& schema, const char* min, const char* max, std::uint64_t count) {
  return count >= schema.value(min, count) && count <= schema.value(max, count);
}

// JSON Schema counts characters (code points), not bytes.
std::uint64_t Characters(const std::string& text) {
  return static_cast<std::uint64_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool HasRepeated(const json& array) {
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (std::find(array.begin(), array.begin() + static_cast<std::ptrdiff_t>(i), array[i]) !=
        array.begin() + static_cast<std::ptrdiff_t>(i)) {
      return true;
    }
  }
  return false;
}

std::string Counted(std::uint64_t count, const std::string& one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

// "got …" of a string, or nothing when it is as it should be. Never its text.
std::optional<std::string> StringFault(const json& schema, const json& value,
                                       const Patterns& patterns) {
  const auto& text = value.get_ref<const std::string&>();
  const std::uint64_t characters = Characters(text);
  if (!CountHolds(schema, "minLength", "maxLength", characters)) {
    return characters == 0 ? "an empty one" : "one of " + Counted(characters, "character");
  }
  const auto pattern = schema.find("pattern");
  if (pattern != schema.end() &&
      !std::regex_search(text, patterns.at(pattern->get<std::string>()))) {
    return "one that does not match";
  }
  return std::nullopt;
}

std::optional<std::string> ArrayFault(const json& schema, const json& value) {
  if (!CountHolds(schema, "minItems", "maxItems", value.size())) {
    return value.empty() ? "an empty array" : Counted(value.size(), "element");
  }
  if (schema.value("uniqueItems", false) && HasRepeated(value)) {
    return "a repeated element";
  }
  return std::nullopt;
}

// What is wrong with the value itself, its members and elements aside: "got …".
std::optional<std::string> Fault(const json& schema, const json& value, const Patterns& patterns) {
  if (!TypeHolds(schema, value)) {
    return DescribeJson(value);
  }
  if (schema.contains("const") && schema["const"] != value) {
    return value.is_string() ? "another string" : DescribeJson(value);
  }
  if (const auto choices = schema.find("enum");
      choices != schema.end() && std::ranges::find(*choices, value) == choices->end()) {
    return value.is_string() ? Quoted(value.get_ref<const std::string&>()) : DescribeJson(value);
  }
  if (value.is_number() && !RangeHolds(schema, value)) {
    return DescribeJson(value);
  }
  if (value.is_string()) {
    return StringFault(schema, value, patterns);
  }
  if (value.is_array()) {
    return ArrayFault(schema, value);
  }
  if (value.is_object() && !CountHolds(schema, "minProperties", "maxProperties", value.size())) {
    return Counted(value.size(), "member");
  }
  return std::nullopt;
}

// What to pass instead, as `name`.
std::string RemedyOf(const json& schema, const std::string& name, const json* value) {
  if (schema.contains("enum")) {
    std::vector<std::string_view> names;
    for (const json& choice : schema["enum"]) {
      if (choice.is_string()) {
        names.emplace_back(choice.get_ref<const std::string&>());
      }
    }
    const auto nearest = value != nullptr && value->is_string()
                             ? NearestName(value->get_ref<const std::string&>(), names)
                             : std::nullopt;
    return "use " + (nearest ? "`" + *nearest + "`" : ExpectedText(schema)) + " as `" + name + "`";
  }
  const std::string about = schema.value("description", std::string());
  return about.empty() ? "pass " + ExpectedText(schema) + " as `" + name + "`"
                       : "correct `" + name + "`: " + about;
}

// What the caller may have meant by a member that is unknown: "limits.pids", and how to say so.
struct Meant {
  std::string path;
  std::string remedy;
};

// A member of the same name further in, the nearest name, or the only one that begins like it.
std::optional<Meant> MeantBy(const json& properties, const std::string& name) {
  std::vector<std::string_view> known;
  std::vector<std::string> longer;
  std::string holder;
  for (const auto& [property, schema] : properties.items()) {
    const auto inner = schema.find("properties");
    if (inner != schema.end() && inner->contains(name)) {
      holder = property;
    }
    if (name.size() >= kMinPrefixBytes && property.starts_with(name)) {
      longer.push_back(property);
    }
    known.emplace_back(property);
  }
  if (!holder.empty()) {
    return Meant{holder + "." + name, "move `" + name + "` into `" + holder + "`"};
  }
  auto nearest = NearestName(name, known);
  if (!nearest && longer.size() == 1) {
    nearest = longer.front();
  }
  if (!nearest) {
    return std::nullopt;
  }
  return Meant{*nearest, "rename " + Quoted(name) + " to `" + *nearest + "`"};
}

// Walks arguments and schema together; a frame for each level, so at most kMaxSchemaDepth + 1.
class Walk {
 public:
  explicit Walk(const Patterns& patterns) : patterns_(patterns) {}

  std::vector<Violation> From(const json& schema, const json& args) && {
    Enter(schema, args, "args");
    while (!frames_.empty() && violations_.size() < kMaxViolations) {
      Advance();
    }
    return std::move(violations_);
  }

 private:
  struct Frame {
    const json& schema;
    const json& value;
    std::string path;
    json::const_iterator next;
    std::size_t index = 0;
  };

  void Report(std::string path, std::string expected, std::string got, std::string remedy) {
    if (violations_.size() < kMaxViolations) {
      std::string message = "expected " + expected + ", got " + got;
      violations_.push_back({std::move(path), std::move(expected), std::move(got),
                             std::move(message), std::move(remedy)});
    }
  }

  // As the caller wrote it: without what stands for the arguments as a whole.
  static std::string Shown(const std::string& path) {
    constexpr std::string_view kRoot = "args.";
    return path.starts_with(kRoot) ? path.substr(kRoot.size()) : "arguments";
  }

  static std::string Below(const std::string& path, std::string_view name) {
    return path + "." + EscapeControls(ToValidUtf8(name.substr(0, kMaxNameBytes)), false);
  }

  void Enter(const json& schema, const json& value, std::string path) {
    if (auto got = Fault(schema, value, patterns_)) {
      std::string remedy = RemedyOf(schema, Shown(path), &value);
      Report(std::move(path), ExpectedText(schema), *std::move(got), std::move(remedy));
      return;
    }
    if (!value.is_structured()) {
      return;
    }
    if (value.is_object() && schema.contains("required")) {
      ReportMissing(schema, value, path);
    }
    frames_.push_back({schema, value, std::move(path), value.begin()});
  }

  void ReportMissing(const json& schema, const json& value, const std::string& path) {
    static const json kAny = json::object();
    for (const json& required : schema["required"]) {
      const auto& name = required.get_ref<const std::string&>();
      if (value.contains(name)) {
        continue;
      }
      const json& property = schema.contains("properties") && schema["properties"].contains(name)
                                 ? schema["properties"][name]
                                 : kAny;
      const std::string below = Below(path, name);
      Report(below, property.empty() ? "a value" : ExpectedText(property), "nothing",
             RemedyOf(property, Shown(below), nullptr));
    }
  }

  void ReportUnknown(const Frame& frame, const std::string& name) {
    std::vector<std::string> shown;
    std::optional<Meant> meant;
    if (const auto properties = frame.schema.find("properties"); properties != frame.schema.end()) {
      for (const auto& [property, schema] : properties->items()) {
        shown.push_back(property);
      }
      meant = MeantBy(*properties, name);
    }
    Violation violation;
    violation.path = Below(frame.path, name);
    violation.got = "unknown member " + Quoted(name);
    violation.message = violation.got + (meant ? "; did you mean `" + meant->path + "`?" : "");
    violation.expected = "no such member";
    violation.remedy = "pass an empty object";
    if (meant) {
      violation.expected = "`" + meant->path + "`";
      violation.remedy = meant->remedy;
    } else if (!shown.empty()) {
      violation.expected = "one of " + Join(shown, ", ");
      violation.remedy = "use only: " + Join(shown, ", ");
    }
    violations_.push_back(std::move(violation));
  }

  void Advance() {
    Frame& frame = frames_.back();
    if (frame.next == frame.value.end()) {
      frames_.pop_back();
      return;
    }
    const auto child = frame.next++;
    if (frame.value.is_array()) {
      const std::size_t index = frame.index++;
      if (const auto items = frame.schema.find("items"); items != frame.schema.end()) {
        Enter(*items, *child, frame.path + "." + std::to_string(index));
      }
      return;
    }
    if (const json* schema = SchemaOfMember(frame, child.key())) {
      Enter(*schema, *child, Below(frame.path, child.key()));
    }
  }

  // Null: nothing to check; an unknown member is reported.
  const json* SchemaOfMember(const Frame& frame, const std::string& name) {
    if (const auto properties = frame.schema.find("properties"); properties != frame.schema.end()) {
      if (const auto property = properties->find(name); property != properties->end()) {
        return &*property;
      }
    }
    const auto others = frame.schema.find("additionalProperties");
    if (others == frame.schema.end() || *others == true) {
      return nullptr;
    }
    if (others->is_object()) {
      return &*others;
    }
    ReportUnknown(frame, name);
    return nullptr;
  }

  const Patterns& patterns_;
  std::vector<Frame> frames_;
  std::vector<Violation> violations_;
};

}  // namespace

std::vector<Violation> Explain(const json& schema, const json& args, const Patterns& patterns) {
  return Walk(patterns).From(schema, args);
}

}  // namespace casemate::tools
