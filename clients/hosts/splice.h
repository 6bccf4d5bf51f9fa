// One entry in a configuration file of somebody else's: found, set or taken out by changing the
// text in that place only, so that comments, order, spelling and line endings stay byte for byte.
// What cannot be read, or is not what the path says, is refused. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace casemate::hosts {

enum class Format { kJson, kToml };

// The keys from the root to the entry, e.g. {"mcpServers", "casemate"}; never empty.
using KeyPath = std::vector<std::string>;

struct Entry {
  std::string json;      // its value
  std::string position;  // "LINE:COLUMN"
};

// Longer entries are nobody's description of a server.
inline constexpr std::size_t kMaxEntryBytes = std::size_t{64} << 10;

// Errors of all: kInvalidArgument; the field is "LINE:COLUMN".
Result<std::optional<Entry>> FindEntry(Format format, std::string_view text, const KeyPath& path);

// The text with the entry; the same bytes if it holds that value already. `text` is nothing if
// there is no file yet.
Result<std::string> WithEntry(Format format, std::optional<std::string_view> text,
                              const KeyPath& path, const nlohmann::ordered_json& value);

// The text without the entry: what it was before WithEntry, if nobody changed it since. Containers
// that WithEntry made go too. Nothing: nothing else was there. An entry that is not there changes
// nothing.
Result<std::optional<std::string>> WithoutEntry(Format format, std::string_view text,
                                                const KeyPath& path);

}  // namespace casemate::hosts
