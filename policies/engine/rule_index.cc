#include "policies/engine/rule_index.h"

#include <algorithm>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

namespace casemate::policies {

namespace {

// Below it a walk is as quick.
constexpr std::size_t kWorthIt = 8;

bool DemandsTexts(const Condition& condition) {
  return condition.kind == Condition::Kind::kComparison &&
         (condition.op == Operator::kEq || condition.op == Operator::kIn) &&
         std::ranges::all_of(condition.operands, [](const Scalar& operand) {
           return std::holds_alternative<std::string>(operand);
         });
}

// Adds the comparisons that must be true for `condition` to be, and that demand texts. An `all`
// with a part that is false is false, whatever the others are.
// NOLINTNEXTLINE(misc-no-recursion): loading bounds the nesting by kMaxConditionDepth.
void AddDemands(const Condition& condition, std::vector<const Condition*>& demands) {
  if (DemandsTexts(condition)) {
    demands.push_back(&condition);
  } else if (condition.kind == Condition::Kind::kAll) {
    for (const Condition& part : condition.children) {
      AddDemands(part, demands);
    }
  }
}

std::vector<const Condition*> DemandsOf(const Rule& rule) {
  std::vector<const Condition*> demands;
  if (rule.when) {
    AddDemands(*rule.when, demands);
  }
  return demands;
}

// Different texts that the rules demand, by path: the more, the more an index by that path spares.
using Variety = std::map<std::string, std::set<std::string>>;

Variety VarietyOf(std::span<const Rule> rules) {
  Variety variety;
  for (const Rule& rule : rules) {
    for (const Condition* demand : DemandsOf(rule)) {
      for (const Scalar& operand : demand->operands) {
        variety[demand->path.text()].insert(std::get<std::string>(operand));
      }
    }
  }
  return variety;
}

// null: it demands no text.
const Condition* BestDemand(const Rule& rule, const Variety& variety) {
  const auto demands = DemandsOf(rule);
  const auto best = std::ranges::max_element(
      demands, {}, [&](const Condition* demand) { return variety.at(demand->path.text()).size(); });
  return best == demands.end() ? nullptr : *best;
}

}  // namespace

RuleIndex::RuleIndex(std::span<const Rule> rules) {
  const Variety variety = rules.size() < kWorthIt ? Variety() : VarietyOf(rules);
  for (std::uint32_t place = 0; place < rules.size(); ++place) {
    const Condition* demand = variety.empty() ? nullptr : BestDemand(rules[place], variety);
    if (demand == nullptr) {
      others_.push_back(place);
      continue;
    }
    auto group = std::ranges::find_if(
        groups_, [&](const Group& known) { return known.path.text() == demand->path.text(); });
    if (group == groups_.end()) {
      group = groups_.insert(groups_.end(), Group{demand->path, {}, {}});
    }
    group->all.push_back(place);
    for (const Scalar& operand : demand->operands) {
      auto& places = group->by_text[std::get<std::string>(operand)];
      if (places.empty() || places.back() != place) {
        places.push_back(place);
      }
    }
  }
}

std::vector<std::uint32_t> RuleIndex::Candidates(const Attributes& attributes) const {
  std::vector<std::uint32_t> places = others_;
  for (const Group& group : groups_) {
    const Attribute attribute = attributes.Find(group.path);
    const std::vector<std::uint32_t>* some = &group.all;  // of what is missing or no text
    if (attribute.state == Attribute::State::kFound && attribute.value->is_string()) {
      const auto found = group.by_text.find(attribute.value->get_ref<const std::string&>());
      some = found == group.by_text.end() ? nullptr : &found->second;
    }
    if (some != nullptr) {
      places.insert(places.end(), some->begin(), some->end());
    }
  }
  return places;
}

}  // namespace casemate::policies
