// What code in Python says: its variables, ports and endpoints, and the fields of its settings.
// Stateless; as thread-safe as the tree.
#pragma once

#include "tools/analysis/code_scan.h"
#include "tools/analysis/languages/python_project.h"

namespace casemate::analysis {

CodeFacts ScanPython(const PythonProject& project);

}  // namespace casemate::analysis
