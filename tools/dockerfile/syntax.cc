#include "tools/dockerfile/syntax.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/text.h"
#include "tools/dockerfile/instruction_rules.h"
#include "tools/dockerfile/words.h"

namespace casemate::dockerfile {
namespace {

std::string InCase(std::string_view text, int (*convert)(int)) {
  std::string converted(text);
  for (char& c : converted) {
    c = static_cast<char>(convert(static_cast<unsigned char>(c)));
  }
  return converted;
}

Error At(int line, const std::string& what) {
  return InvalidArgument("dockerfile", "line " + std::to_string(line) + ": " + what);
}

// A line without what ends it.
std::string_view TrimNewline(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  return line;
}

bool IsComment(std::string_view line) {
  return TrimSpaceLeft(line).starts_with('#');
}

// Takes the escape character at the end of a line away; false: it has none that continues it.
bool TakeContinuation(std::string_view& line, char escape) {
  std::string_view text = line;
  while (text.ends_with(' ') || text.ends_with('\t')) {
    text.remove_suffix(1);
  }
  if (!text.ends_with(escape) || (text.size() > 1 && text[text.size() - 2] == escape)) {
    return false;
  }
  text.remove_suffix(1);
  line = text;
  return true;
}

std::string WithoutLeadingTabs(std::string_view text) {
  std::string stripped;
  bool at_start = true;
  for (const char c : text) {
    if (at_start && c == '\t') {
      continue;
    }
    stripped += c;
    at_start = c == '\n';
  }
  return stripped;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Result<Dockerfile> Run() {
    if (rest_.size() > kMaxDockerfileBytes) {
      return InvalidArgument("dockerfile",
                             "it is longer than " + std::to_string(kMaxDockerfileBytes) + " bytes");
    }
    if (rest_.starts_with("\xEF\xBB\xBF")) {
      rest_.remove_prefix(3);
    }
    while (!rest_.empty()) {
      if (auto done = TakeInstruction(); !done) {
        return std::move(done).error();
      }
    }
    if (auto done = FindStages(); !done) {
      return std::move(done).error();
    }
    return std::move(file_);
  }

 private:
  // The next line with what ends it.
  Result<std::string_view> NextLine() {
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end == std::string_view::npos ? end : end + 1);
    ++line_;
    if (std::min(end, rest_.size()) > kMaxDockerfileLineBytes) {
      return At(line_, "it is longer than " + std::to_string(kMaxDockerfileLineBytes) + " bytes");
    }
    rest_.remove_prefix(line.size());
    return line;
  }

  // NAME = VALUE behind #; the first line that is none ends them.
  Result<bool> TakeDirective(std::string_view line) {
    if (directives_end_) {
      return false;
    }
    // A shebang hides what is below from the parser, but not from who looks for syntax and check.
    if (line_ == 1 && line.starts_with("#!")) {
      shebang_ = true;
      return false;
    }
    directives_end_ = true;
    if (!line.starts_with('#')) {
      return false;
    }
    const std::string_view text = TrimSpaceLeft(line.substr(1));
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
      return false;
    }
    const std::string name = InCase(TrimSpace(text.substr(0, equals)), std::tolower);
    const std::string_view value = TrimSpace(text.substr(equals + 1));
    if (value.empty() || (name != "syntax" && name != "escape" && name != "check")) {
      return false;
    }
    if (!shebang_ && file_.FindDirective(name) != nullptr) {
      return At(line_, "the directive " + name + " is there twice");
    }
    if (name == "escape" && !shebang_) {
      if (value != "\\" && value != "`") {
        return At(line_, "the escape character is \\ or `, not " + Quoted(value));
      }
      file_.escape = value.front();
    }
    directives_end_ = false;
    file_.directives.push_back({name, std::string(value), line_});
    return true;
  }

  void TakeComment(std::string_view line) {
    const std::string_view text = TrimSpace(TrimSpaceLeft(line).substr(1));
    file_.comments.push_back({std::string(text), line_});
    if (text.empty()) {
      comment_.clear();
      return;
    }
    if (!comment_.empty()) {
      comment_ += '\n';
    }
    comment_ += text;
  }

  Result<void> TakeInstruction() {
    const auto first = NextLine();
    if (!first) {
      return first.error();
    }
    std::string_view line = TrimSpaceLeft(TrimNewline(*first));
    const auto directive = TakeDirective(line);
    if (!directive) {
      return directive.error();
    }
    if (*directive) {
      return {};
    }
    if (IsComment(line)) {
      TakeComment(line);
      return {};
    }
    Instruction instruction;
    instruction.line = line_;
    bool continues = TakeContinuation(line, file_.escape);
    if (!continues && line.empty()) {
      return {};
    }
    std::string joined(line);
    while (continues && !rest_.empty()) {
      const auto more = TakeContinued(joined, instruction);
      if (!more) {
        return more.error();
      }
      continues = *more;
    }
    return Add(std::move(instruction), joined);
  }

  // One more line of an instruction; whether yet another follows.
  Result<bool> TakeContinued(std::string& joined, Instruction& instruction) {
    const auto raw = NextLine();
    if (!raw) {
      return raw.error();
    }
    std::string_view line = TrimNewline(*raw);
    if (IsComment(line)) {
      file_.comments.push_back({std::string(TrimSpace(TrimSpaceLeft(line).substr(1))), line_});
      return true;
    }
    if (TrimSpaceLeft(line).empty()) {
      instruction.empty_continuation = true;
      return true;
    }
    const bool continues = TakeContinuation(line, file_.escape);
    joined += line;
    return continues;
  }

  Result<void> Add(Instruction instruction, std::string_view line) {
    if (auto read = Read(instruction, line); !read) {
      return read;
    }
    Instruction* inner = &instruction;
    if (instruction.name == "ONBUILD") {
      if (!instruction.arguments.empty()) {
        instruction.trigger.emplace_back().line = instruction.line;
        inner = &instruction.trigger.front();
        if (auto read = Read(*inner, instruction.arguments); !read) {
          return read;
        }
      }
    }
    const bool takes_documents =
        (inner->name == "RUN" || inner->name == "COPY" || inner->name == "ADD") && !inner->exec;
    if (takes_documents && line.find("<<") != std::string_view::npos) {
      if (auto read = TakeDocuments(line, instruction); !read) {
        return read;
      }
      inner->documents = instruction.documents;
    }
    instruction.last_line = line_;
    inner->last_line = line_;
    instruction.comment = std::exchange(comment_, {});
    const bool any_flag = file_.FindDirective("syntax") != nullptr;
    if (const auto refusal = WhyRefused(instruction, file_.escape, any_flag)) {
      return At(instruction.line, *refusal);
    }
    file_.instructions.push_back(std::move(instruction));
    return {};
  }

  Result<void> Read(Instruction& instruction, std::string_view line) const {
    CommandLine command = SplitCommandLine(line, file_.escape);
    instruction.name = InCase(command.name, std::toupper);
    instruction.written = std::move(command.name);
    instruction.flags = std::move(command.flags);
    instruction.arguments = std::move(command.arguments);
    std::string_view text = instruction.arguments;
    if (instruction.name == "HEALTHCHECK") {
      text.remove_prefix(std::min(text.find_first_of(" \t\v\f\r"), text.size()));
    } else if (!ReadsExecForm(instruction.name)) {
      return {};
    }
    ExecForm form = ReadExecForm(text);
    if (form.holds_other_values) {
      return At(instruction.line,
                "the JSON array of " + instruction.name + " may hold only strings");
    }
    instruction.exec = std::move(form.words);
    return {};
  }

  Result<void> TakeDocuments(std::string_view line, Instruction& instruction) {
    for (HereMark& mark : HereMarks(line)) {
      HereDocument document{std::move(mark.delimiter), "", mark.expands};
      for (;;) {
        if (rest_.empty()) {
          return At(instruction.line,
                    "the here-document " + Quoted(document.delimiter) + " does not end");
        }
        const auto raw = NextLine();
        if (!raw) {
          return raw.error();
        }
        std::string_view end = TrimNewline(*raw);
        if (mark.strips_tabs) {
          end.remove_prefix(std::min(end.find_first_not_of('\t'), end.size()));
        }
        if (end == document.delimiter) {
          break;
        }
        document.text += *raw;
      }
      if (mark.strips_tabs) {
        document.text = WithoutLeadingTabs(document.text);
      }
      instruction.documents.push_back(std::move(document));
    }
    return {};
  }

  Result<void> FindStages() {
    for (std::size_t index = 0; index < file_.instructions.size(); ++index) {
      const Instruction& instruction = file_.instructions[index];
      if (instruction.name == "FROM") {
        const std::vector<std::string> words = SplitBlanks(instruction.arguments);
        Stage& stage = file_.stages.emplace_back();
        stage.base = words.front();
        stage.name = words.size() == 3 ? InCase(words[2], std::tolower) : "";
        stage.platform = instruction.FlagValue("platform").value_or("");
        stage.first = index;
      } else if (file_.stages.empty()) {
        if (instruction.name != "ARG") {
          return At(instruction.line, instruction.name + " stands before the first FROM");
        }
        file_.global_arguments.push_back(index);
        continue;
      }
      file_.stages.back().end = index + 1;
    }
    if (file_.stages.empty()) {
      return At(std::max(line_, 1), "there is no FROM");
    }
    return {};
  }

  std::string_view rest_;
  int line_ = 0;  // of what was read last
  bool directives_end_ = false;
  bool shebang_ = false;
  std::string comment_;
  Dockerfile file_;
};

}  // namespace

std::optional<std::string> Instruction::FlagValue(std::string_view flag) const {
  for (const Flag& candidate : flags) {
    if (candidate.name == flag) {
      return candidate.value;
    }
  }
  return std::nullopt;
}

std::vector<std::string> Instruction::Words(char escape) const {
  if (exec) {
    return *exec;
  }
  const bool quoted = name == "ARG" || name == "ENV" || name == "LABEL";
  std::vector<std::string> words = quoted ? SplitWords(arguments, escape) : SplitBlanks(arguments);
  for (std::string& word : words) {
    word = Unquote(word, escape);
  }
  return words;
}

std::vector<KeyValue> Instruction::Pairs(char escape) const {
  std::vector<KeyValue> pairs;
  if (name != "ARG" && name != "ENV" && name != "LABEL") {
    return pairs;
  }
  const std::vector<std::string> words = SplitWords(arguments, escape);
  if (name != "ARG" && !words.empty() && words.front().find('=') == std::string::npos) {
    const std::size_t end = std::min(arguments.find_first_of(" \t\v\f\r"), arguments.size());
    const std::string value(TrimSpace(std::string_view(arguments).substr(end)));
    pairs.push_back({arguments.substr(0, end), Unquote(value, escape), value, true, true});
    return pairs;
  }
  for (const std::string& word : words) {
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string value = word.substr(std::min(equals + 1, word.size()));
    pairs.push_back({Unquote(word.substr(0, equals), escape), Unquote(value, escape), value,
                     equals < word.size(), false});
  }
  return pairs;
}

const Directive* Dockerfile::FindDirective(std::string_view name) const {
  const auto found = std::ranges::find(directives, name, &Directive::name);
  return found == directives.end() ? nullptr : &*found;
}

Result<Dockerfile> ParseDockerfile(std::string_view text) {
  return Parser(text).Run();
}

}  // namespace casemate::dockerfile
