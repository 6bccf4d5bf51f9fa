// Formats into fixed buffers. A text that does not fit becomes empty: a path or limit cut short
// could name something else, an empty one names nothing and fails at its use.
#pragma once

#include <cstddef>

namespace casemate::launcher {

__attribute__((format(printf, 3, 4))) void FormatInto(char* buffer, std::size_t bytes,
                                                      const char* format, ...);

}  // namespace casemate::launcher
