#include "policies/engine/combined_engine.h"

#include <algorithm>
#include <exception>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/hash.h"

namespace casemate::policies {
namespace {

constexpr const char* kReserved = "policy_error:";

int Strictness(Effect effect) {
  switch (effect) {
    case Effect::kAllow:
      return 0;
    case Effect::kAsk:
      return 1;
    case Effect::kDeny:
      return 2;
  }
  return 2;
}

// One that grants nothing, or asks without saying for what, is not believed.
bool IsWhole(const Decision& decision) {
  return (decision.effect != Effect::kAllow || decision.grant.has_value()) &&
         (decision.effect != Effect::kAsk ||
          (decision.asked.has_value() && decision.approval.has_value()));
}

void Fail(Decision& decision, const std::string& what) {
  decision.effect = Effect::kDeny;
  decision.matched.clear();
  decision.marks.clear();
  decision.grant.reset();
  decision.asked.reset();
  decision.approval.reset();
  decision.rule_id = "policy-error";
  decision.reason = kReserved + what;
  decision.remedy =
      "this is a defect of the server; report it with decision id " + decision.decision_id;
}

std::string Line(const std::string& name, const std::string& revision) {
  return name + " " + revision + "\n";
}

template <typename T>
void Narrow(std::optional<T>& all, const T& one) {
  all = all.has_value() ? Intersect(*all, one) : one;
}

void AddDistinct(std::vector<std::string>& all, const std::vector<std::string>& more) {
  for (const std::string& one : more) {
    if (std::ranges::find(all, one) == all.end()) {
      all.push_back(one);
    }
  }
}

// What the parts have said so far.
struct Sum {
  Decision decision;
  std::vector<std::string> matched;
  std::string revisions;
  std::optional<Rights> rights;           // of those that allow or ask
  std::optional<ApprovalTerms> approval;  // of those that ask
  bool is_empty = true;

  void Add(const std::string& name, Decision one) {
    if (!IsWhole(one)) {
      Fail(one, "incomplete: an engine granted nothing");
    }
    const std::string prefix = is_empty ? "" : name + ":";
    for (const std::string& rule : one.matched) {
      matched.push_back(prefix + rule);
    }
    AddDistinct(decision.marks, one.marks);
    revisions += Line(name, one.revision);
    if (one.grant.has_value()) {
      Narrow(rights, one.grant->rights());
    }
    if (one.asked.has_value()) {
      Narrow(rights, *one.asked);
    }
    if (one.approval.has_value()) {
      Narrow(approval, *one.approval);
    }
    if (is_empty) {
      decision.decision_id = one.decision_id;
    }
    if (is_empty || Strictness(one.effect) > Strictness(decision.effect)) {
      decision.effect = one.effect;
      decision.rule_id = prefix + one.rule_id;
      decision.reason = std::move(one.reason);
      decision.remedy = std::move(one.remedy);
    }
    if (decision.commit.empty()) {
      decision.commit = std::move(one.commit);
    }
    if (!decision.shadow.has_value()) {
      decision.shadow = std::move(one.shadow);
    }
    is_empty = false;
  }
};

}  // namespace

Decision CombinedEngine::Decide(const PolicyInput& input) const {
  Sum sum;
  try {
    for (const Part& part : parts_) {
      sum.Add(part.name, part.engine->Decide(input));
    }
  } catch (const std::exception& failure) {
    Fail(sum.decision, std::string("internal: ") + failure.what());
    return std::move(sum.decision);
  }
  Decision& combined = sum.decision;
  combined.matched = std::move(sum.matched);
  combined.revision = Sha256Hex(sum.revisions);
  if (sum.is_empty || (combined.effect != Effect::kDeny && !sum.rights.has_value())) {
    Fail(combined, "incomplete: no engine decided");
  } else if (combined.effect == Effect::kAllow && sum.rights.has_value()) {
    combined.grant = Issue(*sum.rights, combined.decision_id, input.principal);
  } else if (combined.effect == Effect::kAsk) {
    combined.asked = sum.rights;
    combined.approval = sum.approval;
  }
  return std::move(sum.decision);
}

nlohmann::json CombinedEngine::Explain(const PolicyInput& input) const {
  if (parts_.empty()) {
    return PolicyEngine::Explain(input);
  }
  // Of the first engine, which says most, with what all of them decide.
  nlohmann::json explanation = parts_.front().engine->Explain(input);
  explanation["decision"] = PolicyEngine::Explain(input)["decision"];
  for (const Part& part : parts_) {
    const Decision one = part.engine->Decide(input);
    explanation["engines"][part.name] = {{"effect", ToString(one.effect)},
                                         {"rule", one.rule_id},
                                         {"reason", one.reason},
                                         {"remedy", one.remedy}};
  }
  return explanation;
}

bool CombinedEngine::MayEverAllow(const std::string& tool, const Principal& principal) const {
  return !parts_.empty() && std::ranges::all_of(parts_, [&](const Part& part) {
    return part.engine->MayEverAllow(tool, principal);
  });
}

std::string CombinedEngine::revision() const {
  std::string lines;
  for (const auto& [name, revision] : revisions()) {
    lines += Line(name, revision);
  }
  return Sha256Hex(lines);
}

std::string CombinedEngine::commit() const {
  for (const Part& part : parts_) {
    if (std::string commit = part.engine->commit(); !commit.empty()) {
      return commit;
    }
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> CombinedEngine::revisions() const {
  std::vector<std::pair<std::string, std::string>> found;
  found.reserve(parts_.size());
  for (const Part& part : parts_) {
    found.emplace_back(part.name, part.engine->revision());
  }
  return found;
}

}  // namespace casemate::policies
