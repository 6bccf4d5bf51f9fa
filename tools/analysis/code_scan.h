// What the code itself says: the variables of the environment that it reads, the ports that it
// listens on, the endpoint that tells its health. By patterns of its language, over a bounded
// number of its files, those nearest to the top first; lines that are comments do not count.
// Stateless; as thread-safe as the tree.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/analysis/project.h"
#include "tools/analysis/source_tree.h"

namespace casemate::analysis {

// A way to read a variable. Group 1 of `regex` (RE2) is its name, group 2, if there is one and it
// took part, its default.
struct EnvironmentPattern {
  std::string_view regex;
  bool fails_without = false;  // the program cannot go on without it, unless there is a default
};

// The initialisers let g++ 12 accept designated initialisers that name only some members.
// NOLINTBEGIN(readability-redundant-member-init)
struct CodePatterns {
  std::vector<std::string_view> suffixes;  // of the files that are read: ".py"
  std::vector<EnvironmentPattern> environment;
  std::vector<std::string_view> ports;              // group 1: the port, decimal
  std::vector<std::string_view> comments = {"//"};  // what a comment's line begins with
  // Group 1: names of variables, with commas, as JavaScript takes them out of an object:
  // "A, B: own, C = 'x'".
  std::vector<std::string_view> environment_lists = {};
  // Group 1: the name of what is listened on. The number that the same file gives it is the port.
  std::vector<std::string_view> port_names = {};
};
// NOLINTEND(readability-redundant-member-init)

struct CodeFacts {
  std::vector<EnvironmentVariable>
      environment;             // by name; what every process has (PATH, HOME) left out
  std::vector<Finding> ports;  // in the order in which they were found, each once
  std::optional<Finding> health;
};

// `skip`: directories below `directory` that are applications of their own.
CodeFacts ScanCode(const SourceTree& tree, const std::string& directory,
                   const CodePatterns& patterns, std::span<const std::string> skip = {});
// The same of these files and no others, in their order, whatever they are called.
CodeFacts ScanFiles(const SourceTree& tree, std::span<const std::string> files,
                    const CodePatterns& patterns);

// Whether a path lies among tests, examples, fixtures or documentation: "src/__tests__/a.js".
bool IsBesideTheProject(std::string_view path);

// Whether databases, caches or brokers commonly listen there ("5432"): a port that a program names
// is then rather one that it connects to.
bool IsPortOfAnotherService(std::string_view port);

// Adds the variables that `.env.example` and its like in `directory` name, but for those of
// `others`. Values there are examples, not defaults, and may be somebody's secrets: they are not
// kept.
void AddExampleEnvironment(const SourceTree& tree, const std::string& directory, App& app,
                           const std::set<std::string>& others = {});
// Puts facts into an application; what it says already stays.
void AddCodeFacts(CodeFacts facts, App& app);

}  // namespace casemate::analysis
