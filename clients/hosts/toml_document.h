// A TOML document as far as a splice must know it: where each header stands, and the entry.
// The only place that knows the TOML library, whose header is heavy. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "clients/hosts/splice.h"

namespace casemate::hosts {

struct TomlHeader {
  std::size_t line = 0;           // offset of the first byte of its line
  std::vector<std::string> keys;  // [a.b] and [[a.b]]: a, b
};

struct TomlDocument {
  std::vector<TomlHeader> headers;  // in the order of the text
  std::string others;               // canonical text of everything but the entry
  bool has_entry = false;
  std::size_t entry_begin = 0;  // offset of its table's header, brace or first key
  // Its value as JSON; nothing if it holds what JSON has no word for, such as a date.
  std::optional<std::string> entry_json;
};

// Errors: not TOML, or what stands on the way to the entry, or at its place, is no table.
Result<TomlDocument> ParseToml(std::string_view text, const KeyPath& path);

}  // namespace casemate::hosts
