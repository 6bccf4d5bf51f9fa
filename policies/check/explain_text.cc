#include "policies/check/explain_text.h"

#include <string_view>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace casemate::policies {

namespace {

using nlohmann::json;

std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string()
             ? EscapeControls(ToValidUtf8(found->get_ref<const std::string&>()), false)
             : std::string();
}

const json& List(const json& object, const char* key) {
  static const json kNone = json::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : kNone;
}

std::string RuleName(const json& rule, const char* key) {
  return "rule `" + Text(rule, key) + "` (" + Text(rule, "where") + ")";
}

void WriteCondition(const json& part, std::string& out) {
  const std::string truth = Text(part, "truth");
  std::string label = truth == "true" ? "true" : truth == "false" ? "FALSE" : "?";
  label.resize(6, ' ');
  out += "      " + label + Text(part, "condition");
  const std::string value = Text(part, "value");
  if (!value.empty() && truth != "true") {
    out += "; it is " + value;
  }
  const std::string problem = Text(part, "problem");
  out += (problem.empty() ? "" : "; undecidable: " + problem) + "\n";
}

void WriteRule(const json& rule, std::string& out) {
  const std::string state = Text(rule, "state");
  out +=
      "    " + Text(rule, "effect") + " `" + Text(rule, "id") + "` (" + Text(rule, "where") + "): ";
  if (state == "matched") {
    out += rule.contains("by_undecidable") ? "matches, for its condition cannot be decided"
                                           : "matches";
  } else if (state == "not_covered") {
    out += "not about this caller:";
    for (const json& selector : List(rule, "selectors")) {
      std::string names;
      for (const json& name : List(selector, "expected")) {
        names += (names.empty() ? "" : ", ") + EscapeControls(name.get<std::string>(), false);
      }
      out += " " + Text(selector, "selector") + " [" + names + "]";
    }
  } else {
    out += state == "undecidable" ? "cannot be decided, so it does not allow" : "does not match";
  }
  out += "\n";
  for (const json& part : List(rule, "conditions")) {
    WriteCondition(part, out);
  }
}

void WriteLayer(const json& layer, std::string& out) {
  out += "  " + Text(layer, "layer");
  const std::string says = Text(layer, "says");
  if (!layer.value("about_call", true)) {
    out += ": is not about this call\n";
    return;
  }
  out += ": says " + says +
         (layer.value("by_default", false) ? ", for none of its rules matches" : "") + "\n";
  for (const json& rule : List(layer, "rules")) {
    WriteRule(rule, out);
  }
}

void WriteChanges(const json& explanation, std::string& out) {
  std::string changes;
  for (const json& rule : List(explanation, "obstacles")) {
    const std::string when = Text(rule, "when");
    changes += "  - " + RuleName(rule, "rule") + " would have to stop " +
               (Text(rule, "effect") == "ask" ? "asking" : "denying") +
               (when.empty() ? "" : ", which it does when " + when) + "\n";
  }
  for (const json& miss : List(explanation, "near_misses")) {
    std::string unmet;
    for (const json& part : List(miss, "unmet")) {
      const std::string value = Text(part, "is");
      unmet += (unmet.empty() ? "" : " and ") + Text(part, "condition") +
               (value.empty() ? "" : " (it is " + value + ")");
    }
    changes += "  - " + RuleName(miss, "rule") + " would " + Text(miss, "effect") +
               (Text(miss, "effect") == "ask" ? " about it" : " it") + " if " + unmet + "\n";
  }
  const auto line = explanation.find("line");
  if (line != explanation.end()) {
    changes += "  - or a new rule in " + Text(*line, "layer") + ": " + Text(*line, "text") + "\n";
  }
  if (!changes.empty()) {
    out += "What would have to change for it to be allowed:\n" + changes;
  }
}

}  // namespace

std::string ExplainText(const json& explanation) {
  const json decision = explanation.value("decision", json::object());
  std::string out = Text(decision, "effect") + " by `" + Text(decision, "rule") +
                    "`: " + Text(decision, "reason") + "\n";
  if (const std::string remedy = Text(decision, "remedy"); !remedy.empty()) {
    out += "What to do: " + remedy + "\n";
  }
  const auto layers = explanation.find("layers");
  if (layers == explanation.end()) {
    return out;
  }
  out += "Layers and their rules about `" + Text(explanation, "tool") + "`:\n";
  for (const json& layer : *layers) {
    WriteLayer(layer, out);
  }
  WriteChanges(explanation, out);
  return out;
}

}  // namespace casemate::policies
