// How BuildKit cuts the text of one instruction into words: blanks, quotes, the escape character,
// flags, and the words that begin here-documents. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tools/dockerfile/syntax.h"

namespace casemate::dockerfile {

// The bytes of the white space (Unicode's) that begins at `at`; 0: none does.
std::size_t SpaceAt(std::string_view text, std::size_t at);
std::string_view TrimSpaceLeft(std::string_view text);
std::string_view TrimSpace(std::string_view text);
// Words between tabs and spaces, whatever quotes they hold.
std::vector<std::string> SplitBlanks(std::string_view text);
// Words in which quotes and the escape character keep white space; both stay in the words.
std::vector<std::string> SplitWords(std::string_view text, char escape);
// A word without its quotes and escape characters; variables stay as they are.
std::string Unquote(std::string_view word, char escape);

struct CommandLine {
  std::string name;
  std::vector<Flag> flags;
  std::string arguments;
};
// NAME --flag… arguments.
CommandLine SplitCommandLine(std::string_view line, char escape);

// A here-document that a line announces; its text is not there yet.
struct HereMark {
  std::string delimiter;
  bool expands = true;
  bool strips_tabs = false;
};
// Those of a whole line, in their order. A line with an unfinished quote or ${ has none.
std::vector<HereMark> HereMarks(std::string_view line);
// Whether one word is such a mark.
bool IsHereMark(std::string_view word);

// Moves `at`, which stands at a quote or $, behind what it begins (by the rules of BuildKit's
// shell words); false: it does not end.
bool SkipQuotedOrVariable(std::string_view text, std::size_t& at, char escape);

}  // namespace casemate::dockerfile
