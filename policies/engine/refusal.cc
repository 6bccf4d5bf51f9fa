#include "policies/engine/refusal.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "policies/engine/yaml_policy.h"

namespace casemate::policies {

namespace {

std::optional<std::string> ContextText(const nlohmann::json& context, const char* key) {
  const auto found = context.find(key);
  if (found == context.end() || !found->is_string()) {
    return std::nullopt;
  }
  return found->get<std::string>();
}

// As a YAML scalar: JSON strings are YAML, so that an odd path cannot change the line's meaning.
std::string YamlScalar(const std::string& text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_plain = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') ||
           std::string_view("/._-").find(c) != std::string_view::npos;
  };
  const bool plain = !text.empty() && (text[0] == '/' || is_letter(text[0])) &&
                     std::ranges::all_of(text, is_plain) && text != "true" && text != "false" &&
                     text != "null";
  return plain ? text : DumpJson(nlohmann::json(text));
}

Refusal ExplainDefaultDeny(const Layer* silent, const PolicyInput& input,
                           const Attributes& attributes) {
  Refusal refusal;
  if (silent == nullptr) {
    refusal.reason = "no layer of the policy is about calls of tenant `" +
                     EscapeControls(ToValidUtf8(input.principal.tenant), false) + "`";
    refusal.remedy = "ask your user: add the tenant to `applies` of a layer without `extends`";
    return refusal;
  }
  const std::string policy_file = silent->name.starts_with(kShippedPrefix)
                                      ? "your own policy file (config key `policy_file`)"
                                      : silent->name;
  refusal.reason = "no rule allows tool `" + input.tool + "` for principal `" +
                   EscapeControls(ToValidUtf8(input.principal.id), false) +
                   "` with these arguments";
  const auto misses = NearMisses(*silent, input, attributes);
  std::string alternatives;
  for (const NearMiss& miss : misses) {
    refusal.reason += "; rule `" + miss.rule->id + "` requires " + miss.unmet;
    alternatives += (alternatives.empty() ? "" : " or ") + miss.unmet;
  }
  const auto workspace = ContextText(input.context, "workspace");
  if (workspace && !input.context.contains("workspace_root")) {
    refusal.reason = "the directory " + YamlScalar(*workspace) +
                     " lies below no configured workspace root; " + refusal.reason;
    refusal.remedy = "add the directory to `workspace_roots` in " +
                     ContextText(input.context, "config_file").value_or("the configuration file") +
                     ": workspace_roots: [" + YamlScalar(*workspace) + "]";
    return refusal;
  }
  refusal.remedy = "add a rule for tool `" + input.tool + "` under `rules:` in " + policy_file +
                   ": " + AllowingLine(input);
  if (!alternatives.empty()) {
    refusal.remedy = "call it so that " + alternatives + "; or ask your user: " + refusal.remedy;
  }
  return refusal;
}

}  // namespace

std::string AllowingLine(const PolicyInput& input) {
  std::string id = input.tool;
  std::ranges::replace(id, '_', '-');
  return "- {id: allow-" + id + ", effect: allow, tools: [" + input.tool +
         "], principals: {ids: [" + YamlScalar(input.principal.id) + "]}}";
}

Refusal ExplainRefusal(const Verdict& verdict, const PolicyInput& input,
                       const Attributes& attributes) {
  if (verdict.decisive == nullptr) {
    return ExplainDefaultDeny(verdict.silent, input, attributes);
  }
  const Rule& rule = *verdict.decisive;
  Refusal refusal{rule.reason, rule.remedy};
  const bool asks = verdict.effect == Effect::kAsk;
  if (refusal.reason.empty()) {
    refusal.reason =
        "rule `" + rule.id + "` " + (asks ? "requires approval for this call" : "denies this call");
  }
  if (refusal.remedy.empty()) {
    refusal.remedy = "go another way, which this rule does not forbid; or ask your user: " +
                     (asks ? "change `effect: ask` of rule `" + rule.id + "` (" + rule.where +
                                 ") to `effect: allow`"
                           : "change or remove rule `" + rule.id + "` (" + rule.where + ")");
  }
  return refusal;
}

}  // namespace casemate::policies
