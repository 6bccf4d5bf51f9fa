#include "tools/dockerfile/shell.h"

#include <algorithm>
#include <cctype>
#include <deque>
#include <utility>

#include "tools/dockerfile/words.h"

namespace casemate::dockerfile {
namespace {

constexpr int kMaxDepth = 16;  // of substitutions: each level is read again

bool IsIn(std::string_view word, Words words) {
  return std::ranges::find(words, word) != words.end();
}

std::string_view BaseName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

bool IsAssignment(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0 ||
      std::isdigit(static_cast<unsigned char>(word.front())) != 0) {
    return false;
  }
  return std::ranges::all_of(word.substr(0, equals), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  });
}

// Behind the quote that ends what begins at `at`.
std::size_t EndOfQuoted(std::string_view text, std::size_t at) {
  const char quote = text[at++];
  while (at < text.size() && text[at] != quote) {
    at += text[at] == '\\' && quote != '\'' ? 2 : 1;
  }
  return std::min(at + 1, text.size());
}

// Behind the bracket that closes the one at `at`.
std::size_t EndOfBrackets(std::string_view text, std::size_t at) {
  const char open = text[at];
  const char close = open == '(' ? ')' : '}';
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '\'' || c == '"') {
      at = EndOfQuoted(text, at);
      continue;
    }
    if (c == open) {
      ++depth;
    } else if (c == close && --depth == 0) {
      return at + 1;
    }
    at += c == '\\' ? 2 : 1;
  }
  return text.size();
}

class Reader {
 public:
  explicit Reader(ShellScript& script) : script_(script) {}

  void Read(std::string_view text) {
    inner_.push_back({std::string(text), 0});
    while (!inner_.empty()) {
      const Inner next = std::move(inner_.front());
      inner_.pop_front();
      depth_ = next.depth;
      ReadOne(next.text);
    }
  }

  // One command that is in words already.
  void Add(std::vector<std::string> words) {
    words_ = std::move(words);
    EndCommand();
  }

 private:
  struct Inner {
    std::string text;
    int depth;
  };

  void ReadOne(std::string_view text) {
    text_ = text;
    at_ = 0;
    pipe_from_.reset();
    while (at_ < text_.size()) {
      Step();
    }
    EndCommand();
    documents_.clear();
  }

  void Step() {
    const char c = text_[at_];
    switch (c) {
      case '\\':
        TakeEscape();
        return;
      case '\'':
      case '"':
        TakeQuoted();
        return;
      case '$':
      case '`':
        TakeSubstitution();
        return;
      case '#':
        if (!in_word_) {
          at_ = std::min(text_.find('\n', at_), text_.size());
          return;
        }
        break;
      case ' ':
      case '\t':
      case '\r':
        EndWord();
        ++at_;
        return;
      case '\n':
        EndCommand();
        ++at_;
        SkipDocuments();
        return;
      case '<':
      case '>':
        TakeRedirection();
        return;
      case ';':
      case '&':
      case '|':
      case '(':
      case ')':
        TakeSeparator();
        return;
      default:
        break;
    }
    AddToWord(text_.substr(at_, 1));
    ++at_;
  }

  void AddToWord(std::string_view text) {
    word_ += text;
    in_word_ = true;
  }

  void TakeEscape() {
    if (at_ + 1 < text_.size() && text_[at_ + 1] != '\n') {
      AddToWord(text_.substr(at_ + 1, 1));
    }
    at_ += 2;
  }

  void TakeQuoted() {
    const char quote = text_[at_];
    const std::size_t end = EndOfQuoted(text_, at_);
    in_word_ = true;
    ++at_;
    const std::size_t last = end > at_ && text_[end - 1] == quote ? end - 1 : end;
    if (quote == '\'') {
      AddToWord(text_.substr(at_, last - at_));
      at_ = end;
      return;
    }
    while (at_ < last) {
      if (text_[at_] == '$' || text_[at_] == '`') {
        TakeSubstitution();
      } else {
        at_ += text_[at_] == '\\' && at_ + 1 < last ? 1 : 0;
        AddToWord(text_.substr(at_++, 1));
      }
    }
    // A substitution may hold quotes of its own, and then ends behind the one that was found.
    if (at_ > end) {
      at_ = std::min(text_.find('"', at_), text_.size());
    }
    at_ = std::max(at_ < text_.size() && text_[at_] == quote ? at_ + 1 : at_, end);
  }

  void TakeInner(std::string_view text) {
    AddToWord("$()");
    if (depth_ < kMaxDepth) {
      inner_.push_back({std::string(text), depth_ + 1});
    }
  }

  void TakeSubstitution() {
    const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (text_[at_] == '`') {
      const std::size_t end = EndOfQuoted(text_, at_);
      TakeInner(text_.substr(at_ + 1, end - std::min(at_ + 2, end)));
      at_ = end;
    } else if (next == '(') {
      const std::size_t end = EndOfBrackets(text_, at_ + 1);
      const std::string_view inner = text_.substr(at_ + 2, end - std::min(at_ + 3, end));
      if (inner.starts_with('(')) {
        AddToWord("$(())");  // arithmetic
      } else {
        TakeInner(inner);
      }
      at_ = end;
    } else if (next == '{') {
      const std::size_t end = EndOfBrackets(text_, at_ + 1);
      AddToWord(text_.substr(at_, end - at_));
      at_ = end;
    } else {
      AddToWord("$");
      ++at_;
    }
  }

  void TakeRedirection() {
    if (std::ranges::all_of(word_, [](char c) { return c >= '0' && c <= '9'; })) {
      word_.clear();  // the number of a descriptor
      in_word_ = false;
    }
    EndWord();
    const std::size_t from = at_;
    while (at_ < text_.size() && at_ - from < 3 &&
           (text_[at_] == '<' || text_[at_] == '>' || text_[at_] == '&' || text_[at_] == '|')) {
      ++at_;
    }
    const std::string_view sign = text_.substr(from, at_ - from);
    if (at_ < text_.size() && text_[at_] == '(') {  // process substitution
      const std::size_t end = EndOfBrackets(text_, at_);
      TakeInner(text_.substr(at_ + 1, end - std::min(at_ + 2, end)));
      at_ = end;
      return;
    }
    target_ = true;
    document_ = sign == "<<";
    if (document_ && at_ < text_.size() && text_[at_] == '-') {
      ++at_;
    }
  }

  void TakeSeparator() {
    const char c = text_[at_];
    if (c == '&' && at_ + 1 < text_.size() && text_[at_ + 1] == '>') {
      EndWord();
      ++at_;  // &> is a redirection
      return;
    }
    const bool doubled = at_ + 1 < text_.size() && text_[at_ + 1] == c && c != '(' && c != ')';
    EndCommand();
    if (c == '|' && !doubled) {
      script_.has_pipe = true;
      if (last_) {
        pipe_from_ = last_;
      }
      at_ += at_ + 1 < text_.size() && text_[at_ + 1] == '&' ? 2 : 1;
      return;
    }
    at_ += doubled ? 2 : 1;
  }

  void EndWord() {
    if (!in_word_) {
      return;
    }
    in_word_ = false;
    std::string word = std::exchange(word_, {});
    if (!target_) {
      words_.push_back(std::move(word));
    } else if (document_) {
      documents_.push_back(std::move(word));
    }
    target_ = false;
    document_ = false;
  }

  void SkipDocuments() {
    for (const std::string& delimiter : std::exchange(documents_, {})) {
      while (at_ < text_.size()) {
        const std::size_t end = std::min(text_.find('\n', at_), text_.size());
        const std::string_view line = TrimSpace(text_.substr(at_, end - at_));
        at_ = std::min(end + 1, text_.size());
        if (line == delimiter) {
          break;
        }
      }
    }
  }

  void EndCommand() {
    EndWord();
    target_ = false;
    std::vector<std::string> words = std::exchange(words_, {});
    auto word = words.begin();
    while (
        word != words.end() &&
        (IsAssignment(*word) || IsIn(*word, {"if", "then", "else", "elif", "do", "while", "until",
                                             "!", "{", "}", "time", "fi", "done", "esac"}))) {
      ++word;
    }
    if (word == words.end() || IsIn(*word, {"for", "case", "select", "function"})) {
      return;  // a pipe goes on behind an empty line
    }
    const auto from = std::exchange(pipe_from_, std::nullopt);
    while (word != words.end()) {
      ShellCommand command;
      command.name = BaseName(*word);
      command.arguments.assign(word + 1, words.end());
      command.reads = from;
      const bool wraps = command.Is(
          {"sudo", "env", "exec", "command", "nice", "nohup", "eatmydata", "busybox", "builtin"});
      script_.commands.push_back(std::move(command));
      last_ = script_.commands.size() - 1;
      if (!wraps) {
        return;
      }
      ++word;
      while (word != words.end() && (word->starts_with('-') || IsAssignment(*word))) {
        word += *word == "-u" && word + 1 != words.end() ? 2 : 1;
      }
    }
  }

  ShellScript& script_;
  std::deque<Inner> inner_;
  int depth_ = 0;
  std::string_view text_;
  std::size_t at_ = 0;
  std::string word_;
  bool in_word_ = false;
  bool target_ = false;    // the next word is where a redirection goes
  bool document_ = false;  // and that is the delimiter of a here-document
  std::vector<std::string> words_;
  std::vector<std::string> documents_;
  std::optional<std::size_t> last_;
  std::optional<std::size_t> pipe_from_;
};

bool IsShell(std::string_view word) {
  return IsIn(BaseName(word), {"sh", "bash", "ash", "dash", "ksh", "zsh"});
}

// A here-document whose first line names another interpreter is no shell script.
bool IsShellText(std::string_view text) {
  if (!text.starts_with("#!")) {
    return true;
  }
  const std::string_view line = text.substr(2, text.find('\n') - 2);
  return std::ranges::any_of(SplitBlanks(line),
                             [](const std::string& word) { return IsShell(word); });
}

}  // namespace

bool ShellCommand::Is(Words names) const {
  return IsIn(name, names);
}

bool ShellCommand::Has(Words any) const {
  return std::ranges::any_of(arguments, [&](const std::string& word) { return IsIn(word, any); });
}

std::size_t ShellCommand::Count(std::string_view flag) const {
  std::size_t count = 0;
  for (const std::string_view word : arguments) {
    if (word.starts_with("--")) {
      count += word.size() > 2 && word.substr(2, word.find('=') - 2) == flag ? 1 : 0;
    } else if (word.starts_with('-') && flag.size() == 1) {
      count += static_cast<std::size_t>(std::ranges::count(word.substr(1), flag.front()));
    }
  }
  return count;
}

bool ShellCommand::HasFlag(Words any) const {
  return std::ranges::any_of(any, [&](std::string_view flag) { return Count(flag) > 0; });
}

std::string ShellCommand::FlagArgument(std::string_view flag) const {
  const std::string sign = (flag.size() == 1 ? "-" : "--") + std::string(flag);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == sign && i + 1 < arguments.size()) {
      return arguments[i + 1];
    }
    if (flag.size() > 1 && arguments[i].starts_with(sign + "=")) {
      return arguments[i].substr(sign.size() + 1);
    }
  }
  return {};
}

std::vector<std::string> ShellCommand::Plain(Words with_value) const {
  std::vector<std::string> plain;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (word == "--") {
      continue;
    }
    if (!word.starts_with('-') || word == "-") {
      plain.emplace_back(word);
      continue;
    }
    ShellCommand one;
    one.arguments = {std::string(word)};
    i += word.find('=') == std::string_view::npos && one.HasFlag(with_value) ? 1 : 0;
  }
  return plain;
}

std::vector<std::string> ShellCommand::Behind(Words verbs, Words with_value) const {
  std::vector<std::string> plain = Plain(with_value);
  const auto verb =
      std::ranges::find_if(plain, [&](const std::string& word) { return IsIn(word, verbs); });
  plain.erase(plain.begin(), verb == plain.end() ? verb : verb + 1);
  return plain;
}

const ShellCommand* ShellScript::Find(Words names) const {
  const auto found = std::ranges::find_if(
      commands, [&](const ShellCommand& command) { return command.Is(names); });
  return found == commands.end() ? nullptr : &*found;
}

ShellScript ReadShell(std::string_view text) {
  ShellScript script;
  script.text = text;
  Reader(script).Read(text);
  return script;
}

ShellScript ReadRun(const Instruction& run) {
  if (run.exec) {
    const std::vector<std::string>& words = *run.exec;
    if (words.size() >= 3 && IsShell(words.front())) {
      // ["sh", "-c", "script"], with flags as -ec or -o pipefail before the script
      const bool has_script = std::ranges::any_of(words, [](const std::string& word) {
        return word.starts_with('-') && word.ends_with('c') && !word.starts_with("--");
      });
      if (has_script) {
        return ReadShell(words.back());
      }
    }
    ShellScript script;
    if (!words.empty()) {
      Reader(script).Add(words);
    }
    return script;
  }
  if (run.documents.empty()) {
    return ReadShell(run.arguments);
  }
  const std::vector<std::string> words = SplitBlanks(run.arguments);
  const bool is_script = !words.empty() && (IsHereMark(words.front()) || IsShell(words.front()) ||
                                            words.front() == "<<" || words.front() == "<<-");
  if (is_script && IsShellText(run.documents.front().text)) {
    return ReadShell(run.documents.front().text);
  }
  return ReadShell(is_script ? "" : run.arguments);
}

}  // namespace casemate::dockerfile
