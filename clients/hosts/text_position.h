// Where in a text something stands, and errors that say so. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace casemate::hosts {

// "LINE:COLUMN" of a byte offset, both from 1, columns in code points as editors count them. A byte
// order mark takes no column.
std::string PositionOf(std::string_view text, std::size_t offset);

// kInvalidArgument whose field is the position; whoever knows the file puts its name before it.
Error ErrorAt(std::string_view text, std::size_t offset, std::string message);

// What stands at an offset, short and printable: "`}`", "the end of the file".
std::string Seen(std::string_view text, std::size_t offset);

inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// The line ending of a text: that of its first line, or "\n".
std::string_view NewlineOf(std::string_view text);

// The spaces and tabs that the line of `offset` begins with.
std::string_view IndentOf(std::string_view text, std::size_t offset);

// Refuses what no configuration file holds: bytes that are not UTF-8, and NUL.
Result<void> CheckText(std::string_view text);

}  // namespace casemate::hosts
