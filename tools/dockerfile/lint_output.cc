#include "tools/dockerfile/lint_output.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace casemate::dockerfile {

nlohmann::json LintJson(std::span<const LintFinding> findings) {
  auto list = nlohmann::json::array();
  for (const LintFinding& finding : findings) {
    nlohmann::json one = {{"rule", finding.rule}, {"severity", ToString(finding.severity)},
                          {"line", finding.line}, {"what", ToValidUtf8(finding.what)},
                          {"why", finding.why},   {"fix", ToValidUtf8(finding.fix)}};
    if (!finding.also.empty()) {
      one["also"] = finding.also;
    }
    list.push_back(std::move(one));
  }
  return list;
}

std::string LintText(std::span<const LintFinding> findings, std::string_view path) {
  std::string text;
  for (const LintFinding& finding : findings) {
    const std::string line = std::string(path) + ":" + std::to_string(finding.line) + ": " +
                             std::string(ToString(finding.severity)) + " " + finding.rule + " " +
                             finding.what + " (" + finding.fix + ")";
    text += EscapeControls(ToValidUtf8(line), /*keep_newlines=*/false) + "\n";
  }
  return text;
}

std::string LintRuleTable() {
  std::string table = "| rule | severity | what | why | fix |\n|---|---|---|---|---|\n";
  for (const LintRule& rule : LintRules()) {
    table += "| `" + std::string(rule.name) + "` | " + std::string(ToString(rule.severity)) +
             (rule.by_default ? "" : ", off") + " | " + std::string(rule.what) + " | " +
             std::string(rule.why) + " | " + std::string(rule.fix) + " |\n";
  }
  return table;
}

}  // namespace casemate::dockerfile
