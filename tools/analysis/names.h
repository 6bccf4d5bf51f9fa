// Names that several languages' analysers make and read alike. Pure; thread-safe.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/analysis/finding.h"
#include "tools/analysis/source_tree.h"

namespace casemate::analysis {

// A name that images and services may have, [a-z0-9][a-z0-9._-]*: of `wanted` ("@acme/Web App"
// gives "web-app"), or if nothing of it is left, of the directory, or "app".
std::string PlainName(std::string_view wanted, std::string_view directory);
// The first line of a file, trimmed; empty when there is none. For .node-version and its like.
std::string FirstLine(const SourceTree& tree, std::string_view path);
// Whether a text may be a version or a range of them: "20.x", ">=3.8,<4", "lts/iron", "^1 || ^2".
bool IsVersion(std::string_view text);
// The version of `tool` in `.tool-versions` (asdf) or `mise.toml`, looked for in `directory` and
// then upwards to the root.
std::optional<Candidate> ToolVersion(const SourceTree& tree, std::string_view directory,
                                     std::initializer_list<std::string_view> tools);
// The nearest directory at or above `directory` that holds the file; nullopt: none does.
std::optional<std::string> FindUpwards(const SourceTree& tree, std::string_view directory,
                                       std::string_view file);
// `path` as it is meant from `directory`, without "." and ".."; nullopt: it leads out of the
// project.
std::optional<std::string> ResolvePath(std::string_view directory, std::string_view path);
std::string_view Trim(std::string_view text);
std::vector<std::string> SplitLines(std::string_view text);
std::string Lower(std::string_view text);

}  // namespace casemate::analysis
