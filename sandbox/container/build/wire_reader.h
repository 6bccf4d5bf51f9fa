// WireReader: the fields of one message in the protobuf wire format
// (https://protobuf.dev/programming-guides/encoding/), in their order. Strict: what is cut off, a
// length beyond the end, a group, field 0 and a number of more than ten bytes are errors. Reads in
// place; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace casemate::container {

struct WireField {
  std::uint32_t number = 0;
  std::optional<std::uint64_t> value;     // of a varint or a fixed number
  std::optional<std::string_view> bytes;  // of anything that has a length; into the message
};

class WireReader {
 public:
  explicit WireReader(std::string_view message) : rest_(message), size_(message.size()) {}
  // nullopt: the message is over. Errors: kInvalidArgument, with the offset.
  Result<std::optional<WireField>> Next();

 private:
  Result<std::uint64_t> TakeVarint();
  Result<std::string_view> TakeBytes(std::uint64_t count);
  [[nodiscard]] Error Wrong(std::string_view what) const;

  std::string_view rest_;
  std::size_t size_;
};

}  // namespace casemate::container
