// Rules on the package managers of distributions.
#include <algorithm>
#include <cctype>

#include "tools/dockerfile/lint_context.h"

namespace casemate::dockerfile {
namespace {

using Names = std::vector<std::string>;

bool Holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

void Erase(Names& names, bool (*fixed)(std::string_view)) {
  std::erase_if(names, [&](const std::string& name) { return fixed(name); });
}

void LintApt(LintContext& context, const Step& step) {
  Names unpinned;
  bool asks = false;
  bool recommends = false;
  for (const ShellCommand& command : step.script.commands) {
    if (!command.Has({"apt-get"}, {"install"})) {
      continue;
    }
    Names names = command.Behind({"install"}, {"t", "target-release", "o", "option", "c"});
    Erase(names, [](std::string_view name) {
      return Holds(name, "=") || Holds(name, "/") || name.ends_with(".deb");
    });
    unpinned.insert(unpinned.end(), names.begin(), names.end());
    const bool is_quiet =
        command.Count("q") == 2 || command.Count("quiet") == 2 || command.Has({"-q=2"});
    const bool says_yes = is_quiet || command.HasFlag({"y", "yes", "assume-yes"});
    asks = asks || !says_yes;
    const bool is_bare = command.HasFlag({"no-install-recommends"}) ||
                         command.Has({"APT::Install-Recommends=false"});
    recommends = recommends || !is_bare;
  }
  ReportUnpinned(context, step, "DL3008", "apt-get", unpinned, "=");
  if (asks) {
    context.Report("DL3014", *step.instruction, "apt-get install has no -y.");
  }
  if (recommends) {
    context.Report("DL3015", *step.instruction, "apt-get install has no --no-install-recommends.");
  }
}

bool RemovesBelow(const ShellCommand& command, std::string_view directory) {
  return command.Is({"rm"}) && std::ranges::any_of(command.arguments, [&](const std::string& word) {
           return word.starts_with(directory);
         });
}

void LintAptLists(LintContext& context, const Step& step) {
  const auto& commands = step.script.commands;
  const bool updates = std::ranges::any_of(commands, [](const ShellCommand& command) {
    return command.Has({"apt", "apt-get", "aptitude"}, {"update"});
  });
  const bool cleans = std::ranges::any_of(
      commands, [](const ShellCommand& command) { return RemovesBelow(command, "/var/lib/apt"); });
  const Instruction& run = *step.instruction;
  const bool mounts = MountsAt(run, "/var/lib/apt/lists") ||
                      (MountsAt(run, "/var/lib/apt") && MountsAt(run, "/var/cache/apt"));
  if (updates && !cleans && !mounts) {
    context.Report("DL3009", run, "apt's lists are fetched and stay in the layer.");
  }
}

void LintApk(LintContext& context, const Step& step) {
  Names unpinned;
  bool caches = false;
  for (const ShellCommand& command : step.script.commands) {
    if (!command.Has({"apk"}, {"add"})) {
      continue;
    }
    Names names = command.Behind({"add"}, {"t", "virtual", "repository", "X"});
    Erase(names, [](std::string_view name) {
      return name.find_first_of("=~<>") != std::string_view::npos || name.ends_with(".apk");
    });
    unpinned.insert(unpinned.end(), names.begin(), names.end());
    caches = caches || !command.HasFlag({"no-cache"});
  }
  ReportUnpinned(context, step, "DL3018", "apk", unpinned, "=");
  if (caches && !MountsAt(*step.instruction, "/var/cache/apk")) {
    context.Report("DL3019", *step.instruction, "apk add has no --no-cache.");
  }
}

// name-1.2-3 of an RPM; what holds a variable behind a dash is taken for one.
bool HasRpmVersion(std::string_view name) {
  const std::size_t dash = name.find('-');
  if (dash == std::string_view::npos) {
    return false;
  }
  if (name.ends_with(".rpm") || name.find('$', dash) != std::string_view::npos) {
    return true;
  }
  bool begins_with_digit = false;
  for (std::size_t at = dash; at < name.size(); ++at) {
    const char c = name[at];
    if (c == '-') {
      begins_with_digit =
          begins_with_digit ||
          (at + 1 < name.size() && std::isdigit(static_cast<unsigned char>(name[at + 1])) != 0);
    } else if (std::isalnum(static_cast<unsigned char>(c)) == 0 &&
               std::string_view(".~^_:+").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return begins_with_digit;
}

struct RpmInstaller {
  std::string_view name;
  std::string_view other_name;
  std::string_view unpinned;
  std::string_view uncleaned;
  std::string_view cache;
};

void LintRpmVersions(LintContext& context, const Step& step, const RpmInstaller& manager) {
  Names unpinned;
  for (const ShellCommand& command : step.script.commands) {
    if (!command.Has({manager.name, manager.other_name}, {"install"}) || command.Has({"group"})) {
      continue;
    }
    Names names = command.Behind({"install"}, {"c", "config", "enablerepo", "disablerepo"});
    if (command.Has({"module"})) {
      Erase(names, [](std::string_view name) { return Holds(name, ":"); });
    } else {
      Erase(names, HasRpmVersion);
    }
    unpinned.insert(unpinned.end(), names.begin(), names.end());
  }
  ReportUnpinned(context, step, manager.unpinned, manager.name, unpinned, "-");
}

// Whether something is installed and the cache not emptied behind it.
bool LeavesCache(const ShellScript& script, bool (*installs)(const ShellCommand&),
                 bool (*cleans)(const ShellCommand&)) {
  const auto install = std::ranges::find_if(script.commands, installs);
  return install != script.commands.end() &&
         std::find_if(install, script.commands.end(), cleans) == script.commands.end();
}

void LintYum(LintContext& context, const Step& step) {
  LintRpmVersions(context, step, {"yum", "yum", "DL3033", "DL3032", "/var/cache/yum"});
  const bool leaves = LeavesCache(
      step.script, [](const ShellCommand& command) { return command.Has({"yum"}, {"install"}); },
      [](const ShellCommand& command) {
        return command.Has({"yum"}, {"clean"}) || RemovesBelow(command, "/var/cache/yum");
      });
  if (leaves && !MountsAt(*step.instruction, "/var/cache/yum")) {
    context.Report("DL3032", *step.instruction, "yum installs and its cache stays.");
  }
}

// Of dnf or of microdnf, by its first letter: each empties its own cache.
template <char kFirst>
bool InstallsByDnf(const ShellCommand& command) {
  return command.name.starts_with(kFirst) &&
         command.Has({"dnf", "microdnf"}, {"install", "in", "upgrade", "up", "reinstall", "rei",
                                           "upgrade-minimal", "up-min"});
}

template <char kFirst>
bool CleansDnf(const ShellCommand& command) {
  return (command.name.starts_with(kFirst) && command.Has({"dnf", "microdnf"}, {"clean"})) ||
         RemovesBelow(command, "/var/cache/dnf") || RemovesBelow(command, "/var/cache/yum") ||
         RemovesBelow(command, "/var/cache/libdnf5");
}

void LintDnf(LintContext& context, const Step& step) {
  LintRpmVersions(context, step, {"dnf", "microdnf", "DL3041", "DL3040", "/var/cache/dnf"});
  const bool asks = std::ranges::any_of(step.script.commands, [](const ShellCommand& command) {
    return command.Has({"dnf", "microdnf"}, {"install", "groupinstall", "localinstall"}) &&
           !command.HasFlag({"y", "assumeyes"});
  });
  if (asks) {
    context.Report("DL3038", *step.instruction, "dnf install has no -y.");
  }
  const bool leaves = LeavesCache(step.script, InstallsByDnf<'d'>, CleansDnf<'d'>) ||
                      LeavesCache(step.script, InstallsByDnf<'m'>, CleansDnf<'m'>);
  const bool mounts =
      MountsAt(*step.instruction, "/var/cache/dnf") || MountsAt(*step.instruction, "cache/libdnf5");
  if (leaves && !mounts) {
    context.Report("DL3040", *step.instruction, "dnf installs and its cache stays.");
  }
}

void LintZypper(LintContext& context, const Step& step) {
  Names unpinned;
  bool asks = false;
  bool upgrades = false;
  for (const ShellCommand& command : step.script.commands) {
    asks = asks || (command.Has({"zypper"}, {"install", "in", "remove", "rm", "source-install",
                                             "si", "patch"}) &&
                    !command.HasFlag({"non-interactive", "n", "no-confirm", "y"}));
    upgrades = upgrades || command.Has({"zypper"}, {"dist-upgrade", "dup"});
    if (!command.Has({"zypper"}, {"install", "in"})) {
      continue;
    }
    Names names = command.Behind({"install", "in"}, {"t", "type", "r", "repo", "from"});
    Erase(names, [](std::string_view name) {
      return name.find_first_of("=<>") != std::string_view::npos || name.ends_with(".rpm");
    });
    unpinned.insert(unpinned.end(), names.begin(), names.end());
  }
  if (asks) {
    context.Report("DL3034", *step.instruction, "zypper has no --non-interactive.");
  }
  if (upgrades) {
    context.Report("DL3035", *step.instruction, "zypper upgrades the distribution.");
  }
  ReportUnpinned(context, step, "DL3037", "zypper", unpinned, "=");
  const bool leaves = LeavesCache(
      step.script,
      [](const ShellCommand& command) { return command.Has({"zypper"}, {"install", "in"}); },
      [](const ShellCommand& command) { return command.Has({"zypper"}, {"clean", "cc"}); });
  if (leaves && !MountsAt(*step.instruction, "/var/cache/zypp")) {
    context.Report("DL3036", *step.instruction, "zypper installs and its cache stays.");
  }
}

}  // namespace

void LintPackages(LintContext& context) {
  for (const Step& step : context.steps) {
    if (step.script.commands.empty()) {
      continue;
    }
    LintApt(context, step);
    LintApk(context, step);
    LintYum(context, step);
    LintDnf(context, step);
    LintZypper(context, step);
  }
  for (const Stage& stage : context.file.stages) {
    for (const Step* step : context.StepsOf(stage)) {
      if (context.IsShipped(stage)) {
        LintAptLists(context, *step);
      }
    }
  }
}

}  // namespace casemate::dockerfile
