// What the rule files share: the file, its RUN instructions as commands, and where findings go.
// Lives as long as one call of Lint. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tools/dockerfile/lint.h"
#include "tools/dockerfile/shell.h"
#include "tools/dockerfile/syntax.h"

namespace casemate::dockerfile {

// An instruction, or what ONBUILD holds.
struct Step {
  const Instruction* instruction = nullptr;
  std::size_t index = 0;  // of Dockerfile::instructions
  bool on_build = false;
  ShellScript script;  // of RUN
};

class LintContext {
 public:
  LintContext(const Dockerfile& dockerfile, const LintOptions& lint_options);

  // Adds a finding if nothing ignores it. `fix`: more exact than the table's, or empty.
  void Report(std::string_view rule, const Instruction& instruction, std::string what,
              std::string fix = {}, std::vector<std::string> also = {});
  void Report(std::string_view rule, int line, std::string what, std::string fix = {},
              std::vector<std::string> also = {});
  [[nodiscard]] std::vector<LintFinding> Take();

  // Those of a stage, in their order; ARG before the first FROM belongs to none.
  [[nodiscard]] std::vector<const Step*> StepsOf(const Stage& stage) const;
  // Which stage above `stage` its base is; nullptr: it is an image.
  [[nodiscard]] const Stage* ParentOf(const Stage& stage) const;

  // Whether what stays in its layers reaches an image: it is the last one, or another's base.
  [[nodiscard]] bool IsShipped(const Stage& stage) const;

  const Dockerfile& file;
  const LintOptions& options;
  std::vector<Step> steps;

 private:
  [[nodiscard]] bool IsIgnored(const LintFinding& finding) const;

  std::vector<LintFinding> findings_;
  std::vector<const Stage*> parents_;    // of each stage
  std::vector<const Stage*> bases_;      // the same, sorted
  std::vector<std::string> ignored_;     // everywhere
  std::unordered_map<int, int> counts_;  // of what was reported, by line
};

// The value of one key of a mount: "cache" of type in "type=cache,target=/x".
std::string MountValue(std::string_view mount, std::string_view key);
// Whether RUN mounts a cache or a file system in memory whose target holds this text.
bool MountsAt(const Instruction& run, std::string_view target);
// Names of variables that a text uses: $x, ${x}, ${x:-y}. Not those behind an escape character or
// in single quotes.
struct VariableUse {
  std::string name;
  bool has_default = false;  // ${x:-…}, ${x-…}, ${x:+…}
};
std::vector<VariableUse> VariablesIn(std::string_view text, char escape);
// The names in a sentence: "`a`, `b` and 3 more".
std::string Named(const std::vector<std::string>& names);

// Tells of what is installed without a version, once for each RUN.
void ReportUnpinned(LintContext& context, const Step& step, std::string_view rule,
                    std::string_view manager, const std::vector<std::string>& names,
                    std::string_view separator);
// Whether ADD would unpack it, by its name.
bool IsArchiveName(std::string_view path);

// The rules, by what they look at.
void LintFile(LintContext& context);              // comments, cases of names, continuation lines
void LintBaseImages(LintContext& context);        // FROM
void LintStages(LintContext& context);            // what there may be once, users, health
void LintCopies(LintContext& context);            // COPY and ADD
void LintSettings(LintContext& context);          // EXPOSE, WORKDIR, CMD, ENV, LABEL
void LintVariables(LintContext& context);         // what is used and not set
void LintCommands(LintContext& context);          // commands in RUN
void LintPackages(LintContext& context);          // apt-get, apk, yum, dnf, zypper
void LintLanguagePackages(LintContext& context);  // pip, npm, gem, yarn

}  // namespace casemate::dockerfile
