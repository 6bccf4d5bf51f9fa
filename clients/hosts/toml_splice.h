// The TOML half of splice.h, which says what these do. An entry is a table of its own with a
// header,
// `[mcp_servers.casemate]`; one that is written inline or with dotted keys is found, but not
// changed.
//
// A new entry goes to the end, after one empty line; a file that does not end in a line break does
// not after it either. So WithoutTomlEntry knows what to take out.
#pragma once

#include "clients/hosts/splice.h"

namespace casemate::hosts {

Result<std::optional<Entry>> FindInToml(std::string_view text, const KeyPath& path);
Result<std::string> WithTomlEntry(std::optional<std::string_view> text, const KeyPath& path,
                                  const nlohmann::ordered_json& value);
Result<std::optional<std::string>> WithoutTomlEntry(std::string_view text, const KeyPath& path);

}  // namespace casemate::hosts
