#include "tools/icon.h"

#include "base/text.h"

namespace casemate::tools {

std::string IconOf(std::string_view path) {
  // Gray shows on light and on dark.
  std::string svg =
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><path fill='gray' d='";
  svg += path;
  svg += "'/></svg>";
  return std::string(kIconPrefix) + EncodeBase64(svg);
}

}  // namespace casemate::tools
