#include "tools/output_text.h"

#include <algorithm>
#include <cstdint>

#include "base/text.h"

namespace casemate::tools {

namespace {

constexpr std::size_t kLongestCharacter = 4;  // bytes in UTF-8 (RFC 3629)

bool IsContinuation(char c) {
  return (static_cast<std::uint8_t>(c) & 0xC0) == 0x80;
}

std::size_t LengthFromLead(char c) {
  const auto byte = static_cast<std::uint8_t>(c);
  if (byte >= 0xC2 && byte <= 0xDF) {
    return 2;
  }
  if (byte >= 0xE0 && byte <= 0xEF) {
    return 3;
  }
  return byte >= 0xF0 && byte <= 0xF4 ? 4 : 1;
}

// Continuation bytes at the start, whose lead byte was cut off.
std::size_t TornHead(std::string_view bytes) {
  std::size_t count = 0;
  while (count < bytes.size() && count < kLongestCharacter - 1 && IsContinuation(bytes[count])) {
    ++count;
  }
  return count;
}

}  // namespace

std::size_t TornTail(std::string_view bytes) {
  for (std::size_t back = 1; back < kLongestCharacter && back <= bytes.size(); ++back) {
    const char c = bytes[bytes.size() - back];
    if (!IsContinuation(c)) {
      return LengthFromLead(c) > back ? back : 0;
    }
  }
  return 0;
}

std::string_view Utf8Prefix(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) {
    return text;
  }
  const std::string_view cut = text.substr(0, max_bytes);
  return cut.substr(0, cut.size() - TornTail(cut));
}

sandbox::CapturedStream Shorten(const sandbox::CapturedStream& stream, std::size_t max_bytes) {
  if (stream.head.size() + stream.tail.size() <= max_bytes) {
    return stream;
  }
  // Of a stream that was not cut, all is in the head.
  const std::string& end = stream.tail.empty() ? stream.head : stream.tail;
  const std::size_t last = std::min(max_bytes / 2, end.size());
  const std::size_t first = std::min(max_bytes - last, stream.head.size());
  return {stream.head.substr(0, first), end.substr(end.size() - last), stream.total_bytes};
}

std::string StreamText(const sandbox::CapturedStream& stream) {
  if (!stream.truncated()) {
    return ToValidUtf8(stream.head + stream.tail);
  }
  std::string_view head = stream.head;
  std::string_view tail = stream.tail;
  head.remove_suffix(TornTail(head));
  tail.remove_prefix(TornHead(tail));
  const std::uint64_t cut = stream.total_bytes - head.size() - tail.size();
  return ToValidUtf8(head) + "\n[… " + std::to_string(cut) + " bytes cut …]\n" + ToValidUtf8(tail);
}

std::string StreamBytes(const sandbox::CapturedStream& stream) {
  const std::uint64_t kept = stream.head.size() + stream.tail.size();
  const std::string note =
      stream.truncated() ? "\n[… " + std::to_string(stream.total_bytes - kept) + " bytes cut …]\n"
                         : "";
  return stream.head + note + stream.tail;
}

std::string ShownText(const sandbox::CapturedStream& stream, std::size_t max_bytes) {
  std::size_t taken = stream.head.size() + stream.tail.size();
  while (true) {
    std::string text = EscapeControls(StreamText(Shorten(stream, taken)), true);
    if (text.size() <= max_bytes || taken == 0) {
      return text;
    }
    // In proportion, less the note of what was cut: a few rounds.
    taken = std::min(taken - 1, taken * max_bytes / text.size());
    taken -= std::min<std::size_t>(taken, 32);
  }
}

}  // namespace casemate::tools
