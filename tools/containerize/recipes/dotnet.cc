#include <algorithm>

#include "tools/analysis/names.h"
#include "tools/containerize/recipes/recipes.h"
#include "tools/containerize/versions.h"

namespace casemate::containerize {

namespace {

std::string WithoutNoRestore(std::string command) {
  if (const std::size_t at = command.find(" --no-restore"); at != std::string::npos) {
    command.erase(at, std::string_view(" --no-restore").size());
  }
  return command;
}

const std::vector<std::string>& Caches() {
  static const std::vector<std::string> kDirectories = {"/root/.nuget/packages"};
  return kDirectories;
}

void Restore(Stage& build, const Project& project) {
  std::vector<std::string> top;
  std::vector<std::string> below;
  for (const std::string& file : project.Named(
           {"*.csproj", "*.fsproj", "*.vbproj", "*.sln", "*.slnx", "global.json", "nuget.config",
            "NuGet.config", "NuGet.Config", "packages.lock.json", "Directory.Build.props",
            "Directory.Build.targets", "Directory.Packages.props"})) {
    (analysis::ParentOf(file).empty() ? top : below).push_back(file);
  }
  constexpr std::size_t kMaxManifests = 60;  // each is a layer
  if (project.app().install.empty() || below.size() > kMaxManifests) {
    return;
  }
  build.Copy(top, "./",
             "What names the packages, and nothing that changes more often: the next step "
             "runs again only when they change.");
  for (const std::string& file : below) {
    build.Copy({file}, std::string(analysis::ParentOf(file)) + "/");
  }
  // The analysis names the project from the directory that restores it.
  for (const analysis::Finding& command : project.app().install) {
    build.Run(command.value, "The cache keeps packages between builds and out of the image.",
              Caches());
  }
}

}  // namespace

Recipe DotnetRecipe(const Project& project) {
  const analysis::App& app = project.app();
  Recipe recipe;
  IgnoreBeside(project.Named({"*.csproj", "*.fsproj", "*.vbproj"}), {"bin", "obj", "out"}, recipe);
  const std::string numbers = NumbersOf(project.Version(), 2);
  const std::string version = numbers.empty() ? "8.0" : numbers;
  const std::string registry = "mcr.microsoft.com/dotnet/";
  Stage build(registry + "sdk:" + version, "build",
              project.VersionSource("a long-term release") + ".");
  build.Packages(project.BuildPackages(), "What compiling to machine code needs.");
  if (project.NeedsJavaScript()) {
    AddNode(recipe, project, build);
  }
  build.WorkDir(std::string(kRoot));
  Restore(build, project);
  CopyRest(build);
  build.WorkDir(project.WorkDir());
  for (const analysis::Finding& command : app.build) {
    // It restores again, from the cache: a cache may have been emptied since the step before.
    build.Run(WithoutNoRestore(command.value), {}, Caches());
  }
  recipe.stages.push_back(std::move(build));
  if (app.kind == analysis::AppKind::kStaticSite) {
    ServeFiles(recipe, project, app.output ? app.output->value : "out/wwwroot");
    return recipe;
  }
  const bool is_web = app.kind == analysis::AppKind::kService;
  const bool is_native = project.Trait("dotnet.self_contained") == "1" ||
                         (app.run && !app.run->value.starts_with("dotnet "));
  const std::string runtime = is_native ? "runtime-deps:" : is_web ? "aspnet:" : "runtime:";
  Stage last(registry + runtime + version, "", "The runtime without the SDK.");
  std::vector<std::string> packages = project.RuntimePackages();
  last.Packages(packages, "Libraries that it loads.");
  last.WorkDir(project.WorkDir());
  std::vector<std::pair<std::string, std::string>> variables = {{"DOTNET_EnableDiagnostics", "0"}};
  Serve(recipe, project, last, is_web ? ProbeTool::kBash : ProbeTool::kNone, variables);
  if (is_web) {
    if (recipe.port.number.empty() || NumbersOf(recipe.port.number).size() < 4) {
      recipe.port = {"8080", false};
      recipe.notes.clear();
    }
    last.Env({{"ASPNETCORE_URLS", "http://+:" + recipe.port.number}},
             "A user who is not root may not listen on port 80 everywhere.");
  }
  CopyOutput(last, project, app.output ? app.output->value : "out", "What was published.");
  recipe.command = app.run ? app.run->value : "";
  recipe.stages.push_back(std::move(last));
  return recipe;
}

}  // namespace casemate::containerize
