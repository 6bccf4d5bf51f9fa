// Rules on the package managers of languages.
#include <algorithm>
#include <array>
#include <iterator>

#include "tools/dockerfile/lint_context.h"

namespace casemate::dockerfile {
namespace {

using Names = std::vector<std::string>;

bool BeginsWithAny(std::string_view text, Words beginnings) {
  return std::ranges::any_of(beginnings,
                             [&](std::string_view begin) { return text.starts_with(begin); });
}

bool EndsWithAny(std::string_view text, Words ends) {
  return std::ranges::any_of(ends, [&](std::string_view end) { return text.ends_with(end); });
}

// pip, pip3, pip3.11 install, and python -m pip install.
bool IsPipInstall(const ShellCommand& command) {
  if (command.name.starts_with("pip") && !command.name.starts_with("pipenv")) {
    return command.Has({"install"});
  }
  const auto words = std::to_array<std::string_view>({"-m", "pip", "install"});
  return command.name.starts_with("python") &&
         !std::ranges::search(command.arguments, words).empty();
}

bool IsPipVersionFixed(std::string_view name) {
  const bool from_repository = BeginsWithAny(name, {"git+", "git:", "hg+", "svn", "bzr+"});
  return name.find_first_of("<>") != std::string_view::npos ||
         name.find("==") != std::string_view::npos || name.find("!=") != std::string_view::npos ||
         name.find("~=") != std::string_view::npos || EndsWithAny(name, {".whl", ".tar.gz"}) ||
         (from_repository && name.find('@') != std::string_view::npos) ||
         (!from_repository && name.find('/') != std::string_view::npos);
}

Names UnpinnedByPip(const ShellCommand& command) {
  const bool from_file = command.HasFlag({"constraint", "c", "requirement"}) ||
                         std::ranges::any_of(command.arguments, [](const std::string& word) {
                           return word.starts_with("-r") || word.starts_with('.');
                         });
  if (from_file) {
    return {};
  }
  Names names = command.Behind({"install"}, {"abi",
                                             "b",
                                             "build",
                                             "e",
                                             "editable",
                                             "extra-index-url",
                                             "f",
                                             "find-links",
                                             "i",
                                             "index-url",
                                             "implementation",
                                             "no-binary",
                                             "only-binary",
                                             "platform",
                                             "prefix",
                                             "progress-bar",
                                             "proxy",
                                             "python",
                                             "python-version",
                                             "root",
                                             "root-user-action",
                                             "src",
                                             "t",
                                             "target",
                                             "trusted-host",
                                             "upgrade-strategy",
                                             "timeout",
                                             "retries",
                                             "cache-dir",
                                             "group"});
  std::erase_if(names, [](const std::string& name) { return IsPipVersionFixed(name); });
  return names;
}

bool IsTrue(std::string_view value) {
  return BeginsWithAny(value, {"1", "true", "True", "TRUE", "on", "On", "ON", "yes", "Yes", "YES"});
}

constexpr std::string_view kNoCache = "PIP_NO_CACHE_DIR=";

bool TurnsCacheOff(const ShellScript& script) {
  const std::size_t at = script.text.find(kNoCache);
  return at != std::string::npos &&
         IsTrue(std::string_view(script.text).substr(at + kNoCache.size()));
}

bool KeepsPipCache(const ShellCommand& command) {
  return IsPipInstall(command) && !command.name.starts_with("pipx") &&
         !command.HasFlag({"no-cache-dir"});
}

void LintPip(LintContext& context, const Step& step, bool cache_is_off) {
  Names unpinned;
  for (const ShellCommand& command : step.script.commands) {
    if (IsPipInstall(command)) {
      std::ranges::move(UnpinnedByPip(command), std::back_inserter(unpinned));
    }
  }
  ReportUnpinned(context, step, "DL3013", "pip", unpinned, "==");
  if (!cache_is_off && !TurnsCacheOff(step.script) &&
      std::ranges::any_of(step.script.commands, KeepsPipCache) &&
      !MountsAt(*step.instruction, ".cache/pip")) {
    context.Report("DL3042", *step.instruction, "pip install has no --no-cache-dir.");
  }
}

bool TurnsPipCacheOff(const Instruction& instruction, char escape) {
  const auto pairs = instruction.Pairs(escape);
  return instruction.name == "ENV" && std::ranges::any_of(pairs, [](const KeyValue& pair) {
           return pair.key == "PIP_NO_CACHE_DIR" && IsTrue(pair.value);
         });
}

// Stages follow one another, each knows by then whether its base has turned the cache off.
void LintPipOfStages(LintContext& context) {
  std::vector<bool> off(context.file.stages.size());
  for (std::size_t i = 0; i < context.file.stages.size(); ++i) {
    const Stage& stage = context.file.stages[i];
    const Stage* parent = context.ParentOf(stage);
    off[i] =
        parent != nullptr && off[static_cast<std::size_t>(parent - context.file.stages.data())];
    for (const Step* step : context.StepsOf(stage)) {
      off[i] = off[i] || TurnsPipCacheOff(*step->instruction, context.file.escape);
      LintPip(context, *step, off[i]);
    }
  }
}

bool IsNpmVersionFixed(std::string_view name) {
  if (BeginsWithAny(name, {"git://", "git+ssh://", "git+http://", "git+https://"})) {
    return name.find('#') != std::string_view::npos;
  }
  return EndsWithAny(name, {".tar", ".tar.gz", ".tgz"}) ||
         BeginsWithAny(name, {"/", "./", "../", "~/", "file:"}) || name == "." ||
         name.find('@', 1) != std::string_view::npos;  // @scope/name has one in front
}

void LintNpm(LintContext& context, const Step& step) {
  Names unpinned;
  for (const ShellCommand& command : step.script.commands) {
    const Words with_value = {"loglevel", "registry",  "prefix", "C",       "cache",
                              "w",        "workspace", "omit",   "include", "only"};
    const Names plain = command.Plain(with_value);
    if (!command.Is({"npm"}) || plain.empty() ||
        (plain.front() != "install" && plain.front() != "i")) {
      continue;
    }
    Names names(plain.begin() + 1, plain.end());
    std::erase_if(names, [](const std::string& name) { return IsNpmVersionFixed(name); });
    std::ranges::move(names, std::back_inserter(unpinned));
  }
  ReportUnpinned(context, step, "DL3016", "npm", unpinned, "@");
}

void LintGem(LintContext& context, const Step& step) {
  Names unpinned;
  for (const ShellCommand& found : step.script.commands) {
    if (!found.Has({"gem"}, {"install", "i"}) || found.HasFlag({"v", "version"})) {
      continue;
    }
    ShellCommand command = found;  // behind -- stand arguments for compilers
    command.arguments.erase(std::ranges::find(command.arguments, "--"), command.arguments.end());
    Names names =
        command.Behind({"install", "i"}, {"i", "install-dir", "n", "bindir", "s", "source", "p",
                                          "http-proxy", "platform", "P", "use-system-libraries"});
    std::erase_if(names, [](const std::string& name) {
      return name.find(':') != std::string::npos || name.ends_with(".gem");
    });
    std::ranges::move(names, std::back_inserter(unpinned));
  }
  ReportUnpinned(context, step, "DL3028", "gem", unpinned, ":");
}

void LintYarn(LintContext& context, const Step& step) {
  const auto& commands = step.script.commands;
  const auto install = std::ranges::find_if(
      commands, [](const ShellCommand& command) { return command.Has({"yarn"}, {"install"}); });
  const bool leaves = install != commands.end() &&
                      std::none_of(install, commands.end(), [](const ShellCommand& command) {
                        return command.Has({"yarn"}, {"clean"});
                      });
  if (leaves && !MountsAt(*step.instruction, ".cache/yarn")) {
    context.Report("DL3060", *step.instruction, "yarn installs and its cache stays.");
  }
}

}  // namespace

void LintLanguagePackages(LintContext& context) {
  LintPipOfStages(context);
  for (const Step& step : context.steps) {
    LintNpm(context, step);
    LintGem(context, step);
  }
  for (const Stage& stage : context.file.stages) {
    for (const Step* step : context.StepsOf(stage)) {
      if (context.IsShipped(stage)) {
        LintYarn(context, *step);
      }
    }
  }
}

}  // namespace casemate::dockerfile
