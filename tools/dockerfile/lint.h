// What is wrong with a Dockerfile that can be read: the rules of hadolint and of BuildKit's checks
// under their names, and ours (CM…). Where both name one thing it is told once. Nothing is run and
// nothing is fetched. Pure; thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/dockerfile/syntax.h"

namespace casemate::dockerfile {

enum class Severity { kStyle, kInfo, kWarning, kError };
// "style", "info", "warning", "error"
std::string_view ToString(Severity severity);
std::optional<Severity> ParseSeverity(std::string_view text);

struct LintFinding {
  std::string rule;               // "DL3006", "UndefinedVar", "CM0001"
  std::vector<std::string> also;  // what others call the same
  Severity severity = Severity::kWarning;
  int line = 0;      // where the instruction begins
  std::string what;  // one sentence that names what is there
  std::string why;
  std::string fix;  // what to write instead
};

struct LintOptions {
  // Registries that images may come from (DL3026), with * at the beginning or end: "ghcr.io",
  // "*.example.com". Empty: any.
  std::vector<std::string> allowed_registries;
  // The text of .dockerignore, for CopyIgnoredFile.
  std::optional<std::string> ignore_file;
  std::vector<std::string> skip;    // rules that are not wanted
  std::vector<std::string> enable;  // rules that are asked for although they are off (LintRules)
};

// A rule as its documentation has it.
struct LintRule {
  std::string_view name;
  Severity severity;
  std::string_view what;
  std::string_view why;
  std::string_view fix;
  bool by_default = true;
};
// All rules, by their names.
std::span<const LintRule> LintRules();
// Errors: kInvalidArgument for `field` when one of `names` is no rule.
Result<void> CheckRuleNames(std::span<const std::string> names, std::string_view field);

// In the order of lines, then of names. What comments in the file ignore is left out:
// `# hadolint ignore=…` and `# casemate ignore=…` above an instruction, `# hadolint global
// ignore=…`, `# check=skip=…` above an instruction or as a directive.
std::vector<LintFinding> Lint(const Dockerfile& file, const LintOptions& options = {});

// Whether any finding is of this severity or worse.
bool AnyAtLeast(std::span<const LintFinding> findings, Severity severity);

}  // namespace casemate::dockerfile
