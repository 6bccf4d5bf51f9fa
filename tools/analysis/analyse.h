// AnalyseProject: what a directory of source code consists of, how it is built and how it runs. It
// reads, and runs nothing. Bounded in time and memory whatever the directory holds. Stateless;
// thread-safe.
#pragma once

#include <stop_token>

#include "base/result.h"
#include "tools/analysis/project.h"
#include "tools/analysis/source_tree.h"

namespace casemate::analysis {

// `directory` is lent for the call. Errors: those of SourceTree::Scan.
Result<Analysis> AnalyseProject(int directory, const TreeLimits& limits,
                                const std::stop_token& stop);
// Of a tree that was walked. Errors: kCancelled.
Result<Analysis> AnalyseTree(const SourceTree& tree, const std::stop_token& stop);

}  // namespace casemate::analysis
