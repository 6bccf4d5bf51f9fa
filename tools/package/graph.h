// In which order the applications of a manifest are built and started. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "tools/package/manifest.h"

namespace casemate::package {

// Names, each after all that it depends on, otherwise in the order of the manifest: what
// packaging.build_order says, if that fits. Errors: kInvalidArgument names the member; a cycle is
// shown ("api → core → api").
Result<std::vector<std::string>> BuildOrder(const Manifest& manifest);

// The applications and containers as a graph in the language of Graphviz, and as text: a line for
// each application, in the order of BuildOrder.
std::string GraphDot(const Manifest& manifest);
Result<std::string> GraphText(const Manifest& manifest);

}  // namespace casemate::package
