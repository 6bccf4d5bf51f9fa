#include <algorithm>

#include "tools/analysis/names.h"
#include "tools/containerize/recipes/recipes.h"

namespace casemate::containerize {

namespace {

// What calls others by HTTPS needs the certificates of those who vouch for them.
void AddCertificates(std::vector<std::string>& packages) {
  const bool calls = std::any_of(packages.begin(), packages.end(), [](const std::string& name) {
    return name == "curl" || name == "wget" || name == "git" || name.starts_with("libcurl") ||
           name.starts_with("libssl") || name.starts_with("libgnutls");
  });
  if (calls) {
    packages.emplace_back("ca-certificates");
  }
}

Stage BuildStage(const Project& project, const std::string& tool) {
  const analysis::App& app = project.app();
  Stage build("debian:bookworm-slim", "build", "Debian's compilers, for Debian's libraries.");
  std::vector<std::string> packages = project.BuildPackages();
  packages.emplace_back("ccache");
  const bool uses_conan = project.PackageManager() == "conan";
  const bool uses_vcpkg = project.PackageManager() == "vcpkg";
  if (uses_conan) {
    packages.insert(packages.end(), {"python3-venv", "ca-certificates"});
  }
  if (uses_vcpkg) {
    packages.insert(packages.end(), {"curl", "zip", "unzip", "tar", "git", "ca-certificates"});
  }
  build.Packages(packages,
                 "Compilers, tools, libraries that are linked, and a cache of compiled files.");
  build.WorkDir(std::string(kRoot));
  if (uses_conan) {
    build.Env({{"PATH", "/opt/conan/bin:$PATH"}});
    build.Run(
        "python3 -m venv /opt/conan && pip install --no-cache-dir 'conan==2.*' && conan profile "
        "detect");
  }
  if (uses_vcpkg) {
    build.Env({{"VCPKG_ROOT", "/opt/vcpkg"}});
    build.Run(
        "git clone https://github.com/microsoft/vcpkg /opt/vcpkg && "
        "/opt/vcpkg/bootstrap-vcpkg.sh -disableMetrics");
  }
  std::vector<std::string> caches = {"/root/.cache/ccache"};
  std::vector<std::pair<std::string, std::string>> variables = {
      {"CCACHE_DIR", "/root/.cache/ccache"}};
  if (tool == "cmake") {
    variables.insert(variables.end(), {{"CMAKE_C_COMPILER_LAUNCHER", "ccache"},
                                       {"CMAKE_CXX_COMPILER_LAUNCHER", "ccache"}});
  } else {
    variables.emplace_back("PATH", "/usr/lib/ccache:$PATH");
  }
  build.Env(variables, "Files that were compiled before come from the cache.");
  if (uses_conan) {
    caches.emplace_back("/root/.conan2/p");
    build.Copy(project.Present({"conanfile.txt", "conanfile.py"}), "./",
               "What names the libraries: the next step runs again only when they change.");
    RunAll(build, project, app.install, {}, caches);
  }
  CopyRest(build);
  RunAll(build, project, app.build, {}, caches);
  return build;
}

}  // namespace

// C and C++: Debian's compilers, since the analysis names Debian's libraries.
Recipe NativeRecipe(const Project& project) {
  const analysis::App& app = project.app();
  const std::string tool = project.Trait("native.tool");
  Recipe recipe;
  if (tool != "make" && tool != "autotools") {
    recipe.ignored = {"build", "builddir"};
  }
  recipe.ignored.insert(recipe.ignored.end(),
                        {"**/*.o", "**/*.a", "**/CMakeCache.txt", "**/CMakeFiles"});
  if (const std::string manager = project.PackageManager();
      manager == "vcpkg" || manager == "conan") {
    recipe.notes.push_back(manager + " is not in Debian: the build stage installs it");
  }
  recipe.stages.push_back(BuildStage(project, tool));

  std::vector<std::string> libraries = project.RuntimePackages();
  if (app.language.value == "cpp") {
    libraries.emplace_back("libstdc++6");
  }
  AddCertificates(libraries);
  Stage last = DebianRuntime(recipe, libraries);
  last.WorkDir(project.WorkDir());
  Serve(recipe, project, last, ProbeTool::kBash);
  if (app.output) {
    CopyOutput(last, project, app.output->value, "The program.");
  }
  for (const analysis::ProcessType& process : app.processes) {
    const std::vector<std::string> words = Words(process.command.value);
    if (!words.empty() && words.front().starts_with("./") &&
        process.command.source.file != "Procfile") {
      CopyOutput(last, project, words.front().substr(2), "The programs beside it.");
    }
  }
  recipe.command = app.run ? app.run->value : "";
  recipe.stages.push_back(std::move(last));
  return recipe;
}

Recipe ShellRecipe(const Project& project) {
  const analysis::App& app = project.app();
  Recipe recipe;
  std::vector<std::string> packages = project.RuntimePackages();
  const std::string interpreter = project.Trait("shell.interpreter");
  if (interpreter == "zsh" || interpreter == "ksh" || interpreter == "fish") {
    packages.push_back(interpreter);
  }
  AddCertificates(packages);
  UseInit(packages, recipe);
  Stage last("debian:bookworm-slim", "", "Debian has the shells.");
  last.Packages(packages,
                "tini is the first process and passes signals on; programs that the scripts call.");
  last.WorkDir(project.WorkDir());
  Serve(recipe, project, last, ProbeTool::kBash);
  last.Copy({"."}, std::string(kRoot) + "/", "The scripts.");
  recipe.command = app.run ? app.run->value : "";
  recipe.stages.push_back(std::move(last));
  return recipe;
}

}  // namespace casemate::containerize
