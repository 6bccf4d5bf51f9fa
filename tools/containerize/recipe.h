// What a language's recipe is: from the analysis of an application it makes the stages that build
// it, and says how the last of them starts it. Adding a language is one file in recipes/ and one
// line in recipes.cc. Stateless; as thread-safe as the tree.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/analysis/project.h"
#include "tools/analysis/source_tree.h"
#include "tools/containerize/probe.h"
#include "tools/containerize/stage.h"

namespace casemate::containerize {

// Who the application runs as: a number, so that orchestrators can see that it is not root.
constexpr std::string_view kUser = "10001:10001";
// The directory of the context in every stage: paths that builds bake in stay true.
constexpr std::string_view kRoot = "/app";

// The application, seen from the directory that is the context of its build: its workspace.
class Project {
 public:
  // All are borrowed.
  Project(const analysis::SourceTree& tree, const analysis::App& app) : tree_(tree), app_(app) {}

  [[nodiscard]] const analysis::SourceTree& tree() const { return tree_; }
  [[nodiscard]] const analysis::App& app() const { return app_; }

  // Whether the context holds a file or a directory.
  [[nodiscard]] bool Has(std::string_view path) const;
  [[nodiscard]] bool HasDirectory(std::string_view path) const;
  // The path from the root of the tree.
  [[nodiscard]] std::string InTree(std::string_view path) const;
  // Those of these files and directories (with a slash at the end) that the context holds.
  [[nodiscard]] std::vector<std::string> Present(
      std::initializer_list<std::string_view> paths) const;
  // Files of the context, in every directory, with one of these names ("*.csproj" for an ending).
  [[nodiscard]] std::vector<std::string> Named(std::initializer_list<std::string_view> names) const;
  // The application's directory in the context; empty: the context itself.
  [[nodiscard]] std::string Directory() const;
  // "/app", "/app/services/api": where the application lies in every stage.
  [[nodiscard]] std::string WorkDir() const;
  // A path as the application's directory sees it, from the context: "../../target/api" of
  // services/api is "target/api".
  [[nodiscard]] std::string FromDirectory(std::string_view path) const;

  [[nodiscard]] std::string Trait(std::string_view name) const;  // empty: none
  [[nodiscard]] bool HasDependency(std::string_view name) const;
  [[nodiscard]] bool NeedsJavaScript() const;  // beside its own language
  [[nodiscard]] std::vector<std::string> RuntimePackages() const;
  [[nodiscard]] std::vector<std::string> BuildPackages() const;
  [[nodiscard]] std::string Framework() const;       // empty: none
  [[nodiscard]] std::string PackageManager() const;  // empty: none
  // The requirement of the runtime's version; empty: none.
  [[nodiscard]] std::string Version() const;
  // For the reason why an image was chosen: "package.json asks for 20.x".
  [[nodiscard]] std::string VersionSource(std::string_view standby) const;

 private:
  const analysis::SourceTree& tree_;
  const analysis::App& app_;
};

// What an application listens on in its container.
struct Port {
  std::string number;       // empty: on none
  bool reads_port = false;  // from the variable PORT, which the image then sets
};

struct Recipe {
  std::vector<Stage> stages;  // the last is what runs
  Port port;
  ProbeTool probe = ProbeTool::kNone;
  bool probes_path = true;  // asks the health endpoint if there is one; else only for connections
  int retries = 3;          // of the probe, 30 seconds apart, before it counts as unhealthy
  std::string command;      // of the shell; empty: `entrypoint` says all
  std::vector<std::string> entrypoint;  // before the command: an init
  std::vector<std::string> arguments;   // of the entrypoint, when there is no command
  std::string stop_signal;              // empty: SIGTERM
  std::string user = std::string(kUser);
  std::vector<std::string> ignored;  // for .dockerignore, beyond what never belongs into an image
  std::vector<std::string> notes;    // what a person should know, in one sentence each
  std::string problem;               // why there is no Dockerfile for it; empty: there is
};

// The port that the analysis found. Below 1024 a user cannot listen everywhere: an application that
// reads PORT gets 8080 instead, which `recipe` notes.
Port PortOf(const Project& project, Recipe& recipe);

// Directories of these names beside each manifest, where builds of its tool put what they make. Not
// everywhere: sources may lie in a directory of such a name.
void IgnoreBeside(const std::vector<std::string>& manifests,
                  std::initializer_list<std::string_view> names, Recipe& recipe);

// An init as the first process: for programs that the kernel would shield from SIGTERM as such,
// because they do not handle it. tini is a package of Debian.
void UseInit(std::vector<std::string>& packages, Recipe& recipe);

// The commands of the analysis in the directory they are meant for, each a RUN.
void RunAll(Stage& stage, const Project& project, const std::vector<analysis::Finding>& commands,
            std::string_view why, const std::vector<std::string>& caches);

// Copies a file or directory of the application's output from the build stage to where it was.
void CopyOutput(Stage& stage, const Project& project, std::string_view output,
                std::string_view why);

struct LanguageRecipe {
  std::string_view languages;  // names of the analysis, by blanks
  Recipe (*make)(const Project&);
};
std::span<const LanguageRecipe> Recipes();
// nullptr: there is none for the application's language.
const LanguageRecipe* RecipeOf(const analysis::App& app);

}  // namespace casemate::containerize
