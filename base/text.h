// Small text functions that several layers share. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace casemate {

// The candidate nearest to `name` by edit distance, if near enough to be a likely typing error.
std::optional<std::string> NearestName(std::string_view name,
                                       std::span<const std::string_view> candidates);
[[nodiscard]] bool IsValidUtf8(std::string_view text);
// Replaces each invalid byte sequence with U+FFFD; other bytes stay.
std::string ToValidUtf8(std::string_view text);
// Control characters (but not \n and \t when keep_newlines) become visible escapes like \x1b.
std::string EscapeControls(std::string_view text, bool keep_newlines);
// RFC 4648 base64 with padding; decoding is strict.
std::string EncodeBase64(std::string_view bytes);
std::optional<std::string> DecodeBase64(std::string_view text);
std::string ToHex(std::span<const std::uint8_t> bytes);
// `text` in backticks for a message: valid UTF-8, control characters visible, at most 64 bytes.
std::string Quoted(std::string_view text);
std::string Join(std::span<const std::string> parts, std::string_view separator);

}  // namespace casemate
