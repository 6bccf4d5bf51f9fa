// The recipes of languages, a file each (recipe.h says what they make), and what several share.
// Stateless; as thread-safe as the tree.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/containerize/recipe.h"

namespace casemate::containerize {

Recipe NodeRecipe(const Project& project);
Recipe DenoRecipe(const Project& project);
Recipe PythonRecipe(const Project& project);
Recipe GoRecipe(const Project& project);
Recipe RustRecipe(const Project& project);
Recipe JvmRecipe(const Project& project);
Recipe DotnetRecipe(const Project& project);
Recipe PhpRecipe(const Project& project);
Recipe RubyRecipe(const Project& project);
Recipe ElixirRecipe(const Project& project);
Recipe NativeRecipe(const Project& project);
Recipe StaticSiteRecipe(const Project& project);
Recipe ShellRecipe(const Project& project);
Recipe DartRecipe(const Project& project);
Recipe SwiftRecipe(const Project& project);
Recipe HaskellRecipe(const Project& project);
Recipe ZigRecipe(const Project& project);
Recipe CrystalRecipe(const Project& project);
Recipe GleamRecipe(const Project& project);

// "node:20-bookworm" of the application's version, or of what is usual now.
std::string NodeImage(const Project& project, std::string_view requirement);
// Node and npm in a build stage of another language: `image` is where they are copied from.
void AddNode(Recipe& recipe, const Project& project, Stage& build);
bool IsJavaScriptCommand(std::string_view command);

// A word as a shell reads it back, in quotes where it needs them.
std::string ShellWord(const std::string& text);
// Words parted by blanks.
std::vector<std::string> Words(std::string_view text);
// Where a stage "build" begins: the context is in it, after the dependencies.
void CopyRest(Stage& build);

// The last stage of a site: nginx on port 8080 that hands out `directory` of the stage "build", or
// of the context when there is no such stage. Without such a file a page of its own routes answers.
void ServeFiles(Recipe& recipe, const Project& project, std::string_view directory);

// The last stage of a program that needs glibc and nothing else: Debian, or an image that has its
// runtime, with these packages and an init.
Stage DebianRuntime(Recipe& recipe, std::vector<std::string> packages,
                    const std::string& image = "debian:bookworm-slim");
// Sets what holds for each service: port, PORT, how it is probed.
void Serve(Recipe& recipe, const Project& project, Stage& stage, ProbeTool probe,
           const std::vector<std::pair<std::string, std::string>>& environment = {});

}  // namespace casemate::containerize
