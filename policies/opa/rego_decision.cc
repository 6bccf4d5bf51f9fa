#include "policies/opa/rego_decision.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "policies/engine/rights_yaml.h"
#include "policies/engine/rule.h"

namespace casemate::policies {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 8;
constexpr std::size_t kMaxNames = 1000;
constexpr std::size_t kMaxMarks = 32;
constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxProseBytes = 1000;
constexpr std::string_view kReserved = "policy_error:";

std::string Shown(const json& value) {
  constexpr std::size_t kMostShown = 64;
  std::string text = DumpJson(value);
  if (text.size() > kMostShown) {
    text = text.substr(0, kMostShown) + "…";
  }
  return EscapeControls(ToValidUtf8(text), false);
}

Error Expected(const std::string& field, const std::string& what, const json& got) {
  return InvalidArgument(field, "expected " + what + ", got " + Shown(got));
}

Result<void> OnlyKeys(const json& map, const std::string& field,
                      std::span<const std::string_view> known) {
  if (!map.is_object()) {
    return Expected(field, "an object", map);
  }
  for (const auto& [key, value] : map.items()) {
    if (std::ranges::find(known, key) == known.end()) {
      return InvalidArgument(field, "expected none but the known keys, got " + Shown(json(key)));
    }
  }
  return {};
}

Result<std::size_t> Choice(const json& value, const std::string& field,
                           std::span<const std::string_view> names) {
  const auto found = value.is_string()
                         ? std::ranges::find(names, value.get_ref<const std::string&>())
                         : names.end();
  if (found == names.end()) {
    std::string what;
    for (const std::string_view name : names) {
      what.append(what.empty() ? "" : " or ").append("`").append(name).append("`");
    }
    return Expected(field, what, value);
  }
  return static_cast<std::size_t>(found - names.begin());
}

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// A set of Rego comes as a list.
Result<std::vector<std::string>> Names(const json& value, const std::string& field,
                                       std::size_t most) {
  if (!value.is_array() || value.size() > most) {
    return Expected(field, "a list of at most " + std::to_string(most) + " names", value);
  }
  std::vector<std::string> names;
  for (const json& item : value) {
    if (!item.is_string() || !IsName(item.get_ref<const std::string&>()) ||
        item == "default-deny") {
      return Expected(field, "names of 1 to 64 characters of a-z 0-9 - _, none `default-deny`",
                      item);
    }
    names.push_back(item.get<std::string>());
  }
  const std::set<std::string_view> distinct(names.begin(), names.end());
  return distinct.size() == names.size() ? Result(std::move(names))
                                         : Expected(field, "each name once", value);
}

Result<void> ReadProse(const json& decision, const char* key, std::string& target) {
  const auto found = decision.find(key);
  if (found == decision.end()) {
    return {};
  }
  const std::string field = std::string("decision.") + key;
  if (!found->is_string() || found->get_ref<const std::string&>().size() > kMaxProseBytes) {
    return Expected(field, "text of at most 1000 bytes", *found);
  }
  target = EscapeControls(found->get_ref<const std::string&>(), true);
  // Only a failure of the engine itself may call itself one.
  return target.starts_with(kReserved)
             ? Expected(field, "text that does not begin with `policy_error:`", *found)
             : Result<void>();
}

struct LimitField {
  std::string_view key;
  std::int64_t Limits::* target;
  std::int64_t most;
  std::int64_t scale;
  bool fractional;
};

// Names, units and bounds of the YAML language (policies/engine/rule_yaml.cc).
constexpr std::array<LimitField, 7> kLimits = {{
    {"memory_mb", &Limits::memory_mb, std::int64_t{1} << 24, 1, false},
    {"cpus", &Limits::cpu_millis, 1024, 1000, true},
    {"pids", &Limits::pids, std::int64_t{1} << 22, 1, false},
    {"wall_s", &Limits::wall_ms, std::int64_t{7} * 24 * 3600, 1000, false},
    {"output_kb", &Limits::output_kb, std::int64_t{1} << 20, 1, false},
    {"disk_mb", &Limits::disk_mb, std::int64_t{1} << 24, 1, false},
    {"io_mb_s", &Limits::io_mb_s, std::int64_t{1} << 20, 1, false},
}};

Result<void> ReadLimit(const json& value, const LimitField& limit, Limits& limits) {
  const std::string field = "decision.limits." + std::string(limit.key);
  const bool is_fit = limit.fractional ? value.is_number() : value.is_number_integer();
  const double number = is_fit ? value.get<double>() : 0;
  const double scaled = number * static_cast<double>(limit.scale);
  if (!is_fit || !std::isfinite(scaled) || scaled < 1 || number > static_cast<double>(limit.most)) {
    return Expected(field,
                    std::string(limit.fractional ? "a number" : "an integer") +
                        " above 0 and at most " + std::to_string(limit.most),
                    value);
  }
  limits.*limit.target = static_cast<std::int64_t>(scaled);
  return {};
}

Result<void> ReadLimits(const json& value, Limits& limits) {
  std::array<std::string_view, kLimits.size()> known;
  std::ranges::transform(kLimits, known.begin(), &LimitField::key);
  if (auto checked = OnlyKeys(value, "decision.limits", known); !checked) {
    return checked;
  }
  for (const LimitField& limit : kLimits) {
    const auto found = value.find(limit.key);
    if (found == value.end()) {
      continue;
    }
    if (auto read = ReadLimit(*found, limit, limits); !read) {
      return read;
    }
  }
  return {};
}

Result<void> ReadContainers(const json& decision, ContainerRights& rights) {
  const auto found = decision.find("containers");
  if (found == decision.end()) {
    return {};
  }
  if (!found->is_array()) {
    return Expected("decision.containers", "a list of rights", *found);
  }
  for (const json& item : *found) {
    auto choice = Choice(item, "decision.containers", kContainerRightNames);
    if (!choice) {
      return choice.error();
    }
    rights.Add(static_cast<ContainerRight>(*choice));
  }
  return {};
}

Result<void> ReadRights(const json& decision, Rights& rights) {
  rights.limits = kUnstatedLimits;
  if (const auto found = decision.find("limits"); found != decision.end()) {
    if (auto read = ReadLimits(*found, rights.limits); !read) {
      return read;
    }
  }
  if (const auto found = decision.find("workspace"); found != decision.end()) {
    constexpr std::array<std::string_view, 3> kNames = {"private", "host_read", "host_write"};
    constexpr std::array kAccess = {WorkspaceAccess::kPrivateOnly, WorkspaceAccess::kHostRead,
                                    WorkspaceAccess::kHostWrite};
    auto choice = Choice(*found, "decision.workspace", kNames);
    if (!choice) {
      return choice.error();
    }
    rights.workspace = kAccess.at(*choice);
  }
  if (const auto found = decision.find("sandbox"); found != decision.end()) {
    constexpr std::array<std::string_view, 1> kNames = {"strict"};
    if (auto choice = Choice(*found, "decision.sandbox", kNames); !choice) {
      return choice.error();
    }
    rights.strict_sandbox = true;
  }
  return ReadContainers(decision, rights.containers);
}

Result<void> ReadApproval(const json& value, ApprovalTerms& terms) {
  constexpr std::array<std::string_view, 3> kKnown = {"by", "expires_s", "remember"};
  if (auto checked = OnlyKeys(value, "decision.approval", kKnown); !checked) {
    return checked;
  }
  if (const auto found = value.find("by"); found != value.end()) {
    constexpr std::array<std::string_view, 3> kNames = {"client", "operator", "second_person"};
    constexpr std::array kApprovers = {Approver::kClient, Approver::kOperator,
                                       Approver::kSecondPerson};
    auto choice = Choice(*found, "decision.approval.by", kNames);
    if (!choice) {
      return choice.error();
    }
    terms.by = kApprovers.at(*choice);
  }
  if (const auto found = value.find("expires_s"); found != value.end()) {
    const std::int64_t seconds = found->is_number_integer() ? found->get<std::int64_t>() : 0;
    if (seconds < 1 || seconds > kMaxApprovalSeconds) {
      return Expected("decision.approval.expires_s",
                      "an integer from 1 to " + std::to_string(kMaxApprovalSeconds), *found);
    }
    terms.expires_ms = seconds * 1000;
  }
  if (const auto found = value.find("remember"); found != value.end()) {
    constexpr std::array<std::string_view, 3> kNames = {"never", "same_call", "same_rule"};
    constexpr std::array kRemember = {Remember::kNever, Remember::kSameCall, Remember::kSameRule};
    auto choice = Choice(*found, "decision.approval.remember", kNames);
    if (!choice) {
      return choice.error();
    }
    terms.remember = kRemember.at(*choice);
  }
  return {};
}

// An obligation beside an effect that has no use for it would be read by nobody.
Result<void> RefuseUnread(const json& decision, Effect effect) {
  for (const char* key : {"limits", "workspace", "sandbox", "containers"}) {
    if (effect == Effect::kDeny && decision.contains(key)) {
      return InvalidArgument(std::string("decision.") + key,
                             "expected it with `allow` or `ask` only, got it with `deny`");
    }
  }
  if (effect != Effect::kAsk && decision.contains("approval")) {
    return InvalidArgument("decision.approval", "expected it with `ask` only, got it with `" +
                                                    std::string(ToString(effect)) + "`");
  }
  return {};
}

Result<void> ReadHead(const json& decision, RegoDecision& read) {
  constexpr std::array<std::string_view, 10> kKnown = {
      "effect",    "rules",   "reason",     "remedy",   "limits",
      "workspace", "sandbox", "containers", "approval", "marks"};
  if (auto checked = OnlyKeys(decision, "decision", kKnown); !checked) {
    return checked;
  }
  const json missing;
  const auto effect = decision.find("effect");
  constexpr std::array<std::string_view, 3> kNames = {"allow", "ask", "deny"};
  constexpr std::array kEffects = {Effect::kAllow, Effect::kAsk, Effect::kDeny};
  auto choice = Choice(effect == decision.end() ? missing : *effect, "decision.effect", kNames);
  if (!choice) {
    return choice.error();
  }
  read.effect = kEffects.at(*choice);
  const auto rules = decision.find("rules");
  auto names = Names(rules == decision.end() ? missing : *rules, "decision.rules", kMaxNames);
  if (!names) {
    return names.error();
  }
  read.rules = *std::move(names);
  if (read.rules.empty() && read.effect != Effect::kDeny) {
    return InvalidArgument("decision.rules", "expected at least one rule that says `" +
                                                 std::string(ToString(read.effect)) +
                                                 "`, got none");
  }
  return RefuseUnread(decision, read.effect);
}

Result<void> ReadRest(const json& decision, RegoDecision& read) {
  if (auto prose = ReadProse(decision, "reason", read.reason); !prose) {
    return prose;
  }
  if (auto prose = ReadProse(decision, "remedy", read.remedy); !prose) {
    return prose;
  }
  if (auto rights = ReadRights(decision, read.rights); !rights) {
    return rights;
  }
  if (const auto found = decision.find("approval"); found != decision.end()) {
    if (auto approval = ReadApproval(*found, read.approval); !approval) {
      return approval;
    }
  }
  if (const auto found = decision.find("marks"); found != decision.end()) {
    auto marks = Names(*found, "decision.marks", kMaxMarks);
    if (!marks) {
      return marks.error();
    }
    read.marks = *std::move(marks);
  }
  return {};
}

}  // namespace

Result<RegoDecision> ReadRegoDecision(std::string_view body) {
  auto reply = ParseJson(body, {.max_bytes = kMaxDecisionBytes, .max_depth = kMaxDepth});
  if (!reply) {
    return InvalidArgument("reply", "expected JSON: " + reply.error().message);
  }
  // The id is there when OPA keeps a log of decisions.
  constexpr std::array<std::string_view, 2> kKnown = {"result", "decision_id"};
  if (auto checked = OnlyKeys(*reply, "reply", kKnown); !checked) {
    return checked.error();
  }
  const auto decision = reply->find("result");
  if (decision == reply->end()) {
    return Error{ErrorCode::kNotFound, "`data.casemate.decision` is undefined for this call",
                 "decision", "let the package `casemate` define `decision` for every input", 0};
  }
  RegoDecision read;
  if (auto head = ReadHead(*decision, read); !head) {
    return head.error();
  }
  if (auto rest = ReadRest(*decision, read); !rest) {
    return rest.error();
  }
  return read;
}

}  // namespace casemate::policies
