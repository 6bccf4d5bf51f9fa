// Nx: applications that one package.json serves, each described by a project.json, or all of them
// by workspace.json. Stateless; as thread-safe as the tree.
#pragma once

#include <vector>

#include "tools/analysis/language.h"
#include "tools/analysis/languages/node_package.h"

namespace casemate::analysis {

// Applications and libraries below the root of an Nx workspace that have no package.json of their
// own; empty: it is none. Asks `root` for its package manager.
std::vector<Claimed> AnalyseNx(NodePackage& root);

}  // namespace casemate::analysis
