#include "clients/hosts/splice.h"

#include <nlohmann/json.hpp>

#include "clients/hosts/json_splice.h"
#include "clients/hosts/toml_splice.h"

namespace casemate::hosts {

Result<std::optional<Entry>> FindEntry(Format format, std::string_view text, const KeyPath& path) {
  return format == Format::kJson ? FindInJson(text, path) : FindInToml(text, path);
}

Result<std::string> WithEntry(Format format, std::optional<std::string_view> text,
                              const KeyPath& path, const nlohmann::ordered_json& value) {
  return format == Format::kJson ? WithJsonEntry(text, path, value)
                                 : WithTomlEntry(text, path, value);
}

Result<std::optional<std::string>> WithoutEntry(Format format, std::string_view text,
                                                const KeyPath& path) {
  return format == Format::kJson ? WithoutJsonEntry(text, path) : WithoutTomlEntry(text, path);
}

}  // namespace casemate::hosts
