#include <algorithm>
#include <array>

#include "tools/analysis/names.h"
#include "tools/containerize/base_images.h"
#include "tools/containerize/recipes/recipes.h"
#include "tools/containerize/versions.h"

namespace casemate::containerize {

namespace {

using analysis::JoinPath;

constexpr std::string_view kOldest =
    "1.19";  // of the images on bookworm; it builds what older ones did
constexpr std::string_view kUsual = "1.24";

std::string GoTag(const Project& project) {
  const std::string version = NumbersOf(project.Version(), 2);
  if (version.empty()) {
    return std::string(kUsual);
  }
  // go.mod names the least version; newer patches of it are what its images are.
  return CompareVersions(version, kOldest) < 0 ? std::string(kOldest) : version;
}

}  // namespace

Recipe GoRecipe(const Project& project) {
  const analysis::App& app = project.app();
  Recipe recipe;
  recipe.ignored = {"**/*.test", "**/*.out"};
  const bool uses_c = project.Trait("go.cgo") == "1";
  Stage build("golang:" + GoTag(project) + "-bookworm", "build",
              project.VersionSource("a current release") + ".");
  std::vector<std::string> packages = project.BuildPackages();
  std::erase(packages, "gcc");
  std::erase(packages, "libc6-dev");  // both are in the image
  build.Packages(packages, "Libraries that are linked.");
  build.WorkDir(std::string(kRoot));
  std::vector<std::pair<std::string, std::string>> variables = {
      {"CGO_ENABLED", uses_c ? "1" : "0"}};
  if (!uses_c) {
    variables.emplace_back("GOFLAGS", "-tags=timetzdata");
  }
  build.Env(variables,
            uses_c ? "It calls C."
                   : "Without C the program needs no libraries at all; it brings its time zones.");
  const std::vector<std::string> caches = {"/go/pkg/mod", "/root/.cache/go-build"};
  if (!app.install.empty()) {
    std::vector<std::string> top = project.Present({"go.mod", "go.sum", "go.work", "go.work.sum"});
    build.Copy(top, "./",
               "What names the modules, and nothing that changes more often: the next step "
               "runs again only when they change.");
    for (const std::string& file : project.Named({"go.mod", "go.sum"})) {
      if (const std::string directory(analysis::ParentOf(file)); !directory.empty()) {
        build.Copy({file}, directory + "/");
      }
    }
    RunAll(build, project, app.install,
           "The caches keep downloads and compiled packages between builds.", caches);
    build.WorkDir(std::string(kRoot));
  }
  build.Copy({"."}, "./", "All else, after the modules.");
  RunAll(build, project, app.build, {}, caches);
  recipe.stages.push_back(std::move(build));

  const CopyOptions from_build{.stage = "build"};
  Stage last("busybox:1.36-musl", "",
             "The program is static: a shell and wget to probe it are all it gets.");
  if (uses_c) {
    last = DebianRuntime(recipe, project.RuntimePackages());
  }
  last.WorkDir(project.WorkDir());
  Serve(recipe, project, last, uses_c ? ProbeTool::kBash : ProbeTool::kBusybox);
  last.Copy({"/etc/ssl/certs/ca-certificates.crt"}, "/etc/ssl/certs/", "To call others by HTTPS.",
            from_build);
  for (const std::string& file : Words(project.Trait("go.files"))) {
    const std::string path = JoinPath(project.WorkDir(), file);
    last.Copy({path}, path, "It opens these by name.", from_build);
  }
  if (app.output) {
    CopyOutput(last, project, app.output->value, "The program.");
  }
  recipe.command = app.run ? app.run->value : "";
  recipe.stages.push_back(std::move(last));
  return recipe;
}

}  // namespace casemate::containerize
