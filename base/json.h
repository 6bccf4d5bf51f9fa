// Strict, bounded JSON (RFC 8259) on top of nlohmann/json: duplicate keys, excess depth, trailing
// bytes and invalid UTF-8 are errors. Pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace casemate {

struct JsonLimits {
  std::size_t max_bytes = std::size_t{16} << 20;
  int max_depth = 64;  // nested arrays and objects
};

// Errors: kInvalidArgument, with the byte offset and the reason in `message`.
Result<nlohmann::json> ParseJson(std::string_view text, const JsonLimits& limits = {});

// Compact dump with sorted keys; bytes that are not UTF-8 become U+FFFD, so this never throws.
std::string DumpJson(const nlohmann::json& value);

}  // namespace casemate
