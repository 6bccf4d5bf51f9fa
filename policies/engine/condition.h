// Conditions of rules: comparisons of one attribute, combined by all, any and not. Three-valued
// (Kleene): a comparison with a missing or wrongly typed attribute is an error, which the rule then
// takes in its safe direction. Immutable after loading; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "policies/engine/attributes.h"
#include "policies/engine/cidr.h"
#include "policies/engine/regex.h"

namespace casemate::policies {

enum class Truth { kFalse, kTrue, kError };

// A literal of the policy text.
using Scalar = std::variant<bool, std::int64_t, double, std::string>;

enum class Operator { kEq, kIn, kNotIn, kGlob, kPrefix, kRegex, kCidr, kLt, kGt, kExists };
std::string_view ToString(Operator op);
// Whether its operand is a list: in, not_in, cidr.
[[nodiscard]] bool TakesList(Operator op);

// Levels of all, any and not.
inline constexpr int kMaxConditionDepth = 8;

struct Condition {
  enum class Kind { kComparison, kAll, kAny, kNot };
  Kind kind = Kind::kComparison;
  std::vector<Condition> children;  // of all and any: one or more; of not: one

  AttributePath path;  // from here on: of a comparison
  Operator op = Operator::kExists;
  std::vector<Scalar> operands;  // of in and not_in: one or more; else one
  std::optional<Regex> regex;    // of regex: the operand, compiled
  std::vector<Cidr> networks;    // of cidr: the operands, read
};

Truth Evaluate(const Condition& condition, const Attributes& attributes);
// The condition in words, such as "args.network eq none".
std::string ToString(const Condition& condition);
// The same for a caller, who need not know of whom else the policy speaks: the operands of
// principal.… are left out.
std::string ToCallersWords(const Condition& condition);
// The first part that keeps `condition` from being true, in words; empty when it is true.
// For callers.
std::string FirstUnmet(const Condition& condition, const Attributes& attributes);

}  // namespace casemate::policies
