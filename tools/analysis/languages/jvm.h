// What Maven, Gradle and the other build tools of the JVM have in common: a build as one of them
// describes it, and the application that follows from it. Stateless; as thread-safe as the tree.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/analysis/finding.h"
#include "tools/analysis/language.h"
#include "tools/analysis/project.h"
#include "tools/analysis/source_tree.h"

namespace casemate::analysis {

// One project of a build tool, as far as it can tell.
struct JvmBuild {
  std::string directory;
  std::string workspace;
  std::string file;  // "pom.xml", with its path
  std::string tool;  // "maven", "gradle", "sbt", "leiningen", "tools.deps"
  std::optional<Finding> tool_version;
  std::string name;
  std::string language = "java";
  std::vector<Dependency> dependencies;  // named "group:artifact"
  // Plugins, parents and bills of materials, "group:artifact": which server a war is meant for.
  std::vector<std::string> signs;
  std::vector<std::string> sources;  // directories of it, and of parts that it is built from
  Choice version;                    // of Java
  // "jar" (one that brings all), "war", "quarkus", "distribution" (bin/NAME), "classes".
  std::string packaging = "jar";
  std::string main_class;
  bool has_wrapper = false;
  bool can_run = false;  // the build makes something that can be started
  std::vector<Finding> install;
  std::vector<Finding> build;
  std::string output;
  std::string run;
  std::optional<Finding> lock_file;
};

// The application, or the library, that it describes.
Claimed DescribeJvm(const SourceTree& tree, JvmBuild build);
// Pins of Java beside the build: .java-version, .sdkmanrc, .tool-versions, system.properties.
void AddJavaPins(const SourceTree& tree, const std::string& directory, Choice& choice);
// "8" of "1.8", "17" of "VERSION_17"; empty: no number.
std::string JavaRelease(std::string_view text);
// The class with a main method below `directory`/src/main; empty: none, or not only one.
std::string FindMainClass(const SourceTree& tree, const std::string& directory);
bool HasDependency(const JvmBuild& build, std::string_view prefix);
// "../" as often as it takes from `directory` up to `workspace`.
std::string UpTo(std::string_view directory, std::string_view workspace);

LanguageFindings AnalyseMaven(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseGradle(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseSbt(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseClojure(const SourceTree& tree, const std::string& directory);

}  // namespace casemate::analysis
