// Text of strangers as a person must see it who decides about it: nothing in it is invisible,
// changes the order of reading, or passes for another letter without being marked. Pure;
// thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace casemate::tools {

// What was found in the texts so far.
struct VisibleMarks {
  std::size_t hidden = 0;       // controls, bidi controls, characters without a width, odd spaces
  std::size_t look_alikes = 0;  // letters and signs that look like ASCII and are not
};

// Printable ASCII as it is; what hides, as ‹U+202E›; a look-alike, followed by its number:
// а‹U+0430›; a byte that is no UTF-8, as ‹byte ff›. Newlines too, unless `keep_newlines`. Text
// holds no such mark by itself: ‹ is marked like a look-alike.
std::string Visible(std::string_view text, VisibleMarks& marks, bool keep_newlines = false);
// In quotes, with \" \\ \n \t escaped, unless it is a plain word: two texts never look the same.
std::string QuotedVisible(std::string_view text, VisibleMarks& marks);

}  // namespace casemate::tools
