#include "tools/arguments/args.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr std::size_t kQuotedBytes = 64;

std::vector<std::string> Strings(std::span<const std::string_view> views) {
  return {views.begin(), views.end()};
}

std::string ShowNumber(double value) {
  return DumpJson(json(value));
}

// JSON Schema counts 512.0 as an integer too.
std::optional<std::int64_t> AsInteger(const json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return std::nullopt;
    }
    return static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer()) {
    return value.get<std::int64_t>();
  }
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::abs(number) < 9e15 && std::trunc(number) == number) {
      return static_cast<std::int64_t>(number);
    }
  }
  return std::nullopt;
}

}  // namespace

void ArgErrors::Expected(const std::string& path, std::string_view expected, std::string_view got,
                         std::string remedy) {
  Error error =
      InvalidArgument(path, "expected " + std::string(expected) + ", got " + std::string(got));
  error.remedy = std::move(remedy);
  Add(std::move(error));
}

std::string DescribeJson(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      return "null";
    case json::value_t::boolean:
      return value.get<bool>() ? "true" : "false";
    case json::value_t::string:
      return "a string";
    case json::value_t::array:
      return "an array";
    case json::value_t::object:
      return "an object";
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
    case json::value_t::number_float:
      return DumpJson(value);
    default:
      return "something else";
  }
}

std::optional<std::string> ReadText(const json& value, const std::string& path,
                                    const TextRule& rule, ArgErrors& errors) {
  if (!value.is_string()) {
    errors.Expected(path, "a string", DescribeJson(value));
    return std::nullopt;
  }
  const auto& text = value.get_ref<const std::string&>();
  if (text.size() < rule.min_bytes) {
    errors.Expected(path, "a string that is not empty", "an empty one");
    return std::nullopt;
  }
  if (text.size() > rule.max_bytes) {
    errors.Expected(path, "at most " + std::to_string(rule.max_bytes) + " bytes",
                    std::to_string(text.size()) + " bytes");
    return std::nullopt;
  }
  // The kernel ends a string at NUL: what was judged would not be what is used.
  if (!rule.allow_nul && text.find('\0') != std::string::npos) {
    errors.Expected(path, "a string without NUL bytes", "one with a NUL byte");
    return std::nullopt;
  }
  return text;
}

ArgReader::ArgReader(const json& object, std::string path,
                     std::span<const std::string_view> allowed, ArgErrors& errors)
    : object_(object), path_(std::move(path)), errors_(errors) {
  if (!object_.is_object()) {
    errors_.Expected(path_, "an object", DescribeJson(object_));
    return;
  }
  CheckMembers(allowed);
}

void ArgReader::CheckMembers(std::span<const std::string_view> allowed) {
  for (const auto& [name, value] : object_.items()) {
    if (std::ranges::find(allowed, std::string_view(name)) != allowed.end()) {
      continue;
    }
    std::string message = "unknown member " + Quoted(name);
    if (const auto nearest = NearestName(name, allowed)) {
      message += "; did you mean `" + *nearest + "`?";
    }
    Error error = InvalidArgument(PathOf(EscapeControls(name.substr(0, kQuotedBytes), false)),
                                  std::move(message));
    error.remedy =
        allowed.empty() ? "pass an empty object" : "use only: " + Join(Strings(allowed), ", ");
    errors_.Add(std::move(error));
    return;
  }
}

bool ArgReader::Has(std::string_view name) const {
  return Find(name) != nullptr;
}

const json* ArgReader::Find(std::string_view name) const {
  if (!object_.is_object()) {
    return nullptr;
  }
  const auto found = object_.find(name);
  return found == object_.end() ? nullptr : &*found;
}

std::string ArgReader::PathOf(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

std::optional<std::string> ArgReader::Text(std::string_view name, const TextRule& rule) {
  const json* value = Find(name);
  return value == nullptr ? std::nullopt : ReadText(*value, PathOf(name), rule, errors_);
}

std::optional<std::int64_t> ArgReader::Integer(std::string_view name, std::int64_t min,
                                               std::int64_t max) {
  const json* value = Find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  const auto number = AsInteger(*value);
  if (!number || *number < min || *number > max) {
    errors_.Expected(PathOf(name),
                     "an integer from " + std::to_string(min) + " to " + std::to_string(max),
                     DescribeJson(*value));
    return std::nullopt;
  }
  return number;
}

std::optional<bool> ArgReader::Boolean(std::string_view name) {
  const json* value = Find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_boolean()) {
    errors_.Expected(PathOf(name), "true or false", DescribeJson(*value));
    return std::nullopt;
  }
  return value->get<bool>();
}

std::optional<double> ArgReader::Number(std::string_view name, double min, double max) {
  const json* value = Find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  const double number = value->is_number() ? value->get<double>() : max + 1;
  if (number < min || number > max) {
    errors_.Expected(PathOf(name), "a number from " + ShowNumber(min) + " to " + ShowNumber(max),
                     DescribeJson(*value));
    return std::nullopt;
  }
  return number;
}

std::optional<std::string> ArgReader::Choice(std::string_view name,
                                             std::span<const std::string_view> choices) {
  const json* value = Find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  const std::string expected = "one of " + Join(Strings(choices), ", ");
  if (!value->is_string()) {
    errors_.Expected(PathOf(name), expected, DescribeJson(*value));
    return std::nullopt;
  }
  const auto& text = value->get_ref<const std::string&>();
  if (std::ranges::find(choices, std::string_view(text)) != choices.end()) {
    return text;
  }
  const auto nearest = NearestName(text, choices);
  errors_.Expected(
      PathOf(name), expected, Quoted(text),
      "use " + (nearest ? "`" + *nearest + "`" : expected) + " as `" + std::string(name) + "`");
  return std::nullopt;
}

const json* ArgReader::Object(std::string_view name) {
  const json* value = Find(name);
  if (value != nullptr && !value->is_object()) {
    errors_.Expected(PathOf(name), "an object", DescribeJson(*value));
    return nullptr;
  }
  return value;
}

const json* ArgReader::Array(std::string_view name, std::size_t max_items,
                             std::string_view expected) {
  const json* value = Find(name);
  if (value == nullptr) {
    return nullptr;
  }
  if (!value->is_array()) {
    errors_.Expected(PathOf(name), expected, DescribeJson(*value));
    return nullptr;
  }
  if (value->size() > max_items) {
    errors_.Expected(PathOf(name), "at most " + std::to_string(max_items) + " elements",
                     std::to_string(value->size()));
    return nullptr;
  }
  return value;
}

}  // namespace casemate::tools
