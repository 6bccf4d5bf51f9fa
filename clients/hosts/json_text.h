// JSON values as text in the layout of a file. Pure; thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace casemate::hosts {

struct JsonLayout {
  std::string newline = "\n";
  std::string unit = "  ";  // one step of indentation
  bool one_line = false;
};

// The layout of a text: its line endings, and the indentation of its first indented line.
JsonLayout LayoutOf(std::string_view text);

// `indent`: of the line that the value begins on. Objects take a line a member, arrays one line.
std::string JsonText(const nlohmann::ordered_json& value, const JsonLayout& layout,
                     const std::string& indent);

// A member `keys[0]`, and below it containers for the other keys, down to the value. Each container
// begins and ends with a line break or, on one line, with a space.
std::string MemberText(std::span<const std::string> keys, const nlohmann::ordered_json& value,
                       const JsonLayout& layout, const std::string& indent);

// An object with that member, in the same form.
std::string ObjectText(std::span<const std::string> keys, const nlohmann::ordered_json& value,
                       const JsonLayout& layout, const std::string& indent);

}  // namespace casemate::hosts
