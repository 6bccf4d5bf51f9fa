#include "policies/engine/condition.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "policies/engine/glob.h"

namespace casemate::policies {

namespace {

Truth ToTruth(bool value) {
  return value ? Truth::kTrue : Truth::kFalse;
}

Truth Not(Truth truth) {
  if (truth == Truth::kError) {
    return truth;
  }
  return ToTruth(truth == Truth::kFalse);
}

// long double holds every int64 and uint64 exactly. nlohmann's own comparison casts unsigned to
// signed, so that 2^64-1 would pass as -1 below any limit.
std::optional<long double> Number(const nlohmann::json& value) {
  if (value.is_number_unsigned()) {
    return static_cast<long double>(value.get<std::uint64_t>());
  }
  if (value.is_number_integer()) {
    return static_cast<long double>(value.get<std::int64_t>());
  }
  if (value.is_number_float()) {
    return static_cast<long double>(value.get<double>());
  }
  return std::nullopt;
}

std::optional<long double> Number(const Scalar& scalar) {
  if (const auto* integer = std::get_if<std::int64_t>(&scalar)) {
    return static_cast<long double>(*integer);
  }
  if (const auto* real = std::get_if<double>(&scalar)) {
    return static_cast<long double>(*real);
  }
  return std::nullopt;
}

// Values of different types are never equal by conversion: they are an error.
Truth Equals(const nlohmann::json& value, const Scalar& scalar) {
  if (const auto* text = std::get_if<std::string>(&scalar)) {
    return value.is_string() ? ToTruth(value.get_ref<const std::string&>() == *text)
                             : Truth::kError;
  }
  if (const auto* flag = std::get_if<bool>(&scalar)) {
    return value.is_boolean() ? ToTruth(value.get<bool>() == *flag) : Truth::kError;
  }
  const auto left = Number(value);
  const auto right = Number(scalar);
  return left && right ? ToTruth(*left == *right) : Truth::kError;
}

// An error only when no operand has the type of the value.
Truth IsIn(const nlohmann::json& value, const std::vector<Scalar>& operands) {
  Truth result = Truth::kError;
  for (const Scalar& operand : operands) {
    const Truth equal = Equals(value, operand);
    if (equal == Truth::kTrue) {
      return equal;
    }
    if (equal == Truth::kFalse) {
      result = equal;
    }
  }
  return result;
}

Truth Orders(const nlohmann::json& value, const Scalar& operand, Operator op) {
  const auto left = Number(value);
  const auto right = Number(operand);
  if (!left || !right) {
    return Truth::kError;
  }
  return ToTruth(op == Operator::kLt ? *left < *right : *left > *right);
}

Truth MatchesText(const nlohmann::json& value, const Scalar& operand, Operator op) {
  const auto* pattern = std::get_if<std::string>(&operand);
  if (pattern == nullptr || !value.is_string()) {
    return Truth::kError;
  }
  const auto& text = value.get_ref<const std::string&>();
  if (op == Operator::kPrefix) {
    return ToTruth(text.starts_with(*pattern));
  }
  // A long text would make matching slow; it is refused like a wrong type, not passed unseen.
  return text.size() <= kMaxGlobbedBytes ? ToTruth(GlobMatches(*pattern, text)) : Truth::kError;
}

Truth MatchesRegex(const nlohmann::json& value, const Condition& comparison) {
  if (!comparison.regex || !value.is_string()) {
    return Truth::kError;
  }
  const auto& text = value.get_ref<const std::string&>();
  return text.size() <= kMaxRegexedBytes ? ToTruth(comparison.regex->Matches(text)) : Truth::kError;
}

// What is no address lies within no network and outside of none.
Truth IsWithin(const nlohmann::json& value, const std::vector<Cidr>& networks) {
  const auto address =
      value.is_string() ? ParseIp(value.get_ref<const std::string&>()) : std::nullopt;
  if (!address || networks.empty()) {
    return Truth::kError;
  }
  return ToTruth(std::ranges::any_of(
      networks, [&](const Cidr& network) { return network.Contains(*address); }));
}

Truth Exists(Attribute::State state, const Scalar& operand) {
  const auto* expected = std::get_if<bool>(&operand);
  if (expected == nullptr || state == Attribute::State::kUnreachable) {
    return Truth::kError;
  }
  return ToTruth((state == Attribute::State::kFound) == *expected);
}

Truth Compare(const Condition& comparison, const Attributes& attributes) {
  if (comparison.operands.empty()) {
    return Truth::kError;
  }
  const Attribute attribute = attributes.Find(comparison.path);
  const Scalar& operand = comparison.operands.front();
  if (comparison.op == Operator::kExists) {
    return Exists(attribute.state, operand);
  }
  if (attribute.state != Attribute::State::kFound) {
    return Truth::kError;
  }
  const nlohmann::json& value = *attribute.value;
  switch (comparison.op) {
    case Operator::kEq:
      return Equals(value, operand);
    case Operator::kIn:
      return IsIn(value, comparison.operands);
    case Operator::kNotIn:
      return Not(IsIn(value, comparison.operands));
    case Operator::kGlob:
    case Operator::kPrefix:
      return MatchesText(value, operand, comparison.op);
    case Operator::kRegex:
      return MatchesRegex(value, comparison);
    case Operator::kCidr:
      return IsWithin(value, comparison.networks);
    case Operator::kLt:
    case Operator::kGt:
      return Orders(value, operand, comparison.op);
    case Operator::kExists:
      break;
  }
  return Truth::kError;
}

std::string Literal(const Scalar& scalar) {
  if (const auto* text = std::get_if<std::string>(&scalar)) {
    return *text;
  }
  if (const auto* flag = std::get_if<bool>(&scalar)) {
    return *flag ? "true" : "false";
  }
  if (const auto* integer = std::get_if<std::int64_t>(&scalar)) {
    return std::to_string(*integer);
  }
  return nlohmann::json(std::get<double>(scalar)).dump();
}

}  // namespace

std::string_view ToString(Operator op) {
  switch (op) {
    case Operator::kEq:
      return "eq";
    case Operator::kIn:
      return "in";
    case Operator::kNotIn:
      return "not_in";
    case Operator::kGlob:
      return "glob";
    case Operator::kPrefix:
      return "prefix";
    case Operator::kRegex:
      return "regex";
    case Operator::kCidr:
      return "cidr";
    case Operator::kLt:
      return "lt";
    case Operator::kGt:
      return "gt";
    case Operator::kExists:
      return "exists";
  }
  return "exists";
}

bool TakesList(Operator op) {
  return op == Operator::kIn || op == Operator::kNotIn || op == Operator::kCidr;
}

// NOLINTNEXTLINE(misc-no-recursion): loading bounds the nesting by kMaxConditionDepth.
Truth Evaluate(const Condition& condition, const Attributes& attributes) {
  switch (condition.kind) {
    case Condition::Kind::kComparison:
      return Compare(condition, attributes);
    case Condition::Kind::kNot:
      return condition.children.empty() ? Truth::kError
                                        : Not(Evaluate(condition.children.front(), attributes));
    case Condition::Kind::kAll:
    case Condition::Kind::kAny:
      break;
  }
  // One false decides all, one true decides any, whatever errors stand beside it; so the order of
  // the parts never matters.
  const bool is_all = condition.kind == Condition::Kind::kAll;
  const Truth decisive = is_all ? Truth::kFalse : Truth::kTrue;
  Truth result = Not(decisive);
  const std::size_t hidden = attributes.HiddenCount();
  for (const Condition& child : condition.children) {
    const Truth part = Evaluate(child, attributes);
    if (part == decisive) {
      attributes.ForgetHidden(hidden);
      return part;
    }
    if (part == Truth::kError) {
      result = part;
    }
  }
  return condition.children.empty() ? Truth::kError : result;
}

namespace {

// NOLINTNEXTLINE(misc-no-recursion): loading bounds the nesting by kMaxConditionDepth.
std::string Words(const Condition& condition, bool names_principals) {
  if (condition.kind == Condition::Kind::kComparison) {
    std::vector<std::string> literals;
    if (names_principals || !condition.path.text().starts_with("principal.")) {
      std::ranges::transform(condition.operands, std::back_inserter(literals), Literal);
    } else {
      literals.emplace_back("…");
    }
    const bool is_list = TakesList(condition.op);
    std::string text = condition.path.text();
    text.append(" ").append(ToString(condition.op)).append(is_list ? " [" : " ");
    text.append(Join(literals, ", ")).append(is_list ? "]" : "");
    return text;
  }
  std::vector<std::string> parts;
  parts.reserve(condition.children.size());
  for (const Condition& child : condition.children) {
    parts.push_back(Words(child, names_principals));
  }
  std::string text(condition.kind == Condition::Kind::kNot ? "not (" : "(");
  text += Join(parts, condition.kind == Condition::Kind::kAll ? " and " : " or ");
  text += ')';
  return text;
}

}  // namespace

std::string ToString(const Condition& condition) {
  return Words(condition, true);
}

std::string ToCallersWords(const Condition& condition) {
  return Words(condition, false);
}

std::string FirstUnmet(const Condition& condition, const Attributes& attributes) {
  if (Evaluate(condition, attributes) == Truth::kTrue) {
    return {};
  }
  const Condition* at = &condition;
  while (at->kind == Condition::Kind::kAll) {
    const auto unmet = std::ranges::find_if(at->children, [&](const Condition& child) {
      return Evaluate(child, attributes) != Truth::kTrue;
    });
    if (unmet == at->children.end()) {
      break;
    }
    at = &*unmet;
  }
  return ToCallersWords(*at);
}

}  // namespace casemate::policies
