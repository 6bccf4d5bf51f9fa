#include "sandbox/container/build/wire_reader.h"

#include <string>

namespace casemate::container {

namespace {

constexpr int kMaxVarintBytes = 10;
constexpr std::uint64_t kMaxFieldNumber = (std::uint64_t{1} << 29) - 1;

std::uint64_t LittleEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8U | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

}  // namespace

Error WireReader::Wrong(std::string_view what) const {
  return InvalidArgument("",
                         std::string(what) + " at byte " + std::to_string(size_ - rest_.size()));
}

Result<std::uint64_t> WireReader::TakeVarint() {
  std::uint64_t value = 0;
  for (int i = 0; i < kMaxVarintBytes; ++i) {
    if (rest_.empty()) {
      return Wrong("a number is cut off");
    }
    const auto byte = static_cast<unsigned char>(rest_.front());
    // The tenth byte has room for one bit.
    if (i == kMaxVarintBytes - 1 && byte > 1) {
      break;
    }
    rest_.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << (7U * static_cast<unsigned>(i));
    if (byte < 0x80) {
      return value;
    }
  }
  return Wrong("a number does not fit into 64 bits");
}

Result<std::string_view> WireReader::TakeBytes(std::uint64_t count) {
  if (count > rest_.size()) {
    return Wrong("a field of " + std::to_string(count) + " bytes goes beyond the end");
  }
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

Result<std::optional<WireField>> WireReader::Next() {
  if (rest_.empty()) {
    return std::optional<WireField>();
  }
  const auto tag = TakeVarint();
  if (!tag) {
    return tag.error();
  }
  const std::uint64_t number = *tag >> 3U;
  if (number == 0 || number > kMaxFieldNumber) {
    return Wrong("a field has the number " + std::to_string(number));
  }
  WireField field;
  field.number = static_cast<std::uint32_t>(number);
  const std::uint64_t type = *tag & 7U;
  if (type == 0) {
    const auto value = TakeVarint();
    if (!value) {
      return value.error();
    }
    field.value = *value;
    return std::optional(field);
  }
  if (type != 1 && type != 2 && type != 5) {
    return Wrong("a field has the wire type " + std::to_string(type));
  }
  Result<std::uint64_t> length = std::uint64_t{type == 1 ? 8U : 4U};
  if (type == 2) {
    length = TakeVarint();
  }
  if (!length) {
    return length.error();
  }
  const auto bytes = TakeBytes(*length);
  if (!bytes) {
    return bytes.error();
  }
  if (type == 2) {
    field.bytes = *bytes;
  } else {
    field.value = LittleEndian(*bytes);
  }
  return std::optional(field);
}

}  // namespace casemate::container
