// What code in JavaScript and TypeScript says: its variables and ports, and the packages that it
// imports. Stateless; as thread-safe as the tree.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/source_tree.h"

namespace casemate::analysis {

const CodePatterns& NodeCode();
// Whether package managers and bundlers set a variable for themselves: "NODE_ENV".
bool IsSetByNodeTools(std::string_view name);
// What files below the directories import: "express", "@acme/data", "./server".
std::set<std::string, std::less<>> NodeImports(const SourceTree& tree,
                                               const std::string& directory);

}  // namespace casemate::analysis
