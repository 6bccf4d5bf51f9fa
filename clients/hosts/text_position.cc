#include "clients/hosts/text_position.h"

#include <algorithm>

#include "base/text.h"

namespace casemate::hosts {
namespace {

bool Continues(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

}  // namespace

std::string PositionOf(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  std::string_view of_line = before.substr(before.rfind('\n') + 1);
  if (line == 1 && of_line.starts_with(kByteOrderMark)) {
    of_line.remove_prefix(kByteOrderMark.size());
  }
  const auto column =
      1 + std::count_if(of_line.begin(), of_line.end(), [](char c) { return !Continues(c); });
  return std::to_string(line) + ":" + std::to_string(column);
}

Error ErrorAt(std::string_view text, std::size_t offset, std::string message) {
  return InvalidArgument(PositionOf(text, offset), std::move(message));
}

std::string Seen(std::string_view text, std::size_t offset) {
  if (offset >= text.size()) {
    return "the end of the file";
  }
  std::size_t end = offset + 1;
  while (end < text.size() && Continues(text[end])) {
    ++end;
  }
  return "`" + EscapeControls(ToValidUtf8(text.substr(offset, end - offset)), false) + "`";
}

std::string_view NewlineOf(std::string_view text) {
  const std::size_t at = text.find('\n');
  return at != std::string_view::npos && at > 0 && text[at - 1] == '\r' ? "\r\n" : "\n";
}

std::string_view IndentOf(std::string_view text, std::size_t offset) {
  std::size_t begin = text.substr(0, offset).rfind('\n') + 1;
  if (begin == 0 && text.starts_with(kByteOrderMark)) {
    begin = kByteOrderMark.size();
  }
  const std::size_t end = std::min(text.find_first_not_of(" \t", begin), offset);
  return text.substr(begin, end - begin);
}

Result<void> CheckText(std::string_view text) {
  if (!IsValidUtf8(text)) {
    const std::string valid = ToValidUtf8(text);
    const auto differ = std::mismatch(text.begin(), text.end(), valid.begin(), valid.end());
    return ErrorAt(text, static_cast<std::size_t>(differ.first - text.begin()),
                   "expected UTF-8, got bytes that are not");
  }
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return ErrorAt(text, nul, "expected text, got a NUL byte");
  }
  return {};
}

}  // namespace casemate::hosts
