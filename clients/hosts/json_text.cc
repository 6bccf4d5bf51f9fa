#include "clients/hosts/json_text.h"

#include <nlohmann/json.hpp>

#include "clients/hosts/text_position.h"

namespace casemate::hosts {
namespace {

using nlohmann::ordered_json;

std::string Dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string ArrayText(const ordered_json& array) {
  std::string text = "[";
  for (const auto& element : array) {
    text += (text.size() > 1 ? ", " : "") + Dump(element);
  }
  return text + "]";
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as an entry and its path
std::string OneLineObject(const ordered_json& object) {
  std::string text = "{";
  for (const auto& [key, value] : object.items()) {
    text +=
        (text.size() > 1 ? ", " : "") + Dump(key) + ": " + JsonText(value, {.one_line = true}, "");
  }
  return text + "}";
}

}  // namespace

JsonLayout LayoutOf(std::string_view text) {
  JsonLayout layout{.newline = std::string(NewlineOf(text))};
  for (std::size_t line = text.find('\n'); line != std::string_view::npos;
       line = text.find('\n', line + 1)) {
    const std::size_t begin = line + 1;
    const std::size_t end = std::min(text.find_first_not_of(" \t", begin), text.size());
    const bool is_comment = text.substr(end, 1) == "*" || text.substr(end, 1) == "/";
    if (end > begin && !is_comment && text[end == text.size() ? begin : end] != '\r' &&
        text.substr(end, 1) != "\n") {
      layout.unit = text[begin] == '\t' ? "\t" : std::string(text.substr(begin, end - begin));
      break;
    }
  }
  return layout;
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as an entry and its path
std::string JsonText(const ordered_json& value, const JsonLayout& layout,
                     const std::string& indent) {
  if (value.is_array()) {
    return ArrayText(value);
  }
  if (!value.is_object()) {
    return Dump(value);
  }
  if (layout.one_line || value.empty()) {
    return OneLineObject(value);
  }
  const std::string inner = indent + layout.unit;
  std::string text = "{";
  for (const auto& [key, member] : value.items()) {
    text += (text.size() > 1 ? "," : "") + layout.newline + inner + Dump(key) + ": " +
            JsonText(member, layout, inner);
  }
  return text + layout.newline + indent + "}";
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as an entry and its path
std::string MemberText(std::span<const std::string> keys, const ordered_json& value,
                       const JsonLayout& layout, const std::string& indent) {
  return Dump(keys.front()) + ": " +
         (keys.size() == 1 ? JsonText(value, layout, indent)
                           : ObjectText(keys.subspan(1), value, layout, indent));
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as an entry and its path
std::string ObjectText(std::span<const std::string> keys, const ordered_json& value,
                       const JsonLayout& layout, const std::string& indent) {
  if (layout.one_line) {
    return "{ " + MemberText(keys, value, layout, indent) + " }";
  }
  const std::string inner = indent + layout.unit;
  return "{" + layout.newline + inner + MemberText(keys, value, layout, inner) + layout.newline +
         indent + "}";
}

}  // namespace casemate::hosts
