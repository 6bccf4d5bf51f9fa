#include <algorithm>

#include "tools/analysis/names.h"
#include "tools/containerize/recipes/recipes.h"
#include "tools/containerize/versions.h"

namespace casemate::containerize {

using analysis::JoinPath;

namespace {

std::string ElixirImage(const Project& project) {
  const std::string version = NumbersOf(project.Version(), 2);
  if (version.find('.') == std::string::npos) {
    return "elixir:1.17-slim";
  }
  // Images of older ones are on releases of Debian whose packages are gone.
  return "elixir:" + (CompareVersions(version, "1.14") < 0 ? "1.14" : version) + "-slim";
}

}  // namespace

// Elixir: a release, which brings its own runtime.
Recipe ElixirRecipe(const Project& project) {
  const analysis::App& app = project.app();
  Recipe recipe;
  recipe.ignored = {"_build", "deps", "**/node_modules", ".elixir_ls"};
  Stage build(ElixirImage(project), "build", project.VersionSource("a current release") + ".");
  std::vector<std::string> packages = project.BuildPackages();
  packages.insert(packages.end(), {"build-essential", "ca-certificates", "git"});
  build.Packages(packages, "For dependencies that are compiled or come from Git.");
  if (project.NeedsJavaScript()) {
    AddNode(recipe, project, build);
  }
  build.WorkDir(std::string(kRoot));
  build.Env({{"MIX_ENV", "prod"}, {"LANG", "C.UTF-8"}});
  build.Run("mix local.hex --force && mix local.rebar --force", "The package manager.");
  build.Copy(
      project.Present({"mix.exs", "mix.lock"}), "./",
      "What names the dependencies, and nothing that changes more often: the next step runs again "
      "only when they change.");
  for (const std::string& file : project.Named({"mix.exs"})) {
    if (const std::string directory(analysis::ParentOf(file)); !directory.empty()) {
      build.Copy({file}, directory + "/");
    }
  }
  if (project.HasDirectory("config")) {
    build.Copy({"config"}, "config/");
  }
  std::vector<analysis::Finding> install = app.install;
  std::erase_if(install, [](const analysis::Finding& command) {
    return command.value.find("local.hex") != std::string::npos ||
           command.value.find("local.rebar") != std::string::npos;
  });
  // Of the web assets, which lie in a directory of their own.
  for (const std::string& manifest :
       project.Named({"package.json", "package-lock.json", "yarn.lock"})) {
    if (const std::string directory(analysis::ParentOf(manifest)); !directory.empty()) {
      build.Copy({manifest}, directory + "/");
    }
  }
  RunAll(build, project, install, "The cache keeps downloads between builds.",
         {"/root/.cache/rebar3"});
  CopyRest(build);
  RunAll(build, project, app.build, {}, {});
  recipe.stages.push_back(std::move(build));

  const bool is_script = project.Trait("elixir.escript") == "true";
  Stage last(ElixirImage(project), "",
             is_script ? "A script of Elixir runs in the virtual machine of its image."
                       : "The release brings its virtual machine, which is linked with the "
                         "libraries of the image that built it.");
  std::vector<std::string> packages_to_run = project.RuntimePackages();
  packages_to_run.emplace_back("ca-certificates");
  UseInit(packages_to_run, recipe);
  last.Packages(std::move(packages_to_run),
                "tini is the first process and passes signals on; libraries that it loads.");
  last.WorkDir(project.WorkDir());
  Serve(recipe, project, last, ProbeTool::kBash,
        {{"LANG", "C.UTF-8"}, {"HOME", "/tmp"}, {"MIX_ENV", "prod"}});
  const bool is_phoenix = project.Framework() == "phoenix";
  if (is_phoenix) {
    last.Env({{"PHX_SERVER", "true"}}, "A release of Phoenix serves only when it is told to.");
  }
  if (app.output) {
    CopyOutput(last, project, app.output->value,
               is_script ? "The program." : "The release, with its runtime.");
    last.Run("chown -R " + std::string(kUser) + " " +
                 JoinPath(kRoot, project.FromDirectory(app.output->value)),
             "A release writes into its own directory when it starts.");
  }
  recipe.command = app.run ? app.run->value : "";
  recipe.stages.push_back(std::move(last));
  return recipe;
}

Recipe GleamRecipe(const Project& project) {
  const analysis::App& app = project.app();
  Recipe recipe;
  recipe.ignored = {"build"};
  const std::string stated = NumbersOf(project.Version());
  const std::string version = std::count(stated.begin(), stated.end(), '.') == 2 ? stated : "1.6.3";
  const bool is_javascript = project.Trait("gleam.target") == "javascript";
  const std::string image =
      "ghcr.io/gleam-lang/gleam:v" + version + (is_javascript ? "-node-slim" : "-erlang-slim");
  Stage build(image, "build", project.VersionSource("a current release") + ".");
  build.WorkDir(std::string(kRoot));
  build.Copy(project.Present({"gleam.toml", "manifest.toml"}), "./",
             "What names the packages: the next step runs again only when they change.");
  for (const analysis::Finding& command : app.install) {
    build.Run(command.value, "The cache keeps downloads between builds.", {"/root/.cache/gleam"});
  }
  CopyRest(build);
  RunAll(build, project, app.build, {}, {});
  recipe.stages.push_back(std::move(build));
  Stage last(image, "", "The virtual machine that it runs in is in the same image.");
  std::vector<std::string> packages;
  UseInit(packages, recipe);
  last.Packages(packages, "tini is the first process and passes signals on.");
  last.WorkDir(project.WorkDir());
  Serve(recipe, project, last, is_javascript ? ProbeTool::kNode : ProbeTool::kBash);
  CopyOutput(last, project, app.output ? app.output->value : "build/erlang-shipment",
             "What was built.");
  recipe.command = app.run ? app.run->value : "";
  recipe.stages.push_back(std::move(last));
  return recipe;
}

}  // namespace casemate::containerize
