#include "mcp/http/message.h"

#include <strings.h>

namespace casemate::http {
namespace {

std::string_view Trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

HeaderValue FindHeader(const Headers& headers, std::string_view name) {
  HeaderValue found;
  for (const auto& [key, value] : headers) {
    if (key.size() != name.size() || strncasecmp(key.data(), name.data(), name.size()) != 0) {
      continue;
    }
    if (found.value) {
      return {std::nullopt, true};
    }
    found.value = Trim(value);
  }
  return found;
}

}  // namespace casemate::http
