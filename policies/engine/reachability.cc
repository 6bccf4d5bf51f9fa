#include "policies/engine/reachability.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "policies/engine/policy_json.h"

namespace casemate::policies {

namespace {

Error At(const Rule& rule, const std::string& message) {
  return InvalidArgument(rule.where, "rule `" + rule.id + "` " + message);
}

// Whether every name in `inner` is one that `outer` holds; an empty `outer` holds all.
bool Holds(const std::vector<std::string>& outer, const std::vector<std::string>& inner) {
  if (outer.empty()) {
    return true;
  }
  return !inner.empty() && std::ranges::all_of(inner, [&](const std::string& name) {
    return std::ranges::find(outer, name) != outer.end();
  });
}

bool CoversAllOf(const Rule& outer, const Rule& inner) {
  const bool tools = std::ranges::all_of(inner.tools, [&](const std::string& tool) {
    return tool == "*" ? outer.Names("*") : outer.Names(tool);
  });
  return tools && Holds(outer.principals.ids, inner.principals.ids) &&
         Holds(outer.principals.roles, inner.principals.roles) &&
         Holds(outer.principals.tenants, inner.principals.tenants);
}

// Two parts of an `all` that no value satisfies both.
bool Excludes(const Condition& a, const Condition& b) {
  if (a.kind != Condition::Kind::kComparison || b.kind != Condition::Kind::kComparison ||
      a.path.text() != b.path.text()) {
    return false;
  }
  const auto is_exact = [](const Condition& part) {
    return part.op == Operator::kEq || part.op == Operator::kIn;
  };
  const auto holds = [](const Condition& part, const Scalar& value) {
    return std::ranges::find(part.operands, value) != part.operands.end();
  };
  if (is_exact(a) && is_exact(b)) {
    return std::ranges::none_of(a.operands, [&](const Scalar& value) { return holds(b, value); });
  }
  if (is_exact(a) && b.op == Operator::kNotIn) {
    return std::ranges::all_of(a.operands, [&](const Scalar& value) { return holds(b, value); });
  }
  if (a.op == Operator::kExists && a.operands.front() == Scalar(false)) {
    return b.op != Operator::kExists || b.operands.front() == Scalar(true);
  }
  return false;
}

// NOLINTNEXTLINE(misc-no-recursion): loading bounds the nesting by kMaxConditionDepth.
std::optional<std::string> Contradiction(const Condition& condition) {
  if (condition.kind == Condition::Kind::kAny) {
    return std::nullopt;  // another part may be true
  }
  if (condition.kind != Condition::Kind::kAll) {
    return std::nullopt;
  }
  for (const Condition& a : condition.children) {
    if (auto inner = Contradiction(a)) {
      return inner;
    }
    for (const Condition& b : condition.children) {
      if (Excludes(a, b)) {
        return "`" + ToString(a) + "` and `" + ToString(b) + "` cannot both be true";
      }
    }
  }
  return std::nullopt;
}

// Everything that a rule says, but its id and its words.
std::string Meaning(const Rule& rule) {
  const nlohmann::json meaning = {ToString(rule.effect),
                                  rule.tools,
                                  rule.principals.ids,
                                  rule.principals.roles,
                                  rule.principals.tenants,
                                  rule.when ? ToString(*rule.when) : "",
                                  RightsJson(rule.narrows),
                                  ApprovalJson(rule.approval),
                                  rule.marks};
  return meaning.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void CheckConditions(const Layer& layer, std::vector<Error>& problems) {
  std::map<std::string, const Rule*> meanings;
  for (const Rule& rule : layer.rules) {
    const auto contradiction = rule.when ? Contradiction(*rule.when) : std::nullopt;
    // A deny or ask may still apply by the error of a missing attribute; it never applies as meant.
    if (contradiction) {
      problems.push_back(At(rule, "can never apply: " + *contradiction));
      continue;
    }
    const auto [first, is_new] = meanings.emplace(Meaning(rule), &rule);
    if (!is_new) {
      problems.push_back(At(rule, "is unreachable: rule `" + first->second->id + "` at " +
                                      first->second->where + " says the same"));
    }
  }
}

// A deny without a condition in a layer about every call, or in the same layer.
const Rule* DeniedBy(std::span<const Layer> layers, const Layer& layer, const Rule& rule) {
  for (const Layer& other : layers) {
    const bool is_always = other.tenants.empty() && other.workspaces.empty();
    if (&other != &layer && !is_always) {
      continue;
    }
    for (const Rule& deny : other.rules) {
      if (deny.effect == Effect::kDeny && !deny.when && CoversAllOf(deny, rule)) {
        return &deny;
      }
    }
  }
  return nullptr;
}

bool IsAllowedAbove(std::span<const Layer> above, const Rule& rule) {
  return std::ranges::any_of(above, [&](const Layer& layer) {
    return std::ranges::any_of(layer.rules, [&](const Rule& other) {
      return other.effect != Effect::kDeny &&
             (rule.Names("*") || std::ranges::any_of(rule.tools, [&](const std::string& tool) {
                return other.Names(tool);
              }));
    });
  });
}

}  // namespace

std::vector<Error> UnreachableRules(std::span<const Layer> layers) {
  std::vector<Error> problems;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    CheckConditions(layer, problems);
    for (const Rule& rule : layer.rules) {
      if (rule.effect == Effect::kDeny) {
        continue;
      }
      if (const Rule* deny = DeniedBy(layers, layer, rule)) {
        problems.push_back(At(rule, "is unreachable: rule `" + deny->id + "` at " + deny->where +
                                        " denies all that it covers"));
      } else if (!layer.is_root && !IsAllowedAbove(layers.first(i), rule)) {
        problems.push_back(At(rule, "is unreachable: no layer above allows " +
                                        Join(rule.tools, ", ") +
                                        "; a layer can only narrow what it extends"));
      }
    }
  }
  return problems;
}

}  // namespace casemate::policies
