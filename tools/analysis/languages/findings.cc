#include "tools/analysis/languages/findings.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/analysis/documents.h"
#include "tools/analysis/names.h"

namespace casemate::analysis {

namespace {

constexpr std::size_t kMaxMatches = 1000;

struct NodeCommands {
  std::string_view lock_file;
  std::string_view install;
  std::string_view run;
};
constexpr NodeCommands kNodeCommands[] = {
    {"pnpm-lock.yaml", "pnpm install --frozen-lockfile", "pnpm run "},
    {"bun.lock", "bun install --frozen-lockfile", "bun run "},
    {"bun.lockb", "bun install --frozen-lockfile", "bun run "},
    {"yarn.lock", "yarn install --frozen-lockfile", "yarn run "},
    {"package-lock.json", "npm ci", "npm run "},
};

}  // namespace

Finding Certain(std::string value, std::string file, std::string field) {
  return Finding(std::move(value), {std::move(file), std::move(field)}, Confidence::kCertain);
}

Finding Likely(std::string value, std::string file, std::string field) {
  return Finding(std::move(value), {std::move(file), std::move(field)}, Confidence::kLikely);
}

Finding Guess(std::string value) {
  return Finding(std::move(value), {}, Confidence::kGuess);
}

App BeginApp(const std::string& directory, std::string_view language, const std::string& marker) {
  App app;
  app.directory = directory;
  app.workspace = directory;
  app.name = Likely(PlainName("", directory));
  app.language = Certain(std::string(language), marker);
  return app;
}

void SetName(App& app, std::string_view name, const std::string& file, std::string_view field) {
  if (!name.empty()) {
    app.name = Certain(PlainName(name, app.directory), file, std::string(field));
  }
}

std::vector<std::string> AllMatches(std::string_view text, std::string_view pattern) {
  const RE2 regex(pattern);
  re2::StringPiece rest(text.data(), text.size());
  std::vector<std::string> found;
  std::string match;
  while (found.size() < kMaxMatches && RE2::FindAndConsume(&rest, regex, &match)) {
    if (!match.empty() && std::find(found.begin(), found.end(), match) == found.end()) {
      found.push_back(match);
    }
  }
  return found;
}

std::string FirstMatch(std::string_view text, std::string_view pattern) {
  std::string match;
  RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), RE2(pattern), &match);
  return match;
}

std::string TextOfFile(const SourceTree& tree, std::string_view path, std::string_view comment) {
  const std::string* text = tree.Read(path);
  if (text == nullptr || comment.empty()) {
    return text == nullptr ? std::string() : *text;
  }
  std::string code;
  for (const std::string& line : SplitLines(*text)) {
    if (!Trim(line).starts_with(comment)) {
      code += line;
      code += '\n';
    }
  }
  return code;
}

bool DependsOn(const App& app, std::string_view name) {
  return std::any_of(app.dependencies.begin(), app.dependencies.end(),
                     [&](const Dependency& dependency) { return dependency.name == name; });
}

void AddDependency(App& app, std::string name, std::string version, const std::string& file) {
  if (!name.empty() && !DependsOn(app, name)) {
    std::string field = name;
    app.dependencies.push_back({std::move(name), std::move(version), {file, std::move(field)}});
  }
}

void AddService(App& app, Finding service) {
  if (std::none_of(app.services.begin(), app.services.end(),
                   [&](const Finding& other) { return other.value == service.value; })) {
    app.services.push_back(std::move(service));
  }
}

void GuessPort(App& app, std::string port) {
  if (app.ports.empty()) {
    app.ports.push_back(Guess(std::move(port)));
  }
}

void AddWebAssets(const SourceTree& tree, const std::string& directory, std::string_view below,
                  std::string_view script, App& app) {
  const std::string place = JoinPath(directory, below);
  const std::string path = JoinPath(place, "package.json");
  if (!tree.Has(path) ||
      (!script.empty() &&
       At(ReadJsonFile(tree, path), {"scripts", std::string(script)}).is_null())) {
    return;
  }
  NodeCommands commands{"", "npm install", "npm run "};
  for (const NodeCommands& other : kNodeCommands) {
    if (tree.Has(JoinPath(place, other.lock_file))) {
      commands = other;
      break;
    }
  }
  std::string install(commands.install);
  if (commands.lock_file == "yarn.lock" && tree.Has(JoinPath(place, ".yarnrc.yml"))) {
    install = "yarn install --immutable";
  }
  const std::string enter = below.empty() ? "" : "cd " + std::string(below) + " && ";
  app.install.push_back(
      Likely(enter + install, path, commands.lock_file.empty() ? "dependencies" : ""));
  if (!script.empty()) {
    app.build.push_back(Likely(enter + std::string(commands.run) + std::string(script), path,
                               "scripts." + std::string(script)));
  }
  app.also.push_back(Likely("javascript", path));
}

}  // namespace casemate::analysis
