// Rules on single instructions: COPY, ADD, EXPOSE, WORKDIR, CMD, ENV, LABEL, MAINTAINER.
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <unordered_set>

#include "base/text.h"
#include "sandbox/container/build/dockerignore.h"
#include "tools/dockerfile/lint_context.h"
#include "tools/dockerfile/words.h"

namespace casemate::dockerfile {
namespace {

bool BeginsWithAny(std::string_view text, Words beginnings) {
  return std::ranges::any_of(beginnings,
                             [&](std::string_view begin) { return text.starts_with(begin); });
}

bool IsUrl(std::string_view source) {
  return BeginsWithAny(source, {"http://", "https://", "git@", "git://", "ssh://"});
}

// Begins at a root, of Windows too, or with a variable that may hold one.
bool IsAbsolute(std::string_view path) {
  return BeginsWithAny(path, {"/", "\\", "$"}) ||
         (path.size() > 1 && std::isalpha(static_cast<unsigned char>(path[0])) != 0 &&
          path[1] == ':');
}

void LintAdd(LintContext& context, const Instruction& add, const std::vector<std::string>& words) {
  std::vector<std::string> plain(words.begin(), words.end() - 1);
  std::erase_if(plain, [](const std::string& word) { return IsUrl(word) || IsArchiveName(word); });
  if (!plain.empty()) {
    context.Report("DL3020", add, "ADD copies " + Named(plain) + ".");
  }
}

// What stages above a COPY are called.
struct StagesAbove {
  std::unordered_set<std::string> names;
  std::size_t count = 0;
  std::string current;
};

void LintFrom(LintContext& context, const Instruction& copy, const StagesAbove& above) {
  const std::string from = copy.FlagValue("from").value_or("");
  if (from.empty() || from.find('$') != std::string::npos) {
    return;
  }
  if (from == above.current) {
    context.Report("DL3023", copy, "COPY takes from " + Quoted(from) + ", its own stage.");
    return;
  }
  std::size_t number = above.count;
  const auto parsed = std::from_chars(from.data(), from.data() + from.size(), number);
  const bool by_number = parsed.ec == std::errc() && number < above.count;
  if (from.find(':') == std::string::npos && from.find('@') == std::string::npos && !by_number &&
      !above.names.contains(from)) {
    context.Report("DL3022", copy,
                   "COPY takes from " + Quoted(from) + ", which is no stage above.");
  }
}

class IgnoredFiles {
 public:
  explicit IgnoredFiles(const LintOptions& options) {
    if (!options.ignore_file) {
      return;
    }
    const std::string_view text = *options.ignore_file;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string_view line = TrimSpace(text.substr(at, end - at));
      if (line.starts_with('!')) {
        return;  // what may be taken back cannot be told from the name alone
      }
      ignores_all_ = ignores_all_ || line == "*" || line == "**" || line == "**/*";
      at = end + 1;
    }
    if (auto rules = container::IgnoreRules::Parse(text)) {
      rules_ = std::move(*rules);
    }
  }

  [[nodiscard]] bool Leaves(std::string_view source) const {
    const std::string path = container::CleanPath(source);
    const std::string_view inside = std::string_view(path).substr(path.starts_with('/') ? 1 : 0);
    if (inside.empty() || inside == ".") {
      return ignores_all_;
    }
    return rules_.Excludes(inside);
  }

 private:
  container::IgnoreRules rules_;
  bool ignores_all_ = false;
};

void LintIgnored(LintContext& context, const Instruction& copy,
                 const std::vector<std::string>& words, const IgnoredFiles& ignored) {
  if (copy.FlagValue("from")) {
    return;
  }
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& source = words[i];
    if (!IsUrl(source) && source.find('$') == std::string::npos && !IsHereMark(source) &&
        ignored.Leaves(source)) {
      context.Report("CopyIgnoredFile", copy,
                     copy.name + " names " + Quoted(source) + ", which .dockerignore leaves out.");
    }
  }
}

void LintDestination(LintContext& context, const Instruction& copy,
                     const std::vector<std::string>& words, bool has_workdir) {
  const std::string& destination = words.back();
  if (words.size() > 2 && !destination.ends_with('/')) {
    context.Report("DL3021", copy,
                   "COPY brings " + std::to_string(words.size() - 1) + " sources to " +
                       Quoted(destination) + ".",
                   "write `" + ToValidUtf8(destination) + "/`");
  }
  if (!has_workdir && !IsAbsolute(destination)) {
    context.Report("DL3045", copy, "COPY goes to " + Quoted(destination) + " before any WORKDIR.");
  }
}

bool IsShellForm(const Instruction& instruction) {
  if (instruction.exec || instruction.arguments.empty()) {
    return false;
  }
  const std::string type = instruction.Words().front();
  return instruction.name == "CMD" || instruction.name == "ENTRYPOINT" ||
         (instruction.name == "HEALTHCHECK" && type.size() == 3);  // CMD, not NONE
}

void LintShellForm(LintContext& context, const Instruction& instruction, bool has_shell) {
  if (!IsShellForm(instruction)) {
    return;
  }
  std::vector<std::string> also;
  if (instruction.name != "HEALTHCHECK" && !has_shell) {
    also.emplace_back("JSONArgsRecommended");
  }
  context.Report("DL3025", instruction, instruction.name + " is in shell form.", "",
                 std::move(also));
}

void LintWorkdir(LintContext& context, const Instruction& workdir, bool has_workdir) {
  const std::string path = Unquote(workdir.arguments, context.file.escape);
  if (!IsAbsolute(path)) {
    context.Report(
        "DL3000", workdir, "WORKDIR is " + Quoted(path) + ".",
        "write the path from the root: `WORKDIR /" + ToValidUtf8(path) + "`",
        has_workdir ? std::vector<std::string>{} : std::vector<std::string>{"WorkdirRelativePath"});
  }
}

bool AnyPortAbove(std::string_view text) {
  constexpr unsigned long kHighest = 65535;
  for (std::size_t at = 0; at < text.size();) {
    unsigned long port = 0;
    const auto parsed = std::from_chars(text.data() + at, text.data() + text.size(), port);
    if (parsed.ec == std::errc::result_out_of_range || port > kHighest) {
      return true;
    }
    at = static_cast<std::size_t>(parsed.ptr - text.data()) + 1;
  }
  return false;
}

void LintExpose(LintContext& context, const Instruction& expose) {
  for (const std::string& word : expose.Words(context.file.escape)) {
    if (word.find('$') != std::string::npos) {
      continue;
    }
    const std::size_t slash = std::min(word.find('/'), word.size());
    const std::string protocol = word.substr(slash);
    const std::string port = word.substr(0, slash);
    const std::size_t colon = port.rfind(':');
    if (std::ranges::any_of(protocol, [](char c) { return c >= 'A' && c <= 'Z'; })) {
      context.Report("ExposeProtoCasing", expose, "EXPOSE names " + Quoted(word) + ".");
    }
    if (colon != std::string::npos) {
      context.Report("ExposeInvalidFormat", expose, "EXPOSE names " + Quoted(word) + ".",
                     "write " + Quoted(word.substr(colon + 1)));
    }
    if (AnyPortAbove(port.substr(colon + 1))) {
      context.Report("DL3011", expose, "EXPOSE names the port " + Quoted(port) + ".");
    }
  }
}

// Whether a name has a part, between underscores, that secrets have.
bool IsSecretName(std::string_view name) {
  bool secret = false;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('_'), name.size());
    std::string part(name.substr(0, end));
    std::ranges::transform(part, part.begin(), [](char c) {
      return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    });
    ShellCommand word;
    word.name = std::move(part);
    if (word.Is({"public", "file", "version"})) {
      return false;
    }
    secret = secret || word.Is({"apikey", "auth", "credential", "credentials", "key", "password",
                                "pword", "passwd", "secret", "token"});
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return secret;
}

void LintPairs(LintContext& context, const Instruction& instruction) {
  for (const KeyValue& pair : instruction.Pairs(context.file.escape)) {
    if (pair.legacy) {
      context.Report(
          "LegacyKeyValueFormat", instruction,
          instruction.name + " separates " + Quoted(pair.key) + " and its value with a blank.",
          "write `" + instruction.name + " " + ToValidUtf8(pair.key) + "=…`");
    }
    if (instruction.name != "LABEL" && IsSecretName(pair.key)) {
      context.Report("SecretsUsedInArgOrEnv", instruction,
                     instruction.name + " sets " + Quoted(pair.key) + ".", "", {"DL3064"});
    }
  }
}

}  // namespace

void LintCopies(LintContext& context) {
  const IgnoredFiles ignored(context.options);
  StagesAbove above;
  for (const Stage& stage : context.file.stages) {
    above.current = stage.name;
    above.names.insert(stage.name);
    ++above.count;
    for (const Step* step : context.StepsOf(stage)) {
      const Instruction& copy = *step->instruction;
      if (step->on_build || (copy.name != "COPY" && copy.name != "ADD")) {
        continue;
      }
      const std::vector<std::string> words = copy.Words(context.file.escape);
      LintIgnored(context, copy, words, ignored);
      if (copy.name == "ADD") {
        LintAdd(context, copy, words);
      } else {
        LintFrom(context, copy, above);
      }
    }
  }
}

void LintSettings(LintContext& context) {
  const auto& stages = context.file.stages;
  std::vector<bool> has_workdir(stages.size());
  std::vector<bool> has_shell(stages.size());
  for (std::size_t i = 0; i < stages.size(); ++i) {
    if (const Stage* parent = context.ParentOf(stages[i])) {
      has_workdir[i] = has_workdir[static_cast<std::size_t>(parent - stages.data())];
      has_shell[i] = has_shell[static_cast<std::size_t>(parent - stages.data())];
    }
    for (const Step* step : context.StepsOf(stages[i])) {
      const Instruction& instruction = *step->instruction;
      if (step->on_build) {
        continue;
      }
      LintShellForm(context, instruction, has_shell[i]);
      LintPairs(context, instruction);
      if (instruction.name == "COPY") {
        LintDestination(context, instruction, instruction.Words(context.file.escape),
                        has_workdir[i]);
      } else if (instruction.name == "WORKDIR") {
        LintWorkdir(context, instruction, has_workdir[i]);
        has_workdir[i] = true;
      } else if (instruction.name == "SHELL") {
        has_shell[i] = true;
      } else if (instruction.name == "EXPOSE") {
        LintExpose(context, instruction);
      } else if (instruction.name == "MAINTAINER") {
        context.Report("DL4000", instruction, "The file names a maintainer with MAINTAINER.", "",
                       {"MaintainerDeprecated"});
      }
    }
  }
}

}  // namespace casemate::dockerfile
