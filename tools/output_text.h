// A command's output as text: valid UTF-8 without characters torn at the edges of a cut. Pure
// functions; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sandbox/native/outcome.h"

namespace casemate::tools {

// How many bytes at the end are the beginning of a character whose rest is missing (0 to 3).
std::size_t TornTail(std::string_view bytes);
// At most `max_bytes` from the start, not ending inside a character.
std::string_view Utf8Prefix(std::string_view text, std::size_t max_bytes);
// At most `max_bytes` of what was kept: the first and the last.
sandbox::CapturedStream Shorten(const sandbox::CapturedStream& stream, std::size_t max_bytes);
// Head, "\n[… N bytes cut …]\n" and tail when something was cut; always valid UTF-8.
std::string StreamText(const sandbox::CapturedStream& stream);
// The same without making it UTF-8: the bytes as they were written.
std::string StreamBytes(const sandbox::CapturedStream& stream);
// StreamText with control characters made visible, and at most `max_bytes` long (if that is 100 or
// more): less is taken of the stream until it fits.
std::string ShownText(const sandbox::CapturedStream& stream, std::size_t max_bytes);

}  // namespace casemate::tools
