#include "tools/dockerfile/instruction_rules.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "tools/dockerfile/words.h"

namespace casemate::dockerfile {
namespace {

using Refusal = std::optional<std::string>;

constexpr std::size_t kMaxJsonDepth = 10000;  // Go's: what is deeper is no JSON to BuildKit

struct Rule {
  std::string_view name;
  std::vector<std::string_view> flags;
  bool exec_form;
};

const std::vector<Rule>& Rules() {
  static const std::vector<Rule> kRules = {
      {"ADD", {"chown", "chmod", "link", "keep-git-dir", "checksum", "unpack", "exclude"}, true},
      {"ARG", {}, false},
      {"CMD", {}, true},
      {"COPY", {"chown", "from", "chmod", "link", "exclude", "parents"}, true},
      {"ENTRYPOINT", {}, true},
      {"ENV", {}, false},
      {"EXPOSE", {}, false},
      {"FROM", {"platform"}, false},
      {"HEALTHCHECK", {"interval", "timeout", "start-period", "start-interval", "retries"}, false},
      {"LABEL", {}, false},
      {"MAINTAINER", {}, false},
      {"ONBUILD", {}, false},
      {"RUN", {"mount", "network", "security", "device"}, true},
      {"SHELL", {}, true},
      {"STOPSIGNAL", {}, false},
      {"USER", {}, false},
      {"VOLUME", {}, true},
      {"WORKDIR", {}, false},
  };
  return kRules;
}

const Rule* FindRule(std::string_view name) {
  const auto found = std::ranges::find(Rules(), name, &Rule::name);
  return found == Rules().end() ? nullptr : &*found;
}

std::string Unknown(const Instruction& instruction) {
  std::vector<std::string_view> names;
  for (const Rule& rule : Rules()) {
    names.push_back(rule.name);
  }
  const auto near = NearestName(instruction.name, names);
  return "there is no instruction " + Quoted(instruction.written) +
         (near ? "; did you mean " + *near + "?" : "");
}

Refusal WrongFlag(const Instruction& instruction, const Rule& rule) {
  std::vector<std::string_view> seen;
  for (const Flag& flag : instruction.flags) {
    if (std::ranges::find(rule.flags, flag.name) == rule.flags.end()) {
      return instruction.name + " has no flag " + Quoted("--" + flag.name);
    }
    const bool repeats = flag.name == "mount" || flag.name == "device" || flag.name == "exclude";
    if (!repeats && std::ranges::find(seen, flag.name) != seen.end()) {
      return "the flag --" + flag.name + " is there twice";
    }
    seen.push_back(flag.name);
  }
  return std::nullopt;
}

bool IsStageName(std::string_view name) {
  return !name.empty() && std::isalpha(static_cast<unsigned char>(name.front())) != 0 &&
         std::ranges::all_of(name, [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ||
                  c == '.';
         });
}

Refusal WrongFrom(const Instruction& instruction) {
  const std::vector<std::string> words = SplitBlanks(instruction.arguments);
  if (words.size() == 1) {
    return std::nullopt;
  }
  if (words.size() != 3 ||
      (words[1] != "as" && words[1] != "AS" && words[1] != "As" && words[1] != "aS")) {
    return "FROM needs an image, or an image, AS and a name";
  }
  if (!IsStageName(words[2])) {
    return "the name of a stage begins with a letter and has only letters, digits, -, _ and ., "
           "not " +
           Quoted(words[2]);
  }
  return std::nullopt;
}

Refusal WrongSources(const Instruction& instruction) {
  const std::vector<std::string> words =
      instruction.exec ? *instruction.exec : SplitBlanks(instruction.arguments);
  if (words.size() < 2) {
    return instruction.name + " needs at least one source and a destination";
  }
  if (IsHereMark(words.back())) {
    return "the destination of " + instruction.name + " cannot be a here-document";
  }
  return std::nullopt;
}

Refusal WrongPairs(const Instruction& instruction, char escape) {
  const std::vector<std::string> words = SplitWords(instruction.arguments, escape);
  if (words.empty()) {
    return instruction.name + " needs at least one name";
  }
  const bool legacy = words.front().find('=') == std::string::npos;
  if (legacy && SplitBlanks(instruction.arguments).size() < 2) {
    return instruction.name + " needs a name and a value";
  }
  for (const std::string& word : words) {
    if (!legacy && word.find('=') == std::string::npos) {
      return "there is no = in " + Quoted(word);
    }
    if (!legacy && word.starts_with('=')) {
      return "there is no name in " + Quoted(word);
    }
  }
  return std::nullopt;
}

Refusal WrongArg(const Instruction& instruction, char escape) {
  const std::vector<std::string> words = SplitWords(instruction.arguments, escape);
  if (words.empty()) {
    return "ARG needs at least one name";
  }
  for (const std::string& word : words) {
    if (word.starts_with('=')) {
      return "there is no name in " + Quoted(word);
    }
  }
  return std::nullopt;
}

Refusal WrongHealthcheck(const Instruction& instruction) {
  const std::vector<std::string> words = SplitBlanks(instruction.arguments);
  if (words.empty()) {
    return "HEALTHCHECK needs CMD or NONE";
  }
  std::string type = words.front();
  std::ranges::transform(type, type.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; });
  if (type == "NONE") {
    return words.size() > 1 ? Refusal("HEALTHCHECK NONE has no arguments") : std::nullopt;
  }
  if (type != "CMD") {
    return "HEALTHCHECK needs CMD or NONE, not " + Quoted(words.front());
  }
  const bool empty = instruction.exec ? instruction.exec->empty() : words.size() < 2;
  return empty ? Refusal("HEALTHCHECK CMD needs a command") : std::nullopt;
}

Refusal WrongList(const Instruction& instruction) {
  const bool blank =
      instruction.exec && std::ranges::any_of(*instruction.exec, [](const std::string& word) {
        return TrimSpace(word).empty();
      });
  if (blank) {
    return instruction.name + " has an empty argument";
  }
  const bool empty = instruction.exec ? instruction.exec->empty() : instruction.arguments.empty();
  return empty ? Refusal(instruction.name + " needs at least one argument") : std::nullopt;
}

Refusal WrongShell(const Instruction& instruction) {
  if (!instruction.exec || instruction.exec->empty()) {
    return "SHELL needs a JSON array of strings that is not empty";
  }
  return std::nullopt;
}

// Of all but ONBUILD.
Refusal WrongAlone(const Instruction& instruction, char escape, bool any_flag) {
  const Rule* rule = FindRule(instruction.name);
  if (rule == nullptr) {
    return Unknown(instruction);
  }
  const std::string_view name = rule->name;
  // BuildKit does not look at the flags of these.
  if (!any_flag && name != "STOPSIGNAL") {
    if (auto refusal = WrongFlag(instruction, *rule)) {
      return refusal;
    }
  }
  if (name == "FROM") {
    return WrongFrom(instruction);
  }
  if (name == "COPY" || name == "ADD") {
    return WrongSources(instruction);
  }
  if (name == "ENV" || name == "LABEL") {
    return WrongPairs(instruction, escape);
  }
  if (name == "ARG") {
    return WrongArg(instruction, escape);
  }
  if (name == "HEALTHCHECK") {
    return WrongHealthcheck(instruction);
  }
  if (name == "SHELL") {
    return WrongShell(instruction);
  }
  if (name == "RUN" || name == "CMD" || name == "ENTRYPOINT") {
    return std::nullopt;
  }
  return WrongList(instruction);
}

// What stands deeper than Go's parser goes.
bool TooDeep(std::string_view text) {
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      at += c == '\\' ? 1 : 0;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth) {
        return true;
      }
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace

ExecForm ReadExecForm(std::string_view arguments) {
  const std::string_view text = TrimSpaceLeft(arguments);
  ExecForm form;
  if (!text.starts_with('[') || TooDeep(text)) {
    return form;
  }
  const auto json = nlohmann::json::parse(ToValidUtf8(text), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return form;
  }
  form.words.emplace();
  for (const auto& value : json) {
    if (!value.is_string()) {
      return ExecForm{std::nullopt, true};
    }
    form.words->push_back(value.get<std::string>());
  }
  return form;
}

bool ReadsExecForm(std::string_view name) {
  const Rule* rule = FindRule(name);
  return rule != nullptr && rule->exec_form;
}

Refusal WhyRefused(const Instruction& instruction, char escape, bool any_flag) {
  if (instruction.name != "ONBUILD") {
    return WrongAlone(instruction, escape, any_flag);
  }
  if (!any_flag && !instruction.flags.empty()) {
    return "ONBUILD has no flag " + Quoted("--" + instruction.flags.front().name);
  }
  if (instruction.trigger.empty()) {
    return "ONBUILD needs an instruction";
  }
  const Instruction& trigger = instruction.trigger.front();
  if (trigger.name == "ONBUILD" || trigger.name == "FROM" || trigger.name == "MAINTAINER") {
    return "ONBUILD cannot hold " + trigger.name;
  }
  return WrongAlone(trigger, escape, any_flag);
}

}  // namespace casemate::dockerfile
