#include "policies/engine/condition_yaml.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policies/engine/glob.h"
#include "policies/engine/yaml_fields.h"

namespace casemate::policies {

namespace {

constexpr std::array kOperators = {
    Operator::kEq,    Operator::kIn,   Operator::kNotIn, Operator::kGlob, Operator::kPrefix,
    Operator::kRegex, Operator::kCidr, Operator::kLt,    Operator::kGt,   Operator::kExists};
constexpr std::size_t kMaxParts = 64;

Result<std::vector<Scalar>> ReadOperands(const YamlNode& node, Operator op) {
  std::vector<Scalar> operands;
  if (!TakesList(op)) {
    auto scalar = ReadScalar(node);
    if (!scalar) {
      return scalar.error();
    }
    operands.push_back(*std::move(scalar));
    return operands;
  }
  for (const YamlNode& item : node.Items()) {
    auto scalar = ReadScalar(item);
    if (!scalar) {
      return scalar.error();
    }
    operands.push_back(*std::move(scalar));
  }
  if (operands.empty() || operands.size() > 1024) {
    return ErrorAt(node, "expected a list of 1 to 1024 values");
  }
  return operands;
}

// An operand that could never compare would make the rule silently useless.
Result<void> CheckOperand(const YamlNode& node, Operator op, const Scalar& operand) {
  const bool is_text = std::holds_alternative<std::string>(operand);
  const bool is_bool = std::holds_alternative<bool>(operand);
  switch (op) {
    case Operator::kExists:
      return is_bool ? Result<void>() : ErrorAt(node, "expected true or false");
    case Operator::kLt:
    case Operator::kGt:
      return !is_text && !is_bool ? Result<void>() : ErrorAt(node, "expected a number");
    case Operator::kPrefix:
      return is_text && !std::get<std::string>(operand).empty()
                 ? Result<void>()
                 : ErrorAt(node, "expected a non-empty string");
    case Operator::kGlob: {
      if (!is_text) {
        return ErrorAt(node, "expected a string");
      }
      auto checked = CheckGlob(std::get<std::string>(operand));
      return checked ? checked : ErrorAt(node, checked.error());
    }
    case Operator::kRegex:
      return is_text ? Result<void>() : ErrorAt(node, "expected a string");
    case Operator::kEq:
    case Operator::kIn:
    case Operator::kNotIn:
    case Operator::kCidr:
      break;
  }
  return {};
}

// What an operand is compiled to.
Result<void> Compile(const YamlNode& node, Condition& condition) {
  if (condition.op == Operator::kRegex) {
    auto regex = Regex::Compile(std::get<std::string>(condition.operands.front()));
    if (!regex) {
      return ErrorAt(node, regex.error());
    }
    condition.regex = *std::move(regex);
  } else if (condition.op == Operator::kCidr) {
    for (const Scalar& operand : condition.operands) {
      const auto* text = std::get_if<std::string>(&operand);
      auto network = Cidr::Parse(text == nullptr ? std::string_view() : *text);
      if (!network) {
        return ErrorAt(node, network.error());
      }
      condition.networks.push_back(*network);
    }
  }
  return {};
}

Result<Condition> ReadComparison(const YamlNode& node) {
  std::vector<std::string_view> allowed = {"path"};
  std::ranges::transform(kOperators, std::back_inserter(allowed),
                         [](Operator op) { return ToString(op); });
  if (auto known = node.OnlyKeys(std::move(allowed)); !known) {
    return known.error();
  }
  auto path_node = Required(node, "path");
  if (!path_node) {
    return path_node.error();
  }
  auto path_text = path_node->AsString();
  if (!path_text) {
    return path_text.error();
  }
  auto path = AttributePath::Parse(*path_text);
  if (!path) {
    return ErrorAt(*path_node, path.error());
  }
  if (node.Keys().size() != 2) {
    return ErrorAt(node,
                   "expected `path` and exactly one of eq, in, not_in, glob, prefix, "
                   "regex, cidr, lt, gt, exists");
  }
  Condition condition;
  condition.path = *std::move(path);
  for (const Operator op : kOperators) {
    const auto operand_node = node.Get(ToString(op));
    if (!operand_node) {
      continue;
    }
    condition.op = op;
    auto operands = ReadOperands(*operand_node, op);
    if (!operands) {
      return operands.error();
    }
    if (auto checked = CheckOperand(*operand_node, op, operands->front()); !checked) {
      return checked.error();
    }
    condition.operands = *std::move(operands);
    if (auto compiled = Compile(*operand_node, condition); !compiled) {
      return compiled.error();
    }
  }
  return condition;
}

// NOLINTNEXTLINE(misc-no-recursion): `depth` is bounded by kMaxConditionDepth.
Result<Condition> ReadAtDepth(const YamlNode& node, int depth) {
  constexpr std::array<std::pair<std::string_view, Condition::Kind>, 3> kCombinations = {
      {{"all", Condition::Kind::kAll},
       {"any", Condition::Kind::kAny},
       {"not", Condition::Kind::kNot}}};
  if (node.kind() != YamlNode::Kind::kMap) {
    return ErrorAt(node,
                   "expected a condition: {path: …, eq: …}, {all: […]}, {any: […]} or {not: …}");
  }
  if (depth > kMaxConditionDepth) {
    return ErrorAt(node, "conditions are nested more than 8 deep");
  }
  const auto combination = std::ranges::find_if(
      kCombinations, [&](const auto& entry) { return node.Get(entry.first).has_value(); });
  if (combination == kCombinations.end()) {
    return ReadComparison(node);
  }
  const auto body = node.Get(combination->first);
  if (!body || node.Keys().size() != 1) {
    return ErrorAt(node, Quoted(combination->first) + " must stand alone in its map");
  }
  Condition condition;
  condition.kind = combination->second;
  const bool is_not = condition.kind == Condition::Kind::kNot;
  const std::vector<YamlNode> parts = is_not ? std::vector<YamlNode>{*body} : body->Items();
  // An empty `all` would be true of every call.
  if (parts.empty() || parts.size() > kMaxParts) {
    return ErrorAt(*body, "expected a list of 1 to 64 conditions");
  }
  for (const YamlNode& part : parts) {
    auto child = ReadAtDepth(part, depth + 1);
    if (!child) {
      return child;
    }
    condition.children.push_back(*std::move(child));
  }
  return condition;
}

}  // namespace

Result<Condition> ReadCondition(const YamlNode& node) {
  return ReadAtDepth(node, 1);
}

}  // namespace casemate::policies
