#include "tools/visible_text.h"

#include <catch2/catch.hpp>

namespace casemate::tools {
namespace {

std::string Shown(std::string_view text) {
  VisibleMarks marks;
  return Visible(text, marks);
}
std::string Quoted(std::string_view text) {
  VisibleMarks marks;
  return QuotedVisible(text, marks);
}

TEST_CASE("what is plain stays as it is") {
  CHECK(Shown("ls -la /home/me; echo 'a\"b\\c'") == "ls -la /home/me; echo 'a\"b\\c'");
  CHECK(Shown("für Größe, déjà vu, 漢字, 日本語, 한국어") ==
        "für Größe, déjà vu, 漢字, 日本語, 한국어");
}

TEST_CASE("what hides is shown by its number") {
  CHECK(Shown("a\u202eb") == "a‹U+202E›b");                // right to left override
  CHECK(Shown("a\u2066b\u2069") == "a‹U+2066›b‹U+2069›");  // isolates
  CHECK(Shown("a\u200bb\u200d\u2060\ufeff") == "a‹U+200B›b‹U+200D›‹U+2060›‹U+FEFF›");
  CHECK(Shown("rm\u00a0-rf") == "rm‹U+00A0›-rf");
  CHECK(Shown("\u2003\u3000\u2028\u00ad\u3164\u2800") ==
        "‹U+2003›‹U+3000›‹U+2028›‹U+00AD›‹U+3164›‹U+2800›");
  CHECK(Shown(std::string_view("\x1b[2J\r\n\t\0\x7f", 9)) ==
        "‹U+001B›[2J‹U+000D›‹U+000A›‹U+0009›‹U+0000›‹U+007F›");
  CHECK(Shown("\u0085\u009b") == "‹U+0085›‹U+009B›");      // C1: a terminal may obey them
  CHECK(Shown("e\u0301=\u0338") == "e‹U+0301›=‹U+0338›");  // laid over what stands before
  CHECK(Shown("a\ufe0f\U000e0041\U000e01ef") == "a‹U+FE0F›‹U+E0041›‹U+E01EF›");  // tags
  CHECK(Shown("\ue000\U0010ffff") == "‹U+E000›‹U+10FFFF›");
}

TEST_CASE("look-alikes are followed by their number") {
  CHECK(Shown("p\u0430ypal") == "p\u0430‹U+0430›ypal");            // Cyrillic
  CHECK(Shown("\u03bf\u0391") == "\u03bf‹U+03BF›\u0391‹U+0391›");  // Greek
  CHECK(Shown("\uff52\uff4d") == "\uff52‹U+FF52›\uff4d‹U+FF4D›");  // full width
  CHECK(Shown("\U0001d42b\u2010\u2212\u2215\u2024") ==
        "\U0001d42b‹U+1D42B›\u2010‹U+2010›\u2212‹U+2212›\u2215‹U+2215›\u2024‹U+2024›");
  CHECK(Shown("\u0131\u13aa\u0585") == "\u0131‹U+0131›\u13aa‹U+13AA›\u0585‹U+0585›");
  // Every small Cyrillic letter that is drawn as a Latin one.
  for (const char* letter : {"а", "е", "о", "р", "с", "у", "х", "ѕ", "і", "ј", "ԁ", "ԛ", "ԝ"}) {
    INFO(letter);
    CHECK(Shown(letter) != letter);
  }
  CHECK(Shown("ж") == "ж");
}

std::string Utf8(char32_t code) {
  const auto more = [&](unsigned shift) {
    return static_cast<char>(0x80U | ((code >> shift) & 0x3FU));
  };
  return code < 0x80    ? std::string{static_cast<char>(code)}
         : code < 0x800 ? std::string{static_cast<char>(0xC0U | (code >> 6U)), more(0)}
         : code < 0x10000
             ? std::string{static_cast<char>(0xE0U | (code >> 12U)), more(6), more(0)}
             : std::string{static_cast<char>(0xF0U | (code >> 18U)), more(12), more(6), more(0)};
}

TEST_CASE("nothing that changes the order of reading goes without its number") {
  // Bidi_Control of Unicode: the character itself is not there any more.
  for (const char32_t control : {0x61CU, 0x200EU, 0x200FU, 0x202AU, 0x202BU, 0x202CU, 0x202DU,
                                 0x202EU, 0x2066U, 0x2067U, 0x2068U, 0x2069U}) {
    const std::string shown = Shown("a" + Utf8(control) + "b");
    INFO(shown);
    CHECK(shown.find(Utf8(control)) == std::string::npos);
    CHECK(shown.starts_with("a‹U+"));
    CHECK(shown.ends_with("›b"));
  }
  // The blocks that are R or AL by default (DerivedBidiClass.txt), assigned or not.
  using Block = std::pair<char32_t, char32_t>;
  for (const auto& [first, last] :
       {Block{0x590, 0x8FF}, Block{0xFB1D, 0xFDFF}, Block{0xFE70, 0xFEFF}, Block{0x10800, 0x10FFF},
        Block{0x1E800, 0x1EFFF}}) {
    std::size_t bare = 0;
    for (char32_t code = first; code <= last; ++code) {
      bare += Shown(Utf8(code)).ends_with("›") ? 0 : 1;
    }
    INFO(static_cast<unsigned>(first));
    CHECK(bare == 0);
  }
  CHECK(Shown("\u05d0\u05d1") == "\u05d0‹U+05D0›\u05d1‹U+05D1›");
  CHECK(Quoted("rm \u0627\u200f") == "\"rm \u0627‹U+0627›‹U+200F›\"");
}

TEST_CASE("no text can pass for a mark") {
  CHECK(Shown("‹U+202E›") == "‹‹U+2039›U+202E›‹U+203A›");
}

TEST_CASE("bytes that are no UTF-8 are shown as such") {
  CHECK(Shown("a\xff"
              "b\xc0\xaf\xed\xa0\x80") ==
        "a‹byte ff›b‹byte c0›‹byte af›‹byte ed›‹byte a0›‹byte 80›");
  CHECK(Shown("\xf4\x90\x80\x80") == "‹byte f4›‹byte 90›‹byte 80›‹byte 80›");
  CHECK(Shown("\xe2\x82") == "‹byte e2›‹byte 82›");  // cut
}

TEST_CASE("marks are counted") {
  VisibleMarks marks;
  Visible("\u202e\u0430\u0430 x", marks);
  QuotedVisible("\n\u200b", marks);
  CHECK(marks.hidden == 2);
  CHECK(marks.look_alikes == 2);
}

TEST_CASE("quoted texts are never the same for two texts") {
  CHECK(Quoted("ls") == "ls");
  CHECK(Quoted("") == "\"\"");
  CHECK(Quoted("a b") == "\"a b\"");
  CHECK(Quoted("a\" \"b") == "\"a\\\" \\\"b\"");
  CHECK(Quoted("\\n") == "\"\\\\n\"");
  CHECK(Quoted("\n\t") == "\"\\n\\t\"");
  CHECK(Quoted("\"") == "\"\\\"\"");
  CHECK(Quoted("$(id)") == "\"$(id)\"");
}

TEST_CASE("newlines are kept on demand") {
  VisibleMarks marks;
  CHECK(Visible("a\nb\r", marks, true) == "a\nb‹U+000D›");
}

}  // namespace
}  // namespace casemate::tools
