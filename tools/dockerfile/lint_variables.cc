// Rules on variables that instructions use: whether something sets them, and when.
#include <algorithm>
#include <set>
#include <string>

#include "base/text.h"
#include "tools/dockerfile/lint_context.h"

namespace casemate::dockerfile {
namespace {

using Names = std::set<std::string, std::less<>>;

// Images set these, or may: what is in them is not known here.
bool MayComeFromImage(const ShellCommand& variable) {
  const std::string_view name = variable.name;
  return variable.Is({"PATH", "HOME", "LANG", "LANGUAGE", "LC_ALL", "GOPATH", "GOROOT", "GPG_KEY",
                      "PGDATA", "TERM", "USER", "SHELL", "TZ", "DEBIAN_FRONTEND"}) ||
         name.ends_with("_VERSION") || name.ends_with("_HOME") || name.ends_with("_PATH") ||
         name.ends_with("_DIR") || name.starts_with("LD_") || name.starts_with("PHP_") ||
         name.starts_with("PYTHON") || name.starts_with("GOLANG_") || name.starts_with("CARGO_") ||
         name.starts_with("NGINX_") || name.starts_with("CATALINA_") || name.starts_with("GEM_");
}

// BuildKit expands variables in these.
bool Expands(const Instruction& instruction) {
  ShellCommand name;
  name.name = instruction.name;
  return name.Is(
      {"ADD", "ARG", "COPY", "ENV", "EXPOSE", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"});
}

std::string ExpandedText(const Instruction& instruction) {
  std::string text = instruction.arguments;
  for (const Flag& flag : instruction.flags) {
    text += " " + flag.value;
  }
  return text;
}

// Of a stage: what is set so far.
struct StageNames {
  Names environment;  // ENV
  Names arguments;
  bool on_image = true;  // there is an image below that may set more
  const StageNames* below = nullptr;

  [[nodiscard]] bool Has(std::string_view name) const {
    constexpr int kDeepest = 64;  // what stands below so many is taken for set
    int depth = 0;
    for (const StageNames* stage = this; stage != nullptr; stage = stage->below) {
      if (stage->environment.contains(name) || ++depth > kDeepest) {
        return true;
      }
    }
    return arguments.contains(name);
  }
};

class Variables {
 public:
  explicit Variables(LintContext& context) : context_(context) {
    for (const Instruction& instruction : context_.file.instructions) {
      for (const KeyValue& pair : Pairs(instruction)) {
        anywhere_.insert(pair.key);
      }
    }
  }

  void Run() {
    for (const std::size_t index : context_.file.global_arguments) {
      for (const KeyValue& pair : Pairs(context_.file.instructions[index])) {
        ever_.insert(pair.key);
      }
    }
    std::vector<StageNames> stages(context_.file.stages.size());
    for (std::size_t i = 0; i < stages.size(); ++i) {
      const Stage& stage = context_.file.stages[i];
      if (const Stage* parent = context_.ParentOf(stage)) {
        const auto& below = stages[static_cast<std::size_t>(parent - context_.file.stages.data())];
        stages[i].below = &below;
        stages[i].on_image = below.on_image;
      } else {
        stages[i].on_image = stage.base != "scratch";
      }
      for (const Step* step : context_.StepsOf(stage)) {
        if (!step->on_build) {
          LintOne(*step->instruction, stages[i]);
        }
      }
    }
  }

 private:
  [[nodiscard]] std::vector<KeyValue> Pairs(const Instruction& instruction) const {
    return instruction.Pairs(context_.file.escape);
  }

  void LintOne(const Instruction& instruction, StageNames& names) {
    Names told;
    const std::vector<KeyValue> pairs = Pairs(instruction);
    if (instruction.name == "ENV") {
      LintSameEnv(instruction, pairs, told);
    }
    if (Expands(instruction)) {
      LintUses(instruction, names, told);
    }
    for (const KeyValue& pair : pairs) {
      if (instruction.name == "ENV") {
        names.environment.insert(pair.key);
        ever_.insert(pair.key);
      } else if (instruction.name == "ARG") {
        names.arguments.insert(pair.key);
        ever_.insert(pair.key);
      }
    }
  }

  // ENV A=1 B=$A, where A was nothing before.
  void LintSameEnv(const Instruction& env, const std::vector<KeyValue>& pairs, Names& told) {
    std::multiset<std::string, std::less<>> own;
    for (const KeyValue& pair : pairs) {
      own.insert(pair.key);
    }
    for (const KeyValue& pair : pairs) {
      for (const VariableUse& use : VariablesIn(pair.written, context_.file.escape)) {
        const std::size_t others = own.count(use.name) - (use.name == pair.key ? 1 : 0);
        if (others > 0 && !ever_.contains(use.name) && told.insert(use.name).second) {
          context_.Report(
              "DL3044", env,
              "ENV sets " + Quoted(use.name) + " and uses it for " + Quoted(pair.key) + ".",
              "set " + Quoted(use.name) + " in an ENV of its own above", {"UndefinedVar"});
        }
      }
    }
  }

  void LintUses(const Instruction& instruction, const StageNames& names, Names& told) {
    for (const VariableUse& use : VariablesIn(ExpandedText(instruction), context_.file.escape)) {
      ShellCommand variable;
      variable.name = use.name;
      const bool elsewhere = anywhere_.contains(use.name);
      const bool from_image = names.on_image ? MayComeFromImage(variable) : use.name == "PATH";
      if (names.Has(use.name) || use.has_default || (from_image && !elsewhere) ||
          use.name == "PATH" || !told.insert(use.name).second) {
        continue;
      }
      context_.Report("UndefinedVar", instruction,
                      instruction.name + " uses " + Quoted("$" + use.name) +
                          ", which nothing in the stage sets.",
                      Fix(use.name, names));
    }
  }

  [[nodiscard]] std::string Fix(const std::string& name, const StageNames& names) const {
    if (anywhere_.contains(name)) {
      return "write `ARG " + name + "` or `ENV " + name + "=…` in the stage above the line";
    }
    std::vector<std::string_view> known(names.environment.begin(), names.environment.end());
    known.insert(known.end(), names.arguments.begin(), names.arguments.end());
    constexpr std::size_t kMostCompared = 200;
    known.resize(std::min(known.size(), kMostCompared));
    const auto near = NearestName(name, known);
    return near ? "write `$" + *near + "`" : "";
  }

  LintContext& context_;
  Names anywhere_;  // what the file sets at any place
  Names ever_;      // what it has set so far, in any stage
};

}  // namespace

void LintVariables(LintContext& context) {
  Variables(context).Run();
}

}  // namespace casemate::dockerfile
