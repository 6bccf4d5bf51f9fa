#include "tools/containerize/ignore_file.h"

#include <algorithm>

#include "tools/analysis/names.h"

namespace casemate::containerize {

namespace {

// Whether a .gitignore of the context names the file: then it is one machine's own.
bool IsKeptFromGit(const Project& project, std::string_view name) {
  const std::string* text = project.tree().Read(project.InTree(".gitignore"));
  if (text == nullptr) {
    return false;
  }
  const std::vector<std::string> lines = analysis::SplitLines(*text);
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
    std::string_view pattern = analysis::Trim(line);
    pattern.remove_prefix(pattern.starts_with('/') ? 1 : 0);
    return pattern == name || pattern == ".env*" || (pattern == ".env.*" && name != ".env");
  });
}

// Files of settings that are meant to be shared and that the program or its build reads.
std::vector<std::string> SharedSettings(const Project& project) {
  const std::string framework = project.Framework();
  std::vector<std::string> files;
  if (framework == "symfony" && project.Has(".env") && !IsKeptFromGit(project, ".env")) {
    files.emplace_back(".env");
  }
  if (project.Has(".env.production") && !IsKeptFromGit(project, ".env.production")) {
    files.emplace_back(".env.production");
  }
  return files;
}

}  // namespace

std::string IgnoreFile(const Project& project, const Recipe& recipe) {
  std::string text =
      "# What a build does not need, and what must not get into an image.\n"
      "**/.git\n**/.gitignore\n**/.hg\n**/.svn\n**/.github\n**/.gitlab-ci.yml\n"
      "**/.DS_Store\n**/.idea\n**/.vscode\n**/*.swp\n"
      "**/Dockerfile\n**/Dockerfile.*\n**/.dockerignore\n**/docker-compose*.y*ml\n**/"
      "compose*.y*ml\n"
      "\n# Secrets and settings of one machine.\n"
      "**/.env\n**/.env.*\n!**/.env.example\n";
  for (const std::string& file : SharedSettings(project)) {
    text += "!" + file + "\n";
  }
  text += "**/.aws\n**/.ssh\n**/id_rsa*\n**/id_ed25519*\n**/*.pem\n**/*.key\n";
  if (!project.Named({"package.json"}).empty()) {
    text += "\n**/node_modules\n";
  }
  if (!recipe.ignored.empty()) {
    text += "\n# What is made again by the build.\n";
    std::vector<std::string> seen;
    for (const std::string& pattern : recipe.ignored) {
      if (std::find(seen.begin(), seen.end(), pattern) == seen.end()) {
        seen.push_back(pattern);
        text += pattern + "\n";
      }
    }
  }
  return text;
}

}  // namespace casemate::containerize
