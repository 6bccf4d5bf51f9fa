#include "tools/dockerfile/lint.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "tools/dockerfile/lint_context.h"
#include "tools/dockerfile/words.h"

namespace casemate::dockerfile {
namespace {

// Bounds for hostile files: nobody reads on, and the work stays in proportion to the file.
constexpr int kMostOnOneLine = 100;
constexpr std::size_t kMostIgnored = 200;
constexpr std::size_t kMostCommentBytes = 4096;

constexpr auto kSeverities = std::to_array<std::string_view>({"style", "info", "warning", "error"});

// The rules behind `head` in a comment: "DL3008,DL3009" of "hadolint ignore=DL3008,DL3009 # why".
std::vector<std::string> IgnoredBy(std::string_view comment, Words head) {
  for (const std::string_view word : head) {
    comment = TrimSpaceLeft(comment);
    if (!comment.starts_with(word)) {
      return {};
    }
    comment.remove_prefix(word.size());
  }
  comment = comment.substr(0, comment.find_first_of("#;"));
  std::vector<std::string> rules;
  while (!comment.empty() && rules.size() < kMostIgnored) {
    const std::size_t comma = std::min(comment.find(','), comment.size());
    rules.emplace_back(TrimSpace(comment.substr(0, comma)));
    comment.remove_prefix(std::min(comma + 1, comment.size()));
  }
  return rules;
}

bool Names(const std::vector<std::string>& rules, const LintFinding& finding) {
  return std::ranges::any_of(rules, [&](const std::string& rule) {
    return rule == finding.rule || rule == "all" ||
           std::ranges::find(finding.also, rule) != finding.also.end();
  });
}

bool CommentIgnores(std::string_view comment, const LintFinding& finding) {
  return Names(IgnoredBy(comment, {"hadolint", "ignore", "="}), finding) ||
         Names(IgnoredBy(comment, {"casemate", "ignore", "="}), finding) ||
         Names(IgnoredBy(comment, {"check", "=", "skip", "="}), finding);
}

const LintRule* FindRule(std::string_view name) {
  const auto rules = LintRules();
  const auto found = std::ranges::find(rules, name, &LintRule::name);
  return found == rules.end() ? nullptr : &*found;
}

bool Holds(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

Result<void> CheckRuleNames(std::span<const std::string> names, std::string_view field) {
  for (const std::string& name : names) {
    if (FindRule(name) == nullptr) {
      std::vector<std::string_view> known;
      for (const LintRule& rule : LintRules()) {
        known.push_back(rule.name);
      }
      const auto nearest = NearestName(name, known);
      return InvalidArgument(std::string(field),
                             "expected the name of a rule, got " + Quoted(name) +
                                 (nearest ? "; did you mean " + *nearest + "?" : ""));
    }
  }
  return {};
}

std::string_view ToString(Severity severity) {
  return kSeverities[static_cast<std::size_t>(severity)];
}

std::optional<Severity> ParseSeverity(std::string_view text) {
  for (std::size_t i = 0; i < kSeverities.size(); ++i) {
    if (kSeverities[i] == text) {
      return static_cast<Severity>(i);
    }
  }
  return std::nullopt;
}

LintContext::LintContext(const Dockerfile& dockerfile, const LintOptions& lint_options)
    : file(dockerfile), options(lint_options) {
  for (std::size_t index = 0; index < file.instructions.size(); ++index) {
    const Instruction& outer = file.instructions[index];
    const bool on_build = !outer.trigger.empty();
    Step step{on_build ? &outer.trigger.front() : &outer, index, on_build, {}};
    if (step.instruction->name == "RUN") {
      step.script = ReadRun(*step.instruction);
    }
    steps.push_back(std::move(step));
  }
  std::unordered_map<std::string, const Stage*> names;
  for (const Stage& stage : file.stages) {
    std::string base = stage.base;
    std::ranges::transform(base, base.begin(), [](char c) {
      return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    });
    const auto parent = names.find(base);
    parents_.push_back(parent == names.end() ? nullptr : parent->second);
    bases_.push_back(parents_.back());
    if (!stage.name.empty()) {
      names.insert_or_assign(stage.name, &stage);
    }
  }
  std::ranges::sort(bases_);
  for (const Comment& comment : file.comments) {
    std::ranges::move(IgnoredBy(comment.text, {"hadolint", "global", "ignore", "="}),
                      std::back_inserter(ignored_));
  }
  if (const Directive* check = file.FindDirective("check")) {
    std::ranges::move(IgnoredBy(check->value, {"skip", "="}), std::back_inserter(ignored_));
  }
  ignored_.resize(std::min(ignored_.size(), kMostIgnored));
}

void LintContext::Report(std::string_view rule, const Instruction& instruction, std::string what,
                         std::string fix, std::vector<std::string> also) {
  Report(rule, instruction.line, std::move(what), std::move(fix), std::move(also));
}

void LintContext::Report(std::string_view rule, int line, std::string what, std::string fix,
                         std::vector<std::string> also) {
  if (++counts_[line] > kMostOnOneLine) {
    return;
  }
  const LintRule* known = FindRule(rule);
  if (known == nullptr || (!known->by_default && !Holds(options.enable, rule))) {
    return;
  }
  LintFinding finding{std::string(rule), std::move(also),         known->severity,        line,
                      std::move(what),   std::string(known->why), std::string(known->fix)};
  if (!fix.empty()) {
    finding.fix = std::move(fix);
  }
  if (!IsIgnored(finding)) {
    findings_.push_back(std::move(finding));
  }
}

bool LintContext::IsIgnored(const LintFinding& finding) const {
  if (Names(options.skip, finding) || Names(ignored_, finding)) {
    return true;
  }
  const auto instruction =
      std::ranges::lower_bound(file.instructions, finding.line, {}, &Instruction::line);
  // What is told of a comment does not hide behind it.
  if (finding.rule == "DL1001" || instruction == file.instructions.end() ||
      instruction->line != finding.line) {
    return false;
  }
  std::string_view comments = instruction->comment;
  comments.remove_prefix(comments.size() - std::min(comments.size(), kMostCommentBytes));
  for (std::size_t at = 0; at <= comments.size();) {
    const std::size_t end = std::min(comments.find('\n', at), comments.size());
    if (CommentIgnores(comments.substr(at, end - at), finding)) {
      return true;
    }
    at = end + 1;
  }
  return false;
}

std::vector<LintFinding> LintContext::Take() {
  std::ranges::sort(findings_, [](const LintFinding& a, const LintFinding& b) {
    return std::tie(a.line, a.rule, a.what) < std::tie(b.line, b.rule, b.what);
  });
  return std::move(findings_);
}

std::vector<const Step*> LintContext::StepsOf(const Stage& stage) const {
  std::vector<const Step*> own;
  for (std::size_t index = stage.first; index < stage.end; ++index) {
    own.push_back(&steps[index]);
  }
  return own;
}

const Stage* LintContext::ParentOf(const Stage& stage) const {
  return parents_[static_cast<std::size_t>(&stage - file.stages.data())];
}

bool LintContext::IsShipped(const Stage& stage) const {
  return &stage == &file.stages.back() || std::ranges::binary_search(bases_, &stage);
}

std::string MountValue(std::string_view mount, std::string_view key) {
  while (!mount.empty()) {
    const std::size_t comma = std::min(mount.find(','), mount.size());
    const std::string_view field = mount.substr(0, comma);
    const std::size_t equals = std::min(field.find('='), field.size());
    if (field.substr(0, equals) == key) {
      return std::string(field.substr(std::min(equals + 1, field.size())));
    }
    mount.remove_prefix(std::min(comma + 1, mount.size()));
  }
  return {};
}

bool MountsAt(const Instruction& run, std::string_view target) {
  return std::ranges::any_of(run.flags, [&](const Flag& flag) {
    const std::string type = MountValue(flag.value, "type");
    if (flag.name != "mount" || (type != "cache" && type != "tmpfs")) {
      return false;
    }
    return std::ranges::any_of(std::to_array<std::string_view>({"target", "dst", "destination"}),
                               [&](std::string_view key) {
                                 return MountValue(flag.value, key).find(target) !=
                                        std::string::npos;
                               });
  });
}

std::vector<VariableUse> VariablesIn(std::string_view text, char escape) {
  std::vector<VariableUse> uses;
  bool single = false;
  bool twice = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\'' && !twice) {
      single = !single;
    } else if (c == '"' && !single) {
      twice = !twice;
    } else if (c == escape && !single) {
      ++at;
    } else if (c == '$' && !single) {
      const bool braces = text.substr(at + 1).starts_with('{');
      std::size_t end = at + (braces ? 2 : 1);
      const std::size_t from = end;
      while (end < text.size() &&
             (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) {
        ++end;
      }
      if (end > from && std::isdigit(static_cast<unsigned char>(text[from])) == 0) {
        const std::string_view rest = text.substr(end);
        const bool optional = braces && (rest.starts_with(':') || rest.starts_with('-') ||
                                         rest.starts_with('+') || rest.starts_with('?'));
        uses.push_back({std::string(text.substr(from, end - from)), optional});
      }
      at = end - 1;
    }
  }
  return uses;
}

std::string Named(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i) {
    const bool last = i + 1 == names.size();
    text += (i == 0 ? "" : last ? " and " : ", ") + Quoted(names[i]);
  }
  return names.size() > kMost ? text + " and " + std::to_string(names.size() - kMost) + " more"
                              : text;
}

void ReportUnpinned(LintContext& context, const Step& step, std::string_view rule,
                    std::string_view manager, const std::vector<std::string>& names,
                    std::string_view separator) {
  if (!names.empty()) {
    context.Report(rule, *step.instruction,
                   std::string(manager) + " installs " + Named(names) + " without a version.",
                   "write `" + ToValidUtf8(names.front()) + std::string(separator) + "VERSION`" +
                       (names.size() > 1 ? " and so on" : ""));
  }
}

std::vector<LintFinding> Lint(const Dockerfile& file, const LintOptions& options) {
  LintContext context(file, options);
  LintFile(context);
  LintBaseImages(context);
  LintStages(context);
  LintCopies(context);
  LintSettings(context);
  LintVariables(context);
  LintCommands(context);
  LintPackages(context);
  LintLanguagePackages(context);
  return context.Take();
}

bool AnyAtLeast(std::span<const LintFinding> findings, Severity severity) {
  return std::ranges::any_of(
      findings, [&](const LintFinding& finding) { return finding.severity >= severity; });
}

}  // namespace casemate::dockerfile
