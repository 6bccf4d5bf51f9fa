// JSON as editors keep it: with // and /* */ comments, trailing commas and a byte order mark.
// Parsed into a tree of positions, so that a text can be changed in one place and stay what it was
// in all others. Pure; thread-safe. Nodes hold offsets into the text that they were parsed from.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace casemate::hosts {

struct JsonMember;

struct JsonNode {
  enum class Kind { kNothing, kObject, kArray, kScalar };
  Kind kind = Kind::kNothing;       // kNothing: a document of spaces and comments only
  std::size_t begin = 0;            // of the first byte
  std::size_t end = 0;              // past the last byte
  std::vector<JsonMember> members;  // of an object or, without keys, of an array
};

struct JsonMember {
  static constexpr std::size_t kNoComma = std::string_view::npos;
  std::string key;            // decoded
  std::size_t key_begin = 0;  // of its opening quote; in an array, of the value
  JsonNode value;
  std::size_t comma = kNoComma;  // offset of the comma after the value
  [[nodiscard]] bool has_comma() const { return comma != kNoComma; }
};

inline constexpr int kMaxJsonDepth = 128;

// Errors: kInvalidArgument with the position as field.
Result<JsonNode> ParseJsonc(std::string_view text);

// Past the spaces and finished comments that begin at `offset`.
std::size_t SkipTrivia(std::string_view text, std::size_t offset);

// The value that a node stands for. Of members with the same key the last one counts.
nlohmann::ordered_json ValueOf(std::string_view text, const JsonNode& node);

}  // namespace casemate::hosts
