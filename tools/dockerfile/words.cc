#include "tools/dockerfile/words.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

namespace casemate::dockerfile {
namespace {

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

bool IsNameByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80U) != 0;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Walks what stands behind $: a name, or what ${ begins.
class Variable {
 public:
  // `at` stands behind the $. Adds to `open` what must be closed; false: it cannot be one.
  static bool Enter(std::string_view text, std::size_t& at, std::vector<char>& open) {
    if (at >= text.size() || text[at] != '{') {
      SkipName(text, at);
      return true;
    }
    ++at;
    if (at >= text.size() || std::string_view("{}:").find(text[at]) != std::string_view::npos) {
      return false;
    }
    SkipName(text, at);
    return at < text.size() && EnterModifier(text, at, open);
  }

 private:
  static void SkipName(std::string_view text, std::size_t& at) {
    if (at >= text.size()) {
      return;
    }
    if (IsDigit(text[at])) {
      while (at < text.size() && IsDigit(text[at])) {
        ++at;
      }
      return;
    }
    if (std::string_view("@*#?-$!").find(text[at]) != std::string_view::npos) {
      ++at;
      return;
    }
    while (at < text.size() && IsNameByte(text[at])) {
      ++at;
    }
  }

  static bool EnterModifier(std::string_view text, std::size_t& at, std::vector<char>& open) {
    const char modifier = text[at++];
    switch (modifier) {
      case '}':
        return true;
      case ':':
        if (at >= text.size() || text[at] == '#' || text[at] == '%') {
          return false;
        }
        ++at;
        open.push_back('}');
        return true;
      case '+':
      case '-':
      case '?':
      case '#':
      case '%':
        open.push_back('}');
        return true;
      case '/':
        if (at < text.size() && text[at] == '/') {
          ++at;
        }
        open.push_back('/');
        return true;
      default:
        return false;
    }
  }
};

bool SkipSingleQuoted(std::string_view text, std::size_t& at) {
  const std::size_t end = text.find('\'', at + 1);
  at = end == std::string_view::npos ? text.size() : end + 1;
  return end != std::string_view::npos;
}

// One step in double quotes.
bool StepQuoted(std::string_view text, std::size_t& at, char escape, std::vector<char>& open) {
  const char c = text[at++];
  if (c == '"') {
    open.pop_back();
  } else if (c == '$') {
    return Variable::Enter(text, at, open);
  } else if (c == escape && at < text.size() &&
             (text[at] == '"' || text[at] == '$' || text[at] == escape)) {
    ++at;
  }
  return true;
}

// One step outside of double quotes: in ${…}, or at the beginning.
bool StepPlain(std::string_view text, std::size_t& at, char escape, std::vector<char>& open) {
  const char c = text[at];
  if (!open.empty() && c == open.back()) {
    ++at;
    if (c == '/') {
      open.back() = '}';
    } else {
      open.pop_back();
    }
    return true;
  }
  if (c == '\'') {
    return SkipSingleQuoted(text, at);
  }
  ++at;
  if (c == '"') {
    open.push_back('"');
  } else if (c == '$') {
    return Variable::Enter(text, at, open);
  } else if (c == escape && at < text.size()) {
    ++at;
  }
  return true;
}

// The words of a line with everything in them as it is written; nullopt: something does not end.
std::optional<std::vector<std::string>> RawWords(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t from = at;
    const char c = line[at];
    if (c == '\'' || c == '"' || c == '$') {
      if (!SkipQuotedOrVariable(line, at, '\\')) {
        return std::nullopt;
      }
    } else if (c == '\\') {
      at = std::min(at + 2, line.size());
    } else if (line.substr(at).starts_with("<<")) {
      at += 2;
      while (at < line.size() && (line[at] == ' ' || line[at] == '\t' || line[at] == '\r')) {
        ++at;
      }
    } else if (const std::size_t space = SpaceAt(line, at); space > 0) {
      at += space;
      if (!word.empty()) {
        words.push_back(std::exchange(word, {}));
      }
      continue;
    } else {
      ++at;
    }
    word += line.substr(from, at - from);
  }
  if (!word.empty()) {
    words.push_back(std::move(word));
  }
  return words;
}

std::ptrdiff_t Quotes(std::string_view text) {
  return std::ranges::count(text, '\'') + std::ranges::count(text, '"');
}

// The mark that a raw word is.
std::optional<HereMark> MarkOf(std::string_view word) {
  while (!word.empty() && IsDigit(word.front())) {
    word.remove_prefix(1);
  }
  if (!word.starts_with("<<")) {
    return std::nullopt;
  }
  word.remove_prefix(2);
  HereMark mark;
  if (word.starts_with('-')) {
    mark.strips_tabs = true;
    word.remove_prefix(1);
  }
  while (!word.empty() && IsBlank(word.front())) {
    word.remove_prefix(1);
  }
  if (word.empty() || word.find('<') != std::string_view::npos) {
    return std::nullopt;
  }
  const auto rest = RawWords(word);
  if (!rest || rest->size() != 1) {
    return std::nullopt;
  }
  mark.delimiter = Unquote(word, '\\');
  mark.expands = Quotes(mark.delimiter) == Quotes(word);
  return mark.delimiter.empty() ? std::nullopt : std::optional(mark);
}

Flag FlagOf(std::string_view word) {
  const std::string_view text = word.substr(2);
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return {std::string(text), ""};
  }
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

// The next word of flags, without quotes; `at` stands at its first byte and is moved behind it.
std::string FlagWord(std::string_view line, std::size_t& at, char escape) {
  std::string word;
  char quote = '\0';
  for (; at < line.size(); ++at) {
    const char c = line[at];
    if (quote == '\0' && SpaceAt(line, at) > 0) {
      break;
    }
    if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
    } else if (quote != '\0' && c == quote) {
      quote = '\0';
    } else if (c == escape) {
      if (at + 1 < line.size()) {
        word += line[++at];
      }
    } else {
      word += c;
    }
  }
  return word;
}

}  // namespace

std::size_t SpaceAt(std::string_view text, std::size_t at) {
  if (at >= text.size()) {
    return 0;
  }
  const char c = text[at];
  if (c == ' ' || (c >= '\t' && c <= '\r')) {
    return 1;
  }
  if ((static_cast<unsigned char>(c) & 0x80U) == 0) {
    return 0;
  }
  static constexpr auto kWide = std::to_array<std::string_view>(
      {"\u0085", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005",
       "\u2006", "\u2007", "\u2008", "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f",
       "\u3000"});
  const std::string_view rest = text.substr(at);
  const auto* found = std::ranges::find_if(
      kWide, [&](std::string_view candidate) { return rest.starts_with(candidate); });
  return found == kWide.end() ? 0 : found->size();
}

std::string_view TrimSpaceLeft(std::string_view text) {
  while (const std::size_t space = SpaceAt(text, 0)) {
    text.remove_prefix(space);
  }
  return text;
}

std::string_view TrimSpace(std::string_view text) {
  text = TrimSpaceLeft(text);
  for (bool trimmed = true; trimmed;) {
    trimmed = false;
    for (std::size_t width = 1; width <= 3 && width <= text.size() && !trimmed; ++width) {
      if (SpaceAt(text, text.size() - width) == width) {
        text.remove_suffix(width);
        trimmed = true;
      }
    }
  }
  return text;
}

std::vector<std::string> SplitBlanks(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && !IsBlank(text[end])) {
      ++end;
    }
    if (end > at) {
      words.emplace_back(text.substr(at, end - at));
    }
    at = end + 1;
  }
  return words;
}

std::vector<std::string> SplitWords(std::string_view text, char escape) {
  std::vector<std::string> words;
  std::string word;
  char quote = '\0';
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (const std::size_t space = quote == '\0' ? SpaceAt(text, at) : 0; space > 0) {
      if (!word.empty()) {
        words.push_back(std::exchange(word, {}));
      }
      at += space;
      continue;
    }
    if (c == escape && quote != '\'') {
      if (at + 1 < text.size()) {  // at the end it is dropped
        word += text.substr(at, 2);
      }
      at += 2;
      continue;
    }
    if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = '\0';
    }
    word += c;
    ++at;
  }
  if (!word.empty()) {
    words.push_back(std::move(word));
  }
  return words;
}

std::string Unquote(std::string_view word, char escape) {
  std::string plain;
  char quote = '\0';
  for (std::size_t at = 0; at < word.size(); ++at) {
    const char c = word[at];
    if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
      continue;
    }
    if (quote != '\0' && c == quote) {
      quote = '\0';
      continue;
    }
    if (c != escape || quote == '\'') {
      plain += c;
      continue;
    }
    // In double quotes it escapes only what means something there.
    const char next = at + 1 < word.size() ? word[at + 1] : '\0';
    if (quote == '"' && next != '"' && next != '$' && next != escape) {
      plain += c;
    } else if (at + 1 < word.size()) {
      plain += next;
      ++at;
    }
  }
  return plain;
}

CommandLine SplitCommandLine(std::string_view line, char escape) {
  CommandLine command;
  line = TrimSpace(line);
  std::size_t at = 0;
  while (at < line.size() && !IsBlank(line[at])) {
    ++at;
  }
  command.name = line.substr(0, at);
  for (;;) {
    line = TrimSpaceLeft(line.substr(at));
    at = 0;
    if (!line.starts_with("--")) {
      break;
    }
    const std::string word = FlagWord(line, at, escape);
    if (word == "--") {  // ends the flags
      line.remove_prefix(at);
      break;
    }
    command.flags.push_back(FlagOf(word));
  }
  command.arguments = TrimSpace(line);
  return command;
}

std::vector<HereMark> HereMarks(std::string_view line) {
  std::vector<HereMark> marks;
  for (const std::string& word : RawWords(line).value_or(std::vector<std::string>{})) {
    if (auto mark = MarkOf(word)) {
      marks.push_back(std::move(*mark));
    }
  }
  return marks;
}

bool IsHereMark(std::string_view word) {
  return MarkOf(word).has_value();
}

bool SkipQuotedOrVariable(std::string_view text, std::size_t& at, char escape) {
  std::vector<char> open;  // what must be closed: ", } or /
  do {
    if (at >= text.size()) {
      return false;
    }
    const bool quoted = !open.empty() && open.back() == '"';
    if (!(quoted ? StepQuoted : StepPlain)(text, at, escape, open)) {
      return false;
    }
  } while (!open.empty());
  return true;
}

}  // namespace casemate::dockerfile
