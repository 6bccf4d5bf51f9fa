#include "tools/visible_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <span>
#include <utility>

#include "base/text.h"

namespace casemate::tools {

namespace {

using Range = std::pair<char32_t, char32_t>;

// Sorted. Unicode 15: Cc, Cf, Zs but the space, Zl, Zp, Co, variation selectors, combining marks
// that lay themselves over what stands before, fillers, and what no character may have.
constexpr auto kHidden = std::to_array<Range>({
    {0x00, 0x1F},       {0x7F, 0xA0},        {0xAD, 0xAD},       {0x300, 0x36F},
    {0x483, 0x489},     {0x591, 0x5BD},      {0x600, 0x605},     {0x61C, 0x61C},
    {0x6DD, 0x6DD},     {0x70F, 0x70F},      {0x890, 0x891},     {0x8E2, 0x8E2},
    {0x115F, 0x1160},   {0x1680, 0x1680},    {0x17B4, 0x17B5},   {0x180B, 0x180F},
    {0x1AB0, 0x1AFF},   {0x1DC0, 0x1DFF},    {0x2000, 0x200F},   {0x2028, 0x202F},
    {0x205F, 0x206F},   {0x20D0, 0x20FF},    {0x2800, 0x2800},   {0x2DE0, 0x2DFF},
    {0x3000, 0x3000},   {0x302A, 0x302F},    {0x3164, 0x3164},   {0xA66F, 0xA67D},
    {0xD800, 0xF8FF},   {0xFDD0, 0xFDEF},    {0xFE00, 0xFE0F},   {0xFE20, 0xFE2F},
    {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},    {0xFFF0, 0xFFFF},   {0x110BD, 0x110BD},
    {0x110CD, 0x110CD}, {0x13430, 0x1345F},  {0x1BCA0, 0x1BCA3}, {0x1D159, 0x1D159},
    {0x1D165, 0x1D182}, {0xE0000, 0x10FFFF},
});

// Sorted. What looks like ASCII in usual fonts: letters one by one where a script has others too,
// whole blocks where most do (full width, mathematical, Cherokee, Lisu, signs and punctuation). And
// letters that are written from right to left: they reorder the words between them.
constexpr auto kLookAlikes = std::to_array<Range>({
    {0xB4, 0xB4},       {0xB7, 0xB8},       {0xD7, 0xD7},       {0x131, 0x131},
    {0x17F, 0x17F},     {0x180, 0x24F},     {0x250, 0x2FF},     {0x370, 0x37F},
    {0x384, 0x387},     {0x391, 0x392},     {0x395, 0x397},     {0x399, 0x39A},
    {0x39C, 0x39D},     {0x39F, 0x39F},     {0x3A1, 0x3A1},     {0x3A4, 0x3A5},
    {0x3A7, 0x3A7},     {0x3B1, 0x3B1},     {0x3B3, 0x3B3},     {0x3B5, 0x3B5},
    {0x3B7, 0x3B7},     {0x3B9, 0x3BA},     {0x3BD, 0x3BD},     {0x3BF, 0x3BF},
    {0x3C1, 0x3C1},     {0x3C3, 0x3C3},     {0x3C5, 0x3C5},     {0x3C7, 0x3C7},
    {0x3D0, 0x3FF},     {0x405, 0x406},     {0x408, 0x408},     {0x410, 0x410},
    {0x412, 0x413},     {0x415, 0x415},     {0x417, 0x417},     {0x41A, 0x41A},
    {0x41C, 0x41E},     {0x420, 0x425},     {0x42C, 0x42C},     {0x430, 0x433},
    {0x435, 0x435},     {0x437, 0x438},     {0x43A, 0x43A},     {0x43C, 0x43E},
    {0x43F, 0x445},     {0x448, 0x448},     {0x44C, 0x44C},     {0x455, 0x456},
    {0x458, 0x458},     {0x460, 0x461},     {0x470, 0x475},     {0x4AE, 0x4AF},
    {0x4BA, 0x4BB},     {0x4C0, 0x4C0},     {0x4CF, 0x4CF},     {0x4D4, 0x4D5},
    {0x500, 0x501},     {0x50C, 0x50D},     {0x51A, 0x51D},     {0x54D, 0x555},
    {0x561, 0x563},     {0x566, 0x566},     {0x570, 0x570},     {0x578, 0x578},
    {0x57C, 0x57D},     {0x581, 0x585},     {0x589, 0x58A},     {0x590, 0x8FF},
    {0x10E7, 0x10E7},   {0x10FF, 0x10FF},   {0x1200, 0x1200},   {0x13A0, 0x13FF},
    {0x1400, 0x167F},   {0x16A0, 0x16F8},   {0x1C80, 0x1C8F},   {0x1D00, 0x1DBF},
    {0x1E00, 0x1FFF},   {0x2010, 0x2027},   {0x2030, 0x205E},   {0x2070, 0x209F},
    {0x2100, 0x218B},   {0x2190, 0x23FF},   {0x2460, 0x24FF},   {0x2500, 0x257F},
    {0x2700, 0x27FF},   {0x2980, 0x2AFF},   {0x2C60, 0x2CFF},   {0x2D38, 0x2D39},
    {0x2D4F, 0x2D5F},   {0x2E00, 0x2E5D},   {0x3001, 0x301F},   {0x3033, 0x3035},
    {0x30A0, 0x30A0},   {0x30CE, 0x30CE},   {0x30FB, 0x30FC},   {0x31D0, 0x31D4},
    {0x4E36, 0x4E36},   {0x4E3F, 0x4E3F},   {0xA4D0, 0xA4FF},   {0xA640, 0xA66E},
    {0xA67E, 0xA7FF},   {0xAB30, 0xABBF},   {0xFB00, 0xFB06},   {0xFB13, 0xFB17},
    {0xFB1D, 0xFDFF},   {0xFE10, 0xFE1F},   {0xFE30, 0xFE6F},   {0xFE70, 0xFEFE},
    {0xFF00, 0xFF9F},   {0xFFA1, 0xFFEF},   {0x10100, 0x10FFF}, {0x118A0, 0x118FF},
    {0x16F00, 0x16F9F}, {0x1CCD6, 0x1CCF9}, {0x1D100, 0x1D158}, {0x1D200, 0x1D7FF},
    {0x1E800, 0x1EFFF}, {0x1F100, 0x1F1FF}, {0x1F650, 0x1F67F}, {0x1F700, 0x1F77F},
    {0x1FBF0, 0x1FBF9},
});

template <std::size_t kCount>
bool IsIn(const std::array<Range, kCount>& ranges, char32_t c) {
  const auto after = std::ranges::upper_bound(ranges, c, {}, &Range::first);
  return after != ranges.begin() && c <= std::prev(after)->second;
}

struct Decoded {
  char32_t code = 0;
  std::size_t bytes = 0;  // 0: not UTF-8
};

// RFC 3629: shortest form only, no surrogates, at most U+10FFFF.
Decoded Decode(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) {
    return {first, 1};
  }
  const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  constexpr std::array<unsigned, 5> kBits = {0, 0, 0x1F, 0x0F, 0x07};
  if (first < 0xC2 || first > 0xF4 || text.size() < bytes) {
    return {};
  }
  char32_t code = first & kBits.at(bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0U) != 0x80) {
      return {};
    }
    code = (code << 6U) | (next & 0x3FU);
  }
  const bool is_valid =
      code >= kLeast.at(bytes) && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
  return is_valid ? Decoded{code, bytes} : Decoded{};
}

std::string ByteMark(unsigned char byte) {
  return "\u2039byte " + ToHex(std::span(&byte, 1)) + "\u203a";
}

std::string NumberMark(char32_t code) {
  std::array<char, 16> digits{};
  static_cast<void>(
      std::snprintf(digits.data(), digits.size(), "%04X", static_cast<unsigned>(code)));
  return std::string("\u2039U+") + digits.data() + "\u203a";
}

// Takes the first character off `text` and returns it as it is shown.
std::string TakeOne(std::string_view& text, VisibleMarks& marks) {
  const auto [code, bytes] = Decode(text);
  if (bytes == 0) {
    ++marks.hidden;
    std::string shown = ByteMark(static_cast<unsigned char>(text.front()));
    text.remove_prefix(1);
    return shown;
  }
  std::string shown(text.substr(0, bytes));
  text.remove_prefix(bytes);
  std::string number = NumberMark(code);
  if (IsIn(kHidden, code)) {
    ++marks.hidden;
    return number;
  }
  if (IsIn(kLookAlikes, code)) {
    ++marks.look_alikes;
    return shown + number;
  }
  return shown;
}

bool IsPlain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("_@%+=:,./-").find(c) != std::string_view::npos;
}

}  // namespace

std::string Visible(std::string_view text, VisibleMarks& marks, bool keep_newlines) {
  std::string shown;
  while (!text.empty()) {
    if (keep_newlines && text.front() == '\n') {
      shown += '\n';
      text.remove_prefix(1);
      continue;
    }
    shown += TakeOne(text, marks);
  }
  return shown;
}

std::string QuotedVisible(std::string_view text, VisibleMarks& marks) {
  if (!text.empty() && std::ranges::all_of(text, IsPlain)) {
    return std::string(text);
  }
  std::string shown = "\"";
  while (!text.empty()) {
    const char c = text.front();
    const char* escaped = c == '"'    ? "\\\""
                          : c == '\\' ? "\\\\"
                          : c == '\n' ? "\\n"
                          : c == '\t' ? "\\t"
                                      : nullptr;
    if (escaped == nullptr) {
      shown += TakeOne(text, marks);
    } else {
      shown += escaped;
      text.remove_prefix(1);
    }
  }
  return shown + "\"";
}

}  // namespace casemate::tools
