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
      quote = c == quote ? 0 : quote;
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

}  // namespace

std::optional<std::vector<std::string>> SimpleWords(std::string_view command) {
  std::vector<std::string> words;
  std::string word;
  bool has_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (quote == '\'') {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
      continue;
    }
    if (c == '\\' || c == '$' || c == '`' ||
        (quote == 0 && kShellOnly.find(c) != std::string_view::npos)) {
      return std::nullopt;
    }
    if (c == '"' || (c == '\'' && quote == 0)) {
      quote = quote == 0 ? c : 0;
      has_word = true;
    } else if ((c == ' ' || c == '\t') && quote == 0) {
      if (has_word) {
        words.push_back(word);
      }
      word.clear();
      has_word = false;
    } else {
      word += c;
      has_word = true;
    }
  }
  if (has_word) {
    words.push_back(word);
  }
  if (quote != 0 || words.empty() || IsAssignment(words.front()) || BeginsWithBuiltin(command)) {
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
