#include <algorithm>

#include "tools/containerize/recipes/recipes.h"

namespace casemate::containerize {

std::string ShellWord(const std::string& text) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./@%+=:,";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) {
    return text;
  }
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c == '\'' ? "'\\''" : std::string{c};
  }
  return quoted + "'";
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) {
      words.emplace_back(text.substr(at, end - at));
    }
    at = end + 1;
  }
  return words;
}

void CopyRest(Stage& build) {
  build.WorkDir(std::string(kRoot));
  build.Copy({"."}, "./", "All else, after the dependencies.");
}

Stage DebianRuntime(Recipe& recipe, std::vector<std::string> packages, const std::string& image) {
  Stage stage(image, "", "The program needs glibc and nothing of its toolchain.");
  UseInit(packages, recipe);
  stage.Packages(
      std::move(packages),
      "Libraries that it is linked with, and tini: a first process that passes signals on.");
  return stage;
}

void Serve(Recipe& recipe, const Project& project, Stage& stage, ProbeTool probe,
           const std::vector<std::pair<std::string, std::string>>& environment) {
  recipe.port = PortOf(project, recipe);
  std::vector<std::pair<std::string, std::string>> variables = environment;
  if (recipe.port.reads_port) {
    variables.emplace_back("PORT", recipe.port.number);
  }
  stage.Env(variables);
  recipe.probe = probe;
}

}  // namespace casemate::containerize
