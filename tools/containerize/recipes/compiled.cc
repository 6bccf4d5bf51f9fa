// Languages whose official image builds one program, which Debian then runs: Dart, Swift, Haskell,
// Zig, Crystal.
#include <algorithm>

#include "tools/analysis/names.h"
#include "tools/containerize/recipes/recipes.h"
#include "tools/containerize/versions.h"

namespace casemate::containerize {

namespace {

struct Compiled {
  std::string image;
  std::vector<std::string> packages;  // of the build stage, beside those of the analysis
  std::vector<std::string> manifests;
  std::vector<std::string> caches;
  std::vector<std::string> libraries;  // of the last stage, beside those of the analysis
  std::string setup;
  std::string runtime = "debian:bookworm-slim";  // what the last stage is based on
};

Recipe Compile(const Project& project, Recipe recipe, const Compiled& how) {
  const analysis::App& app = project.app();
  Stage build(how.image, "build", project.VersionSource("a current release") + ".");
  std::vector<std::string> packages = project.BuildPackages();
  packages.insert(packages.end(), how.packages.begin(), how.packages.end());
  build.Packages(packages, "Libraries and tools that the build needs.");
  build.WorkDir(std::string(kRoot));
  if (!how.setup.empty()) {
    build.Run(how.setup, "The compiler.");
  }
  if (!app.install.empty() && !how.manifests.empty()) {
    build.Copy(how.manifests, "./",
               "What names the packages, and nothing that changes more often: the next step runs "
               "again only when they change.");
    for (const analysis::Finding& command : app.install) {
      build.Run(command.value, "The cache keeps downloads between builds.", how.caches);
    }
  }
  CopyRest(build);
  RunAll(build, project, app.build, {}, how.caches);
  recipe.stages.push_back(std::move(build));
  if (app.kind == analysis::AppKind::kStaticSite) {
    ServeFiles(recipe, project, app.output ? app.output->value : "build/web");
    return recipe;
  }
  std::vector<std::string> libraries = project.RuntimePackages();
  libraries.insert(libraries.end(), how.libraries.begin(), how.libraries.end());
  libraries.emplace_back("ca-certificates");
  Stage last = DebianRuntime(recipe, libraries, how.runtime);
  last.WorkDir(project.WorkDir());
  Serve(recipe, project, last, ProbeTool::kBash);
  if (app.output) {
    CopyOutput(last, project, app.output->value, "The program.");
  }
  for (const char* directory : {"Public", "Resources", "public", "views", "templates"}) {
    const std::string path = analysis::JoinPath(project.Directory(), directory);
    if (project.HasDirectory(path)) {
      const std::string place = analysis::JoinPath(kRoot, path);
      last.Copy({place}, place + "/", "It hands out or reads these.", {.stage = "build"});
    }
  }
  recipe.command = app.run ? app.run->value : "";
  recipe.stages.push_back(std::move(last));
  return recipe;
}

// A full version as it is pinned; else the standby.
std::string Exact(const Project& project, const std::string& standby) {
  const std::string& stated = project.Version();
  const std::string numbers = NumbersOf(stated);
  return !numbers.empty() && stated.starts_with(numbers) && numbers.find('.') != std::string::npos
             ? numbers
             : standby;
}

}  // namespace

Recipe DartRecipe(const Project& project) {
  Recipe recipe;
  recipe.ignored = {".dart_tool", "build", ".packages"};
  const bool is_flutter = project.Trait("dart.flutter") == "true";
  const std::string image = is_flutter ? "ghcr.io/cirruslabs/flutter:" + Exact(project, "stable")
                                       : "dart:" + Exact(project, "stable");
  return Compile(project, std::move(recipe),
                 {.image = image,
                  .packages = {},
                  .manifests = project.Present({"pubspec.yaml", "pubspec.lock"}),
                  .caches = {"/root/.pub-cache"},
                  .libraries = {},
                  .setup = {}});
}

Recipe SwiftRecipe(const Project& project) {
  Recipe recipe;
  recipe.ignored = {".build", ".swiftpm"};
  const std::string stated = NumbersOf(project.Version(), 2);
  // Older manifests build with newer compilers; images on bookworm begin here.
  const std::string version = CompareVersions(stated, "5.10") < 0 ? "5.10" : stated;
  return Compile(project, std::move(recipe),
                 {.image = "swift:" + version + "-bookworm",
                  .packages = {},
                  .manifests = project.Present({"Package.swift", "Package.resolved"}),
                  .caches = {"/root/.cache/org.swift.swiftpm"},
                  .libraries = {},
                  .setup = {},
                  .runtime = "swift:" + version + "-bookworm-slim"});
}

Recipe HaskellRecipe(const Project& project) {
  Recipe recipe;
  recipe.ignored = {".stack-work", "dist-newstyle"};
  std::vector<std::string> manifests =
      project.Present({"stack.yaml", "stack.yaml.lock", "package.yaml", "cabal.project"});
  for (const std::string& file : project.Named({"*.cabal"})) {
    if (analysis::ParentOf(file).empty()) {
      manifests.push_back(file);
    }
  }
  return Compile(project, std::move(recipe),
                 {.image = "haskell:9.10-slim-bookworm",
                  .packages = {},
                  .manifests = manifests,
                  .caches = {"/root/.stack", "/root/.cabal/packages"},
                  .libraries = {"libgmp10", "libnuma1"},
                  .setup = {}});
}

Recipe ZigRecipe(const Project& project) {
  Recipe recipe;
  recipe.ignored = {"zig-out", "zig-cache", ".zig-cache"};
  const std::string version = Exact(project, "0.13.0");
  // The names of its archives changed.
  const std::string machine =
      CompareVersions(version, "0.14.1") < 0 ? "linux-$(uname -m)" : "$(uname -m)-linux";
  return Compile(
      project, std::move(recipe),
      {.image = "debian:bookworm-slim",
       .packages = {"ca-certificates", "curl", "xz-utils"},
       .manifests = project.Present({"build.zig", "build.zig.zon"}),
       .caches = {"/root/.cache/zig"},
       .libraries = {},
       .setup =
           "mkdir /opt/zig \\\n    && curl -fsSL -o /tmp/zig.tar.xz "
           "\"https://ziglang.org/download/" +
           version + "/zig-" + machine + "-" + version +
           ".tar.xz\" \\\n    && tar -xJf /tmp/zig.tar.xz -C /opt/zig --strip-components=1 \\\n"
           "    && rm /tmp/zig.tar.xz \\\n    && ln -s /opt/zig/zig /usr/local/bin/zig"});
}

Recipe CrystalRecipe(const Project& project) {
  Recipe recipe;
  recipe.ignored = {"bin", "lib"};
  return Compile(project, std::move(recipe),
                 {.image = "crystallang/crystal:" + Exact(project, "1.14"),
                  .packages = {},
                  .manifests = project.Present({"shard.yml", "shard.lock"}),
                  .caches = {"/root/.cache/shards"},
                  .libraries = {},
                  .setup = {},
                  .runtime = "ubuntu:24.04"});
}

}  // namespace casemate::containerize
