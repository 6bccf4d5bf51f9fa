// The documents of a project as parsers of their formats read them: nlohmann/json, toml++,
// yaml-cpp, pugixml. A document that is damaged is as if it were absent, and leaves a note that
// names the place. Stateless; as thread-safe as the tree.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "tools/analysis/source_tree.h"

namespace casemate::analysis {

// Comments and trailing commas are allowed in files whose tools allow them (`lenient`):
// tsconfig.json, deno.jsonc, package.json5. Duplicate keys: the last one counts, as it does for
// those tools. null: absent or damaged.
nlohmann::json ReadJsonFile(const SourceTree& tree, std::string_view path, bool lenient = false);
// Tables as objects; dates as strings. null: absent or damaged.
nlohmann::json ReadTomlFile(const SourceTree& tree, std::string_view path);
// Mappings as objects, with their merge keys (<<) merged; scalars as strings, just as they are
// written, for a version 3.10 is no number. Aliases are expanded as long as the whole stays small
// (attack: a billion laughs). Only the first document. null: absent or damaged.
nlohmann::json ReadYamlFile(const SourceTree& tree, std::string_view path);
// Elements as {"name": {…}} would lose order and repetition: [{"tag", "attributes": {}, "text",
// "children": […]}]; entities of a DTD are not expanded. null: absent or damaged.
nlohmann::json ReadXmlFile(const SourceTree& tree, std::string_view path);

// Walks members of objects; null when one is missing. Path: "tool.poetry.name", or keys one by one
// where they hold dots.
const nlohmann::json& At(const nlohmann::json& document, std::string_view path);
const nlohmann::json& At(const nlohmann::json& document, const std::vector<std::string>& keys);
// The text of a string, number or boolean; empty for all else.
std::string TextOf(const nlohmann::json& value);
// The text at a path; empty when there is none.
std::string TextAt(const nlohmann::json& document, std::string_view path);

// Of XML: the first child element with this tag, null if none; all of them; its text, trimmed.
const nlohmann::json& Child(const nlohmann::json& element, std::string_view tag);
std::vector<const nlohmann::json*> Children(const nlohmann::json& element, std::string_view tag);
std::string ChildText(const nlohmann::json& element, std::string_view tag);

}  // namespace casemate::analysis
