// What one language's analyser is: it looks at one directory and says which applications, if any,
// begin there. Adding a language is one file in languages/ and one line in languages.cc. Stateless;
// thread-safe.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/analysis/project.h"
#include "tools/analysis/source_tree.h"

namespace casemate::analysis {

// How surely a directory is an application of this language, and not only one that uses it.
enum class Claim {
  kSource,     // files in the language, and nothing that says how they are built
  kManifest,   // a manifest of its package manager
  kRunnable,   // a manifest, and something to run
  kFramework,  // a framework that serves: nothing else in this directory is the application
};

struct Claimed {
  App app;
  Claim claim = Claim::kManifest;
  bool is_library = false;  // a part of others: nothing in it can be started
};

// What an analyser found in a directory.
struct LanguageFindings {
  std::vector<Claimed> apps;
  // Directories below that are parts of a workspace which begins here: "pnpm", "cargo", "go", …
  std::optional<Finding> monorepo;
};

struct Language {
  std::string_view name;  // "python"
  // Files of which one at least lies in each directory where an application may begin, by space:
  // "pyproject.toml", "*.csproj", "requirements*", "public/index.php". Other directories are not
  // asked about.
  std::string_view markers;
  // `directory` was walked by the tree, and holds a marker. Notes go to the tree.
  LanguageFindings (*analyse)(const SourceTree& tree, const std::string& directory);
};

// In the order in which they are asked; of equal claims the first wins.
std::span<const Language> Languages();

}  // namespace casemate::analysis
