#include "policies/engine/yaml_fields.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace casemate::policies {

namespace {

constexpr std::size_t kMaxProseBytes = 1000;
constexpr std::size_t kMaxListItems = 256;

std::string_view KindName(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return "a scalar";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return "nothing";
}

// 012, 0x1f, 0o17: a number to one reader of YAML, a string to another.
bool LooksLikeOddInteger(std::string_view text) {
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    text.remove_prefix(1);
  }
  if (text.size() < 2 || text[0] != '0') {
    return false;
  }
  const char second = text[1];
  return (second >= '0' && second <= '9') || second == 'x' || second == 'X' || second == 'o' ||
         second == 'b';
}

bool ClaimsEngineFailure(std::string_view text) {
  constexpr std::string_view kReserved = "policy_error:";
  const auto start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) {
    return false;
  }
  text = text.substr(start, kReserved.size());
  return std::ranges::equal(text, kReserved, [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
}

nlohmann::json ToJson(const Scalar& scalar) {
  return std::visit([](const auto& value) { return nlohmann::json(value); }, scalar);
}

}  // namespace

Error ErrorAt(const YamlNode& node, const std::string& message) {
  return InvalidArgument(node.Where(), message);
}

Error ErrorAt(const YamlNode& node, const Error& error) {
  return ErrorAt(node, error.message);
}

Result<YamlNode> Required(const YamlNode& map, std::string_view key) {
  auto found = map.Get(key);
  if (!found) {
    return ErrorAt(map, "missing key " + Quoted(key));
  }
  return *std::move(found);
}

Result<std::size_t> Choice(const YamlNode& node, std::span<const std::string_view> names) {
  auto text = node.AsString();
  if (!text) {
    return text.error();
  }
  const auto found = std::ranges::find(names, *text);
  if (found != names.end()) {
    return static_cast<std::size_t>(found - names.begin());
  }
  const std::vector<std::string> all(names.begin(), names.end());
  std::string message = "expected one of " + Join(all, ", ") + ", got " + Quoted(*text);
  if (const auto nearest = NearestName(*text, names)) {
    message += "; did you mean " + Quoted(*nearest) + "?";
  }
  return ErrorAt(node, message);
}

Result<std::vector<std::string>> StringList(const YamlNode& node) {
  if (node.kind() != YamlNode::Kind::kSequence) {
    return ErrorAt(node, "expected a list of strings, got " + std::string(KindName(node.kind())));
  }
  std::vector<std::string> list;
  for (const YamlNode& item : node.Items()) {
    auto text = item.AsString();
    if (!text) {
      return text.error();
    }
    if (text->empty() || std::ranges::find(list, *text) != list.end()) {
      return ErrorAt(
          item, "expected distinct, non-empty strings, got " + Quoted(*text) + " again or empty");
    }
    list.push_back(*std::move(text));
  }
  if (list.empty() || list.size() > kMaxListItems) {
    return ErrorAt(node, "expected a list of 1 to 256 strings, got " + std::to_string(list.size()));
  }
  return list;
}

Result<std::string> Prose(const YamlNode& node) {
  auto text = node.AsString();
  if (!text) {
    return text.error();
  }
  if (text->empty() || text->size() > kMaxProseBytes) {
    return ErrorAt(node, "expected text of 1 to 1000 bytes, got " + std::to_string(text->size()));
  }
  if (ClaimsEngineFailure(*text)) {
    return ErrorAt(node, "`policy_error:` is reserved for failures of the policy engine");
  }
  return text;
}

Result<Scalar> ReadScalar(const YamlNode& node) {
  if (node.kind() != YamlNode::Kind::kScalar) {
    return ErrorAt(
        node, "expected a string, number or boolean, got " + std::string(KindName(node.kind())));
  }
  auto text = node.AsString();
  if (!text) {
    return text.error();
  }
  if (!node.IsQuoted()) {
    if (const auto flag = node.AsBool()) {
      return Scalar(*flag);
    }
    if (const auto integer = node.AsInt()) {
      return Scalar(*integer);
    }
    if (LooksLikeOddInteger(*text)) {
      return ErrorAt(node, Quoted(*text) +
                               " is a number to some readers and a string to others; put it in "
                               "quotes or write it in decimal");
    }
    if (const auto number = node.AsNumber(); number && std::isfinite(*number)) {
      return Scalar(*number);
    }
  }
  return Scalar(*std::move(text));
}

// NOLINTNEXTLINE(misc-no-recursion): ParseYaml bounds the depth of the document.
Result<nlohmann::json> ReadJson(const YamlNode& node) {
  switch (node.kind()) {
    case YamlNode::Kind::kNull:
      return nlohmann::json();
    case YamlNode::Kind::kScalar: {
      auto scalar = ReadScalar(node);
      if (!scalar) {
        return scalar.error();
      }
      return ToJson(*scalar);
    }
    case YamlNode::Kind::kSequence:
    case YamlNode::Kind::kMap:
      break;
  }
  const bool is_map = node.kind() == YamlNode::Kind::kMap;
  nlohmann::json value = is_map ? nlohmann::json::object() : nlohmann::json::array();
  for (const std::string& key : node.Keys()) {
    const auto member = node.Get(key);
    if (!member) {
      return ErrorAt(node, "key " + Quoted(key) + " cannot be read");
    }
    auto child = ReadJson(*member);
    if (!child) {
      return child;
    }
    value[key] = *std::move(child);
  }
  for (const YamlNode& item : node.Items()) {
    auto child = ReadJson(item);
    if (!child) {
      return child;
    }
    value.push_back(*std::move(child));
  }
  return value;
}

}  // namespace casemate::policies
