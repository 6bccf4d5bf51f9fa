#include "policies/check/simulate.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "policies/engine/evaluator.h"

namespace casemate::policies {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxExamples = 5;

// A call as the trail holds it.
struct RecordedCall {
  std::int64_t seq = 0;
  std::int64_t time_ms = 0;
  std::string tool;
  Principal principal;
  json args, context, history;
  std::string effect;
};

bool IsCallKind(std::string_view kind) {
  constexpr std::array<std::string_view, 3> kKinds = {"intent", "refused", "access"};
  return std::ranges::find(kKinds, kind) != kKinds.end();
}

// In place of what was not kept.
json Omitted() {
  return {{"omitted", true}};
}

json ObjectOr(const json& record, const char* key, const json& missing) {
  const auto found = record.find(key);
  return found != record.end() && found->is_object() ? *found : missing;
}

// What policy said. A call that ran by an approval is one that it asked about; of a decision that
// was too long for its record, only whether it allowed is known.
std::string EffectOf(const json& record, const std::string& kind) {
  const json decision = ObjectOr(record, "decision", json::object());
  const auto effect = decision.find("effect");
  if (effect != decision.end() && effect->is_string()) {
    const bool was_approved = *effect == "allow" && decision.contains("approval");
    return was_approved ? "ask" : effect->get<std::string>();
  }
  return kind == "refused" ? "deny" : "allow";
}

// False: it is no call. Errors: what should be one and is damaged.
Result<bool> ReadRecord(std::string_view body, RecordedCall& call) {
  auto record = ParseJson(body, {.max_depth = 128});
  if (!record) {
    return record.error();
  }
  try {
    const auto kind = record->at("kind").get<std::string>();
    if (!IsCallKind(kind)) {
      return false;
    }
    call.seq = record->at("seq").get<std::int64_t>();
    call.time_ms = record->at("time_ms").get<std::int64_t>();
    call.tool = record->at("tool").get<std::string>();
    const json& principal = record->at("principal");
    call.principal.id = principal.at("id").get<std::string>();
    call.principal.tenant = principal.at("tenant").get<std::string>();
    call.principal.roles = principal.at("roles").get<std::vector<std::string>>();
    call.args = record->at("args");
    call.context = record->at("context");
    if (!call.args.is_object() || !call.context.is_object()) {
      return InvalidArgument("", "args and context must be objects");
    }
    call.history = ObjectOr(*record, "history", Omitted());
    if (!IsOmitted(call.history)) {
      json history = NoHistory();
      history.merge_patch(call.history);
      call.history = std::move(history);
    }
    call.effect = EffectOf(*record, kind);
    return true;
  } catch (const json::exception& damaged) {
    return InvalidArgument("", damaged.what());
  }
}

bool IsWithin(const RecordedCall& call, const ReplayRange& range) {
  return call.seq >= range.since_seq && call.time_ms >= range.since_ms;
}

// Whether some rule denies the call whatever was left out of its record.
bool IsSurelyDenied(const Verdict& verdict, std::span<const Layer> layers,
                    const PolicyInput& input) {
  return std::ranges::any_of(layers, [&](const Layer& layer) {
    if (!layer.workspaces.empty() && IsOmitted(input.context)) {
      return false;
    }
    return std::ranges::any_of(layer.rules, [&](const Rule& rule) {
      if (rule.effect != Effect::kDeny ||
          std::ranges::find(verdict.matched, &rule) == verdict.matched.end()) {
        return false;
      }
      std::vector<std::string> hidden;
      return rule.Matches(input, Attributes(input, hidden)) && hidden.empty();
    });
  });
}

}  // namespace

Simulation::Simulation(const YamlPolicy& candidate, const ReplayRange& range)
    : candidate_(candidate), range_(range) {}

bool Simulation::Counts(std::string_view body) const {
  RecordedCall call;
  const auto read = ReadRecord(body, call);
  return !read || (*read && IsWithin(call, range_));
}

Simulation::Outcome Simulation::Judge(const PolicyInput& input) const {
  Outcome outcome;
  const auto layers = candidate_.layers();
  const Attributes attributes(input, outcome.hidden);
  const Verdict verdict = policies::Judge(layers, input, attributes);
  const bool by_workspace =
      std::ranges::any_of(layers, [](const Layer& layer) { return !layer.workspaces.empty(); });
  if (by_workspace && IsOmitted(input.context)) {
    outcome.hidden.emplace_back("context.workspace");
  }
  if (!outcome.hidden.empty() && IsSurelyDenied(verdict, layers, input)) {
    outcome.hidden.clear();
  }
  std::ranges::sort(outcome.hidden);
  const auto repeated = std::ranges::unique(outcome.hidden);
  outcome.hidden.erase(repeated.begin(), repeated.end());
  outcome.effect = verdict.effect;
  outcome.rule = verdict.decisive == nullptr ? "default-deny" : verdict.decisive->id;
  return outcome;
}

void Simulation::Count(Group& group, std::int64_t seq, const std::string& tool) {
  ++group.count;
  if (group.examples.size() < kMaxExamples) {
    group.examples.push_back(seq);
  }
  if (group.tools.size() < kMaxExamples &&
      std::ranges::find(group.tools, tool) == group.tools.end()) {
    group.tools.push_back(tool);
  }
}

void Simulation::Add(std::string_view body) {
  RecordedCall call;
  const auto read = ReadRecord(body, call);
  if (!read) {
    ++unreadable_;
    return;
  }
  if (!*read || !IsWithin(call, range_)) {
    return;
  }
  ++calls_;
  const Outcome outcome = Judge({call.tool, call.principal, call.args, call.context, call.history});
  const std::string effect(ToString(outcome.effect));
  if (!outcome.hidden.empty()) {
    ++indeterminate_;
    Count(hidden_[outcome.hidden], call.seq, call.tool);
  } else if (effect == call.effect) {
    ++same_;
  } else {
    ++flipped_;
    Count(flips_[{call.effect, effect, outcome.rule}], call.seq, call.tool);
  }
}

json Simulation::Report() const {
  json report = {{"version", 1},
                 {"candidate", candidate_.revision()},
                 {"calls", calls_},
                 {"same", same_},
                 {"flipped", flipped_},
                 {"indeterminate", indeterminate_},
                 {"unreadable", unreadable_},
                 {"flips", json::array()},
                 {"hidden", json::array()}};
  for (const auto& [key, group] : flips_) {
    const auto& [from, to, rule] = key;
    report["flips"].push_back({{"from", from},
                               {"to", to},
                               {"rule", rule},
                               {"count", group.count},
                               {"examples", group.examples},
                               {"tools", group.tools}});
  }
  for (const auto& [paths, group] : hidden_) {
    report["hidden"].push_back({{"paths", paths},
                                {"count", group.count},
                                {"examples", group.examples},
                                {"tools", group.tools}});
  }
  return report;
}

}  // namespace casemate::policies
