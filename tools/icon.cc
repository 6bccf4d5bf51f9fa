#include "tools/icon.h"

namespace casemate::tools {

std::string IconOf(std::string_view path) {
  // Gray shows on light and on dark.
  std::string uri =
      "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%208%208'%3E"
      "%3Cpath%20fill='gray'%20d='";
  for (const char c : path) {
    if (c == ' ') {
      uri += "%20";
    } else {
      uri += c;
    }
  }
  return uri + "'/%3E%3C/svg%3E";
}

}  // namespace casemate::tools
