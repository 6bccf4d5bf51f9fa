#include "sandbox/native/launcher/text.h"

#include <cstdarg>
#include <cstdio>

namespace casemate::launcher {

void FormatInto(char* buffer, std::size_t bytes, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int length = std::vsnprintf(buffer, bytes, format, arguments);
  va_end(arguments);
  if (length < 0 || static_cast<std::size_t>(length) >= bytes) {
    buffer[0] = '\0';
  }
}

}  // namespace casemate::launcher
