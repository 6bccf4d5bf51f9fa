// Frameworks of JavaScript: by which dependency each is known, what its build leaves, how it
// starts. Stateless; thread-safe.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "tools/analysis/languages/node_package.h"
#include "tools/analysis/project.h"

namespace casemate::analysis {

struct NodeFramework {
  std::string_view name;        // "next"
  std::string_view dependency;  // "next"; several by space: all of them
  // What it is without further configuration.
  AppKind kind = AppKind::kService;
  std::string_view output;  // what its build leaves
  std::string_view start;   // the command when no script says it; empty: it has none of its own
  std::string_view build;   // the command when no script says it
  std::string_view port;    // its default
  // What its configuration changes; null: nothing that we look at.
  void (*refine)(const NodePackage& package, App& app) = nullptr;
  bool is_bundler = false;  // makes files for browsers; a server beside it is the application
};

// The framework of a package; null: none that we know.
const NodeFramework* FindNodeFramework(const NodePackage& package);
const NodeFramework* NodeFrameworkNamed(std::string_view name);
// The server that code with these imports is built on; null: none.
const NodeFramework* FindNodeServer(const std::set<std::string, std::less<>>& imports);

}  // namespace casemate::analysis
