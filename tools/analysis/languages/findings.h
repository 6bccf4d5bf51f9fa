// Short ways to say what several analysers say: findings by how sure they are, the beginning of an
// application, matches in a text, and the web assets that package.json builds beside an application
// of another language. Pure but for the notes of the tree; as thread-safe as the tree.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/analysis/finding.h"
#include "tools/analysis/project.h"
#include "tools/analysis/source_tree.h"

namespace casemate::analysis {

Finding Certain(std::string value, std::string file, std::string field = {});
Finding Likely(std::string value, std::string file = {}, std::string field = {});
Finding Guess(std::string value);

// An application in `directory` that stands alone, named by it; `marker` is the file that tells
// its language.
App BeginApp(const std::string& directory, std::string_view language, const std::string& marker);
// Its name, where a file states one.
void SetName(App& app, std::string_view name, const std::string& file, std::string_view field);

// Group 1 of every match of the RE2 `pattern`, each once, in order; and of the first, else "".
std::vector<std::string> AllMatches(std::string_view text, std::string_view pattern);
std::string FirstMatch(std::string_view text, std::string_view pattern);
// The text of a file, empty when there is none; without lines that begin with `comment`.
std::string TextOfFile(const SourceTree& tree, std::string_view path,
                       std::string_view comment = {});

bool DependsOn(const App& app, std::string_view name);
void AddDependency(App& app, std::string name, std::string version, const std::string& file);
void AddService(App& app, Finding service);
// A port of last resort: only when nothing else named one.
void GuessPort(App& app, std::string port);

// The install and build commands of the package.json in `directory`/`below`, when it has `script`;
// without a script only its install command.
void AddWebAssets(const SourceTree& tree, const std::string& directory, std::string_view below,
                  std::string_view script, App& app);

}  // namespace casemate::analysis
