// Rules on FROM: images, their versions and registries, names of stages, platforms.
#include <re2/re2.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>

#include "base/text.h"
#include "tools/dockerfile/lint_context.h"
#include "tools/dockerfile/words.h"

namespace casemate::dockerfile {
namespace {

struct ImageName {
  std::string registry;  // empty: Docker Hub
  std::string name;
  std::string tag;
  bool has_digest = false;
};

ImageName ReadImage(std::string_view text) {
  ImageName image;
  const std::size_t at_sign = text.find('@');
  image.has_digest = at_sign != std::string_view::npos;
  text = text.substr(0, at_sign);
  const std::size_t first_slash = text.find('/');
  const std::string_view first = text.substr(0, first_slash);
  if (first_slash != std::string_view::npos &&
      (first.find_first_of(".:") != std::string_view::npos || first == "localhost")) {
    image.registry = first;
    text.remove_prefix(first_slash + 1);
  }
  // A colon in ${…} is none of a tag.
  std::size_t depth = 0;
  std::size_t colon = std::string_view::npos;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '{') {
      ++depth;
    } else if (text[at] == '}' && depth > 0) {
      --depth;
    } else if (text[at] == ':' && depth == 0) {
      colon = at;
    }
  }
  image.name = text.substr(0, colon);
  if (colon != std::string_view::npos) {
    image.tag = text.substr(colon + 1);
  }
  return image;
}

bool MatchesRegistry(std::string_view pattern, std::string_view registry) {
  if (pattern.starts_with('*')) {
    return registry.ends_with(pattern.substr(1));
  }
  if (pattern.ends_with('*')) {
    return registry.starts_with(pattern.substr(0, pattern.size() - 1));
  }
  return pattern == registry;
}

bool IsAllowed(const std::vector<std::string>& allowed, std::string_view text) {
  const ImageName image = ReadImage(text);
  if (allowed.empty() || image.name == "scratch" || image.name.starts_with('$') ||
      image.registry.starts_with('$')) {
    return true;
  }
  const auto matches = [&](std::string_view registry) {
    return std::ranges::any_of(
        allowed, [&](const std::string& pattern) { return MatchesRegistry(pattern, registry); });
  };
  return image.registry.empty() ? matches("docker.io") || matches("hub.docker.com")
                                : matches(image.registry);
}

void LintVersion(LintContext& context, const Stage& stage) {
  const Instruction& from = context.file.instructions[stage.first];
  const ImageName image = ReadImage(Unquote(stage.base, context.file.escape));
  if (context.ParentOf(stage) != nullptr || image.has_digest || image.name == "scratch") {
    return;
  }
  if (image.tag == "latest") {
    context.Report("DL3007", from, "FROM takes " + Quoted(stage.base) + ".",
                   "write `FROM " + ToValidUtf8(image.name) + ":VERSION`");
  } else if (image.tag.empty() && !image.name.starts_with('$')) {
    context.Report("DL3006", from, "FROM takes " + Quoted(stage.base) + " without a tag.",
                   "write `FROM " + ToValidUtf8(stage.base) + ":VERSION`");
  }
}

void LintStageName(LintContext& context, const Stage& stage,
                   std::unordered_set<std::string>& names) {
  const Instruction& from = context.file.instructions[stage.first];
  const std::vector<std::string> words = SplitBlanks(from.arguments);
  if (words.size() != 3) {
    return;
  }
  if (!names.insert(stage.name).second) {
    context.Report("DL3024", from, "Another stage above is called " + Quoted(stage.name) + ".", "",
                   {"DuplicateStageName"});
  }
  if (stage.name == "scratch" || stage.name == "context") {
    context.Report("ReservedStageName", from, "The stage is called " + Quoted(stage.name) + ".", "",
                   {"DL3063"});
  }
  if (words[2] != stage.name) {
    context.Report("StageNameCasing", from, "The stage is called " + Quoted(words[2]) + ".",
                   "write " + Quoted(stage.name));
  }
  const bool lower = from.written == "from";
  if ((lower && words[1] != "as") || (from.written == "FROM" && words[1] != "AS")) {
    context.Report("FromAsCasing", from,
                   Quoted(from.written) + " stands with " + Quoted(words[1]) + ".",
                   std::string("write ") + (lower ? "`as`" : "`AS`"));
  }
}

// Whether the name of a stage says for which platform it is.
bool NamesPlatform(const Stage& stage) {
  std::string_view rest = stage.platform;
  while (!rest.empty()) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    std::string_view part = rest.substr(0, slash);
    part = part == "x86_64" ? "amd64" : part == "aarch64" ? "arm64" : part;
    if (!part.empty() && stage.name.find(part) != std::string::npos) {
      return true;
    }
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  return false;
}

void LintPlatform(LintContext& context, const Stage& stage) {
  const Instruction& from = context.file.instructions[stage.first];
  if (stage.platform.empty()) {
    return;
  }
  if (stage.platform == "$TARGETPLATFORM" || stage.platform == "${TARGETPLATFORM}") {
    context.Report("RedundantTargetPlatform", from, "FROM has --platform=" + stage.platform + ".",
                   "", {"DL3065"});
  }
  if (stage.platform.find("BUILDPLATFORM") != std::string::npos ||
      stage.platform.find("TARGETPLATFORM") != std::string::npos) {
    return;
  }
  std::vector<std::string> also;
  if (stage.platform.find('$') == std::string::npos && !NamesPlatform(stage)) {
    also.emplace_back("FromPlatformFlagConstDisallowed");
  }
  context.Report("DL3029", from, "FROM is fixed to the platform " + Quoted(stage.platform) + ".",
                 "", std::move(also));
}

using Values = std::map<std::string, std::string, std::less<>>;

Values PlatformArguments() {
  Values values;
  for (const std::string side : {"BUILD", "TARGET"}) {
    values[side + "PLATFORM"] = "linux/amd64";
    values[side + "OS"] = "linux";
    values[side + "ARCH"] = "amd64";
    values[side + "VARIANT"] = "";
    values[side + "OSVERSION"] = "";
  }
  values["TARGETSTAGE"] = "default";
  return values;
}

class Expander {
 public:
  Expander(std::string_view text, const Values& values) : text_(text), values_(values) {}

  // The text with its variables replaced; nullopt: it has something that this does not know.
  std::optional<std::string> Run() {
    while (at_ < text_.size()) {
      if (text_[at_] != '$') {
        result_ += text_[at_++];
      } else if (!TakeVariable()) {
        return std::nullopt;
      }
    }
    return std::move(result_);
  }

 private:
  bool TakeVariable() {
    const bool braces = text_.substr(at_ + 1).starts_with('{');
    std::size_t end = at_ + (braces ? 2 : 1);
    const std::size_t from = end;
    while (end < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[end])) != 0 || text_[end] == '_')) {
      ++end;
    }
    const auto value = values_.find(text_.substr(from, end - from));
    const bool known = value != values_.end();
    if (!braces) {
      result_ += known ? value->second : "";
      at_ = end;
      return end > from;
    }
    const std::size_t close = text_.find('}', end);
    if (close == std::string_view::npos) {
      return false;
    }
    std::string_view rest = text_.substr(end, close - end);
    const bool empty_counts = rest.starts_with(':');
    rest.remove_prefix(empty_counts ? 1 : 0);
    const bool set = known && !(empty_counts && value->second.empty());
    at_ = close + 1;
    if (rest.empty()) {
      result_ += known ? value->second : "";
    } else if (rest.front() == '-' && rest.find('$') == std::string_view::npos) {
      result_ += set ? value->second : std::string(rest.substr(1));
    } else if (rest.front() == '+' && rest.find('$') == std::string_view::npos) {
      result_ += set ? rest.substr(1) : "";
    } else {
      return false;
    }
    return true;
  }

  std::string_view text_;
  const Values& values_;
  std::size_t at_ = 0;
  std::string result_;
};

// The grammar of image names, as OCI's distribution has it.
bool IsImageReference(std::string_view text) {
  static const RE2 kReference(
      R"((?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*)"
      R"([a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?/)?)"
      R"([a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*)"
      R"((?::\w[\w.-]*)?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?)");
  constexpr std::size_t kLongest = 512;
  return text.size() <= kLongest && RE2::FullMatch({text.data(), text.size()}, kReference);
}

Values GlobalArguments(const Dockerfile& file) {
  Values values = PlatformArguments();
  for (const std::size_t index : file.global_arguments) {
    for (const KeyValue& pair : file.instructions[index].Pairs(file.escape)) {
      if (pair.has_value) {
        values[pair.key] = Expander(pair.value, values).Run().value_or("");
      } else {
        values.try_emplace(pair.key, "");
      }
    }
  }
  return values;
}

void LintArguments(LintContext& context, const Stage& stage, const Values& values) {
  const Instruction& from = context.file.instructions[stage.first];
  std::set<std::string> told;
  for (const VariableUse& use :
       VariablesIn(stage.base + " " + stage.platform, context.file.escape)) {
    if (!values.contains(use.name) && told.insert(use.name).second) {
      context.Report("UndefinedArgInFrom", from,
                     "FROM uses " + Quoted("$" + use.name) + ", which no ARG above declares.",
                     "write `ARG " + use.name + "=…` before the first FROM");
    }
  }
  const auto image = Expander(Unquote(stage.base, context.file.escape), values).Run();
  if (image && !IsImageReference(*image)) {
    context.Report("InvalidDefaultArgInFrom", from,
                   "Without arguments FROM " + Quoted(stage.base) + " names " +
                       (image->empty() ? "nothing" : Quoted(*image)) + ".");
  }
}

bool IsStage(const std::unordered_set<std::string>& stages, const std::string& name) {
  const bool number = !name.empty() && std::ranges::all_of(name, [](char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
  });
  return number || name.empty() || stages.contains(name);
}

void LintRegistries(LintContext& context) {
  const std::vector<std::string>& allowed = context.options.allowed_registries;
  if (allowed.empty()) {
    return;
  }
  std::unordered_set<std::string> stages;
  for (const Stage& stage : context.file.stages) {
    stages.insert(stage.name);
    if (context.ParentOf(stage) == nullptr && !IsAllowed(allowed, stage.base)) {
      context.Report("DL3026", context.file.instructions[stage.first],
                     "FROM takes " + Quoted(stage.base) + ".");
    }
  }
  for (const Step& step : context.steps) {
    for (const Flag& flag : step.instruction->flags) {
      const std::string image = flag.name == "from"    ? flag.value
                                : flag.name == "mount" ? MountValue(flag.value, "from")
                                                       : "";
      if (!IsStage(stages, image) && !IsAllowed(allowed, image)) {
        context.Report("DL3026", *step.instruction,
                       step.instruction->name + " takes from " + Quoted(image) + ".");
      }
    }
  }
}

}  // namespace

void LintBaseImages(LintContext& context) {
  const Values values = GlobalArguments(context.file);
  std::unordered_set<std::string> names;
  for (const Stage& stage : context.file.stages) {
    LintVersion(context, stage);
    LintStageName(context, stage, names);
    LintPlatform(context, stage);
    LintArguments(context, stage, values);
  }
  LintRegistries(context);
}

}  // namespace casemate::dockerfile
