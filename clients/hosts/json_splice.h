// The JSON half of splice.h, which says what these do.
//
// Spaces carry what WithoutEntry must know to give the old bytes back. A container that was there,
// but empty, gets its member right after the brace, `{"casemate": …}`; one that was made has a
// space or a line break there. A blank file's document ends in two line breaks, a new file's in
// one.
#pragma once

#include "clients/hosts/splice.h"

namespace casemate::hosts {

Result<std::optional<Entry>> FindInJson(std::string_view text, const KeyPath& path);
Result<std::string> WithJsonEntry(std::optional<std::string_view> text, const KeyPath& path,
                                  const nlohmann::ordered_json& value);
Result<std::optional<std::string>> WithoutJsonEntry(std::string_view text, const KeyPath& path);

}  // namespace casemate::hosts
