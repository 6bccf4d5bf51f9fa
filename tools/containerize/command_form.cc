#include "tools/containerize/command_form.h"

#include "tools/containerize/stage.h"

namespace casemate::containerize {

namespace {

constexpr std::string_view kShellOnly = "$`;&|<>*?(){}[]~#!\n";

bool IsAssignment(const std::string& word) {
  const std::size_t equals = word.find('=');
  return equals != std::string::npos && equals != 0 && word[0] != '-' &&
         word.substr(0, equals).find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") ==
             std::string::npos;
}

// Where the last command of a list begins; npos: the text holds other operators than &&.
std::size_t LastCommand(std::string_view command) {
  char quote = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (quote != 0) {
      quote = c == quote ? '\0' : quote;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '&' && i + 1 < command.size() && command[i + 1] == '&') {
      last = ++i + 1;
    } else if (c == '&' || c == '|' || c == ';' || c == '\n' || c == '(' || c == '`') {
      return std::string_view::npos;
    }
  }
  return last;
}

bool BeginsWithBuiltin(std::string_view command) {
  for (const std::string_view word : {"exec ", "cd ", "export ", "set ", ". ", "source ", "if ",
                                      "while ", "for ", "case ", "{ ", "eval "}) {
    if (command.starts_with(word)) {
      return true;
    }
  }
  return false;
}

// Words as a shell parts them, as long as nothing in them is for the shell alone.
class Splitter {
 public:
  // Whether the character may stand there without a shell.
  bool Take(char c);
  // nullopt: a quote is open.
  std::optional<std::vector<std::string>> Finish();

 private:
  void EndWord();

  std::vector<std::string> words_;
  std::string word_;
  bool has_word_ = false;
  char quote_ = '\0';
};

void Splitter::EndWord() {
  if (has_word_) {
    words_.push_back(word_);
  }
  word_.clear();
  has_word_ = false;
}

bool Splitter::Take(char c) {
  const bool is_bare = quote_ == '\0';
  if (quote_ != '\'' && (c == '\\' || c == '$' || c == '`')) {
    return false;
  }
  if (is_bare && kShellOnly.find(c) != std::string_view::npos) {
    return false;
  }
  if (is_bare && (c == ' ' || c == '\t')) {
    EndWord();
    return true;
  }
  has_word_ = true;
  if (c == quote_) {
    quote_ = '\0';
  } else if (is_bare && (c == '"' || c == '\'')) {
    quote_ = c;
  } else {
    word_ += c;
  }
  return true;
}

std::optional<std::vector<std::string>> Splitter::Finish() {
  EndWord();
  return quote_ == '\0' ? std::optional(words_) : std::nullopt;
}

}  // namespace

std::optional<std::vector<std::string>> SimpleWords(std::string_view command) {
  Splitter splitter;
  for (const char c : command) {
    if (!splitter.Take(c)) {
      return std::nullopt;
    }
  }
  auto words = splitter.Finish();
  if (!words || words->empty() || IsAssignment(words->front()) || BeginsWithBuiltin(command)) {
    return std::nullopt;
  }
  return words;
}

std::string ExecForm(std::string_view command) {
  if (const auto words = SimpleWords(command)) {
    return JsonWords(*words);
  }
  const std::size_t at = LastCommand(command);
  std::string text(command);
  if (at != std::string_view::npos) {
    std::size_t begin = text.find_first_not_of(' ', at);
    begin = begin == std::string::npos ? text.size() : begin;
    // Assignments stay in front: they hold for what replaces the shell.
    for (std::size_t end = text.find(' ', begin);
         end != std::string::npos && IsAssignment(text.substr(begin, end - begin));
         end = text.find(' ', begin)) {
      if (text.substr(begin, end - begin).find_first_of("'\"$") != std::string::npos) {
        return JsonWords({"sh", "-c", text});
      }
      begin = text.find_first_not_of(' ', end);
    }
    if (begin < text.size() && !BeginsWithBuiltin(std::string_view(text).substr(begin))) {
      text.insert(begin, "exec ");
    }
  }
  return JsonWords({"sh", "-c", text});
}

}  // namespace casemate::containerize
