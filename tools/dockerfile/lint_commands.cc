// Rules on the commands in RUN that are not about packages.
#include <algorithm>
#include <array>
#include <iterator>

#include "base/text.h"
#include "tools/dockerfile/lint_context.h"

namespace casemate::dockerfile {
namespace {

void LintNames(LintContext& context, const Step& step) {
  const Instruction& run = *step.instruction;
  for (const ShellCommand& command : step.script.commands) {
    if (command.Is({"free", "kill", "mount", "ps", "service", "shutdown", "ssh", "top", "vim"})) {
      context.Report("DL3001", run, "RUN calls " + Quoted(command.name) + ".");
      break;
    }
  }
  if (const ShellCommand* cd = step.on_build ? nullptr : step.script.Find({"cd"})) {
    const std::string where = cd->arguments.empty() ? "" : cd->arguments.front();
    context.Report("DL3003", run, "RUN changes to " + Quoted(where) + " with cd.",
                   where.starts_with('/') ? "write `WORKDIR " + where + "` above" : "");
  }
  if (step.script.Find({"sudo"}) != nullptr) {
    context.Report("DL3004", run, "RUN calls sudo.");
  }
  if (step.script.Find({"apt"}) != nullptr) {
    context.Report("DL3027", run, "RUN calls apt.");
  }
}

bool ShowsProgress(const ShellCommand& command) {
  return command.Is({"wget"}) && !command.Has({"-nv"}) &&
         !command.HasFlag(
             {"progress", "q", "quiet", "o", "output-file", "a", "append-output", "no-verbose"});
}

bool FillsLog(const ShellCommand& command) {
  const std::string number = command.FlagArgument("u") + command.FlagArgument("uid");
  return command.Is({"useradd"}) && !command.HasFlag({"l", "no-log-init"}) && number.size() > 5;
}

void LintArguments(LintContext& context, const Step& step) {
  const Instruction& run = *step.instruction;
  const auto any = [&](auto check) { return std::ranges::any_of(step.script.commands, check); };
  if (!step.on_build && any(FillsLog)) {
    context.Report("DL3046", run, "useradd gives a number of more than five digits without -l.");
  }
  if (any(ShowsProgress)) {
    context.Report("DL3047", run, "wget shows its progress.");
  }
  if (any([](const ShellCommand& command) { return command.Has({"ln"}, {"/bin/sh"}); })) {
    context.Report("DL4005", run, "RUN replaces /bin/sh with ln.");
  }
}

bool IsFetch(const ShellCommand& command) {
  return command.Is({"curl", "wget"});
}

bool IsInterpreter(const ShellCommand& command) {
  return command.Is({"sh", "bash", "ash", "dash", "ksh", "zsh", "python", "python3", "perl", "ruby",
                     "node", "php"});
}

// Whether a command's input comes, through others, from curl or wget.
const ShellCommand* FetchBefore(const ShellScript& script, const ShellCommand& command) {
  constexpr int kFarthest = 32;
  int steps = 0;
  for (auto from = command.reads; from && steps < kFarthest; from = script.commands[*from].reads) {
    ++steps;
    if (IsFetch(script.commands[*from])) {
      return &script.commands[*from];
    }
  }
  return nullptr;
}

void LintFetchedScripts(LintContext& context, const Step& step) {
  const ShellCommand* fetch = step.script.Find({"curl", "wget"});
  if (fetch == nullptr) {
    return;
  }
  for (const ShellCommand& command : step.script.commands) {
    const ShellCommand* piped =
        IsInterpreter(command) ? FetchBefore(step.script, command) : nullptr;
    const bool substituted =
        (IsInterpreter(command) || command.Is({"eval", "source", "."})) && command.Has({"$()"});
    if (piped != nullptr || substituted) {
      context.Report("CM0003", *step.instruction,
                     "What " + (piped != nullptr ? piped : fetch)->name + " fetches is run by " +
                         Quoted(command.name) + " unseen.");
      return;
    }
  }
}

bool SetsPipefail(const Instruction& shell) {
  if (!shell.exec || shell.exec->empty()) {
    return false;
  }
  ShellCommand command;
  command.name = shell.exec->front().substr(shell.exec->front().rfind('/') + 1);
  command.arguments.assign(shell.exec->begin() + 1, shell.exec->end());
  const bool other = std::ranges::any_of(
      std::to_array<std::string_view>({"pwsh", "powershell", "cmd"}),
      [&](std::string_view name) { return shell.exec->front().starts_with(name); });
  return other || (command.Is({"bash", "zsh", "ash"}) && command.HasFlag({"o"}) &&
                   command.Has({"pipefail"}));
}

void LintPipes(LintContext& context, const Stage& stage) {
  bool safe = false;
  for (const Step* step : context.StepsOf(stage)) {
    if (step->on_build) {
      continue;
    }
    if (step->instruction->name == "SHELL") {
      safe = SetsPipefail(*step->instruction);
    }
    const bool sets = std::ranges::any_of(step->script.commands, [](const ShellCommand& command) {
      return command.Has({"set"}, {"pipefail"});
    });
    if (step->script.has_pipe && !safe && !sets) {
      context.Report("DL4006", *step->instruction,
                     "RUN has a pipe, and the shell does not have pipefail set.");
    }
  }
}

void LintTwoFetchers(LintContext& context, const Stage& stage) {
  bool curl = false;
  bool wget = false;
  for (const Step* step : context.StepsOf(stage)) {
    const bool has_curl = step->script.Find({"curl"}) != nullptr;
    const bool has_wget = step->script.Find({"wget"}) != nullptr;
    curl = curl || has_curl;
    wget = wget || has_wget;
    if (curl && wget && (has_curl || has_wget)) {
      context.Report("DL4001", *step->instruction,
                     std::string("RUN calls ") + (has_curl ? "curl" : "wget") +
                         " in a stage that has both curl and wget.");
    }
  }
}

bool SameFlags(const Instruction& a, const Instruction& b) {
  return std::ranges::equal(a.flags, b.flags, [](const Flag& left, const Flag& right) {
    return left.name == right.name && left.value == right.value;
  });
}

void LintRepeatedRuns(LintContext& context) {
  constexpr std::size_t kFew = 2;  // who joins more commands has thought about it
  const Step* previous = nullptr;
  for (const Step& step : context.steps) {
    if (step.on_build || step.instruction->name != "RUN") {
      previous = nullptr;
    } else if (previous == nullptr || !SameFlags(*previous->instruction, *step.instruction) ||
               step.script.commands.size() > kFew || previous->script.commands.size() > kFew) {
      previous = &step;
    } else {
      context.Report(
          "DL3059", *step.instruction,
          "RUN follows the RUN of line " + std::to_string(previous->instruction->line) + ".");
    }
  }
}

constexpr auto kArchives =
    std::to_array<std::string_view>({".tar", ".Z", ".bz2", ".gz", ".lz", ".lzma", ".tZ", ".tb2",
                                     ".tbz", ".tbz2", ".tgz", ".tlz", ".tpz", ".txz", ".xz"});

std::string BaseName(std::string_view path) {
  return std::string(path.substr(path.find_last_of("/\\") + 1));
}

bool Unpacks(const ShellCommand& command) {
  const bool extracts = command.Has({"--extract", "--get"}) ||
                        std::ranges::any_of(command.arguments, [](const std::string& word) {
                          return word.starts_with('-') && word.find('x') != std::string::npos;
                        });
  return (command.Is({"tar"}) && extracts) ||
         command.Is({"unzip", "gunzip", "bunzip2", "unlzma", "unxz", "zgz", "uncompress", "zcat",
                     "gzcat"});
}

constexpr std::size_t kMostArchives = 100;  // of a stage

struct CopiedArchive {
  std::string name;
  const Instruction* copy = nullptr;
  bool unpacked = false;
};

// The archives that COPY brings: under the name of its destination if that is one.
void AddArchives(const Instruction& copy, char escape, std::vector<CopiedArchive>& archives) {
  std::vector<std::string> words = copy.Words(escape);
  if (words.size() < 2 || copy.FlagValue("from")) {
    return;
  }
  if (IsArchiveName(words.back())) {
    words.erase(words.begin(), words.end() - 1);
  } else {
    words.pop_back();
  }
  for (const std::string& word : words) {
    if (IsArchiveName(word) && archives.size() < kMostArchives) {
      archives.push_back({BaseName(word), &copy});
    }
  }
}

void LintCopiedArchives(LintContext& context, const Stage& stage) {
  std::vector<CopiedArchive> archives;
  for (const Step* step : context.StepsOf(stage)) {
    if (step->instruction->name == "COPY" && !step->on_build) {
      AddArchives(*step->instruction, context.file.escape, archives);
    }
    for (const ShellCommand& command : step->script.commands) {
      if (archives.empty() || !Unpacks(command)) {
        continue;
      }
      std::vector<std::string> names;
      std::ranges::transform(command.Plain(), std::back_inserter(names), BaseName);
      for (CopiedArchive& archive : archives) {
        if (!archive.unpacked && std::ranges::find(names, archive.name) != names.end()) {
          archive.unpacked = true;
          context.Report("DL3010", *archive.copy,
                         "COPY brings " + Quoted(archive.name) + ", and line " +
                             std::to_string(step->instruction->line) + " unpacks it.");
        }
      }
    }
  }
}

}  // namespace

bool IsArchiveName(std::string_view path) {
  return std::ranges::any_of(kArchives, [&](std::string_view end) { return path.ends_with(end); });
}

void LintCommands(LintContext& context) {
  for (const Step& step : context.steps) {
    LintNames(context, step);
    LintArguments(context, step);
    LintFetchedScripts(context, step);
  }
  for (const Stage& stage : context.file.stages) {
    LintPipes(context, stage);
    LintTwoFetchers(context, stage);
    LintCopiedArchives(context, stage);
  }
  LintRepeatedRuns(context);
}

}  // namespace casemate::dockerfile
