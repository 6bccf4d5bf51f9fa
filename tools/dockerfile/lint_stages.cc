// Rules on whole stages and the whole file: what there may be once, users, health, form.
#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "base/text.h"
#include "tools/dockerfile/lint_context.h"

namespace casemate::dockerfile {
namespace {

void LintRepeated(LintContext& context, const Stage& stage) {
  static constexpr auto kOnce = std::to_array<std::pair<std::string_view, std::string_view>>(
      {{"CMD", "DL4003"}, {"ENTRYPOINT", "DL4004"}, {"HEALTHCHECK", "DL3012"}});
  for (const auto& [name, rule] : kOnce) {
    const Instruction* previous = nullptr;
    for (const Step* step : context.StepsOf(stage)) {
      if (step->on_build || step->instruction->name != name) {
        continue;
      }
      if (previous != nullptr) {
        context.Report(rule, *step->instruction,
                       "The " + std::string(name) + " of line " + std::to_string(previous->line) +
                           " has no effect beside this one.",
                       "take line " + std::to_string(previous->line) + " out",
                       {"MultipleInstructionsDisallowed"});
      }
      previous = step->instruction;
    }
  }
}

const Instruction* LastUser(const LintContext& context, const Stage& stage) {
  const Instruction* user = nullptr;
  for (const Step* step : context.StepsOf(stage)) {
    user = !step->on_build && step->instruction->name == "USER" ? step->instruction : user;
  }
  return user;
}

std::string UserName(const LintContext& context, const Instruction& user) {
  const std::vector<std::string> words = user.Words(context.file.escape);
  return words.empty() ? "" : words.front().substr(0, words.front().find(':'));
}

void LintUsers(LintContext& context) {
  for (const Stage& stage : context.file.stages) {
    const Instruction* user = LastUser(context, stage);
    const std::string name = user == nullptr ? "" : UserName(context, *user);
    if (name == "root" || name == "0") {
      context.Report("DL3002", *user, "The stage ends as " + Quoted(name) + ".");
    }
  }
  // The user of the image may be that of a stage below it.
  const Instruction* user = nullptr;
  for (const Stage* stage = &context.file.stages.back(); stage != nullptr && user == nullptr;
       stage = context.ParentOf(*stage)) {
    user = LastUser(context, *stage);
  }
  const std::string name = user == nullptr ? "" : UserName(context, *user);
  const bool is_number = std::ranges::all_of(
      name, [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
  if (!is_number && name != "root" && name.find('$') == std::string::npos) {
    context.Report("CM0002", *user, "The image runs as " + Quoted(name) + ", a name.", "",
                   {"DL3066"});
  }
}

void LintHealth(LintContext& context) {
  const auto& stages = context.file.stages;
  std::vector<bool> good(stages.size());
  const auto parent_of = [&](std::size_t i) {
    const Stage* parent = context.ParentOf(stages[i]);
    return parent == nullptr ? i : static_cast<std::size_t>(parent - stages.data());
  };
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const auto steps = context.StepsOf(stages[i]);
    good[i] = good[parent_of(i)] || std::ranges::any_of(steps, [](const Step* step) {
                return !step->on_build && step->instruction->name == "HEALTHCHECK";
              });
  }
  for (std::size_t i = stages.size(); i-- > 0;) {
    if (good[i]) {  // what is built on the stage has one
      good[parent_of(i)] = true;
    } else {
      context.Report("DL3057", context.file.instructions[stages[i].first],
                     "Neither this stage nor what is built on it has a HEALTHCHECK.");
    }
  }
}

enum class Case { kLower, kUpper, kMixed };

Case CaseOf(std::string_view word) {
  const bool lower = std::ranges::any_of(word, [](char c) { return c >= 'a' && c <= 'z'; });
  const bool upper = std::ranges::any_of(word, [](char c) { return c >= 'A' && c <= 'Z'; });
  return lower && upper ? Case::kMixed : lower ? Case::kLower : Case::kUpper;
}

void LintCasing(LintContext& context) {
  const std::size_t first = context.file.stages.front().first;
  std::map<Case, std::size_t> counts;
  for (std::size_t i = first; i < context.file.instructions.size(); ++i) {
    ++counts[CaseOf(context.file.instructions[i].written)];
  }
  const bool lower = counts[Case::kLower] > counts[Case::kUpper];
  for (std::size_t i = first; i < context.file.instructions.size(); ++i) {
    const Instruction& instruction = context.file.instructions[i];
    if (CaseOf(instruction.written) != (lower ? Case::kLower : Case::kUpper)) {
      context.Report("ConsistentInstructionCasing", instruction,
                     Quoted(instruction.written) + " is in another case than most instructions.",
                     std::string("write it in ") + (lower ? "small letters" : "capitals"));
    }
  }
}

void LintOldEngines(LintContext& context) {
  if (const Directive* syntax = context.file.FindDirective("syntax")) {
    context.Report("CM0001", syntax->line,
                   "The file asks for the parser " + Quoted(syntax->value) + ".",
                   "take the line out and write what the built-in parser reads");
  }
  for (const Instruction& instruction : context.file.instructions) {
    if (!instruction.documents.empty()) {
      context.Report("CM0001", instruction, instruction.name + " has a here-document.",
                     instruction.name == "RUN" ? "join the commands with &&"
                                               : "copy a file of the build context");
    }
    if (instruction.FlagValue("link")) {
      context.Report("CM0001", instruction, instruction.name + " has --link.", "leave --link out");
    }
  }
}

}  // namespace

void LintStages(LintContext& context) {
  for (const Stage& stage : context.file.stages) {
    LintRepeated(context, stage);
  }
  LintUsers(context);
  LintHealth(context);
}

void LintFile(LintContext& context) {
  LintCasing(context);
  LintOldEngines(context);
  for (const Instruction& instruction : context.file.instructions) {
    if (instruction.empty_continuation) {
      context.Report("NoEmptyContinuation", instruction,
                     "An empty line stands between line " + std::to_string(instruction.line) +
                         " and line " + std::to_string(instruction.last_line) + ".");
    }
  }
  for (const Comment& comment : context.file.comments) {
    if (comment.text.starts_with("hadolint") && comment.text.find("ignore") != std::string::npos) {
      context.Report("DL1001", comment.line, "The comment says " + Quoted(comment.text) + ".");
    }
  }
}

}  // namespace casemate::dockerfile
