#include "base/text.h"

#include <algorithm>
#include <array>

namespace casemate {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::size_t kMaxNameLength = 64;                 // longer ones are not typing errors

std::uint8_t Byte(char c) {
  return static_cast<std::uint8_t>(c);
}

// Length of the valid UTF-8 sequence at `i` (RFC 3629: no surrogates, no overlong forms), or 0.
std::size_t SequenceLength(std::string_view text, std::size_t i) {
  const std::uint8_t lead = Byte(text[i]);
  if (lead < 0x80) {
    return 1;
  }
  std::size_t length = 0;
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    low = lead == 0xE0 ? 0xA0 : low;
    high = lead == 0xED ? 0x9F : high;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    low = lead == 0xF0 ? 0x90 : low;
    high = lead == 0xF4 ? 0x8F : high;
  }
  if (length == 0 || i + length > text.size()) {
    return 0;
  }
  for (std::size_t k = 1; k < length; ++k) {
    const std::uint8_t next = Byte(text[i + k]);
    if (next < low || next > high) {
      return 0;
    }
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
    }
  }
  return row[b.size()];
}

constexpr std::string_view kBase64Alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::array<std::int8_t, 256> Base64Values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kBase64Alphabet.size(); ++i) {
    values.at(Byte(kBase64Alphabet[i])) = static_cast<std::int8_t>(i);
  }
  return values;
}

// Appends what four characters encode; only the last group may end in padding.
bool DecodeGroup(std::string_view four, bool is_last, std::string& bytes) {
  static const std::array<std::int8_t, 256> kValues = Base64Values();
  std::size_t count = 4;
  while (is_last && count > 2 && four[count - 1] == '=') {
    --count;
  }
  std::uint32_t group = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    const int value = k < count ? kValues.at(Byte(four[k])) : 0;
    if (value < 0) {
      return false;
    }
    group = group << 6 | static_cast<std::uint32_t>(value);
  }
  // The unused bits of a short group must be zero: one text for each value.
  if ((count == 3 && (group & 0xFF) != 0) || (count == 2 && (group & 0xFFFF) != 0)) {
    return false;
  }
  for (std::size_t k = 0; k + 1 < count; ++k) {
    bytes += static_cast<char>(group >> (16 - 8 * k) & 0xFF);
  }
  return true;
}

}  // namespace

std::optional<std::string> NearestName(std::string_view name,
                                       std::span<const std::string_view> candidates) {
  if (name.size() > kMaxNameLength) {
    return std::nullopt;
  }
  std::optional<std::string> best;
  // Two changes make any word of three letters into any other.
  const std::size_t slips = name.size() > 3 ? 2 : 1;
  std::size_t best_distance = std::max<std::size_t>(slips, name.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = EditDistance(name, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best_distance = distance;
      best = std::string(candidate);
    }
  }
  return best;
}

bool IsValidUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = SequenceLength(text, i);
    if (length == 0) {
      return false;
    }
    i += length;
  }
  return true;
}

std::string ToValidUtf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = SequenceLength(text, i);
    if (length == 0) {
      valid += kReplacement;
      ++i;
    } else {
      valid.append(text, i, length);
      i += length;
    }
  }
  return valid;
}

std::string EscapeControls(std::string_view text, bool keep_newlines) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string escaped;
  escaped.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint8_t byte = Byte(text[i]);
    const bool kept = keep_newlines && (byte == '\n' || byte == '\t');
    // C1 controls (U+0080..U+009F) are C2 80..9F in UTF-8; a terminal may obey them too.
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && Byte(text[i + 1]) >= 0x80 &&
                    Byte(text[i + 1]) <= 0x9F;
    const std::uint8_t shown = c1 ? Byte(text[i + 1]) : byte;
    if (c1 || ((byte < 0x20 || byte == 0x7F) && !kept)) {
      escaped += "\\x";
      escaped += kHex[shown >> 4];
      escaped += kHex[shown & 0x0F];
      i += c1 ? 1 : 0;
    } else {
      escaped += text[i];
    }
  }
  return escaped;
}

std::string EncodeBase64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? Byte(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= count ? kBase64Alphabet[group >> (18 - 6 * k) & 0x3F] : '=';
    }
  }
  return text;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) {
    return std::nullopt;
  }
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    if (!DecodeGroup(text.substr(i, 4), i + 4 == text.size(), bytes)) {
      return std::nullopt;
    }
  }
  return bytes;
}

std::string ToHex(std::span<const std::uint8_t> bytes) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += kHex[byte >> 4];
    text += kHex[byte & 0x0F];
  }
  return text;
}

std::string Quoted(std::string_view text) {
  constexpr std::size_t kMostShown = 64;
  const std::string shown = EscapeControls(ToValidUtf8(text.substr(0, kMostShown)), false);
  return "`" + shown + (text.size() > kMostShown ? "…`" : "`");
}

std::string Join(std::span<const std::string> parts, std::string_view separator) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    text += i == 0 ? std::string_view() : separator;
    text += parts[i];
  }
  return text;
}

}  // namespace casemate
