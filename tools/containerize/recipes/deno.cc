#include <algorithm>

#include "tools/analysis/names.h"
#include "tools/containerize/recipes/recipes.h"
#include "tools/containerize/versions.h"

namespace casemate::containerize {

Recipe DenoRecipe(const Project& project) {
  const analysis::App& app = project.app();
  Recipe recipe;
  recipe.ignored = {"**/node_modules"};
  const std::string stated = NumbersOf(project.Version());
  const std::string image =
      "denoland/deno:" + (std::count(stated.begin(), stated.end(), '.') == 2 ? stated : "2.1.4");
  Stage build(image, "build", project.VersionSource("a current release") + ".");
  build.WorkDir(std::string(kRoot));
  // In a layer, not in a cache mount: the program runs with it.
  build.Env({{"DENO_DIR", "/deno-dir"}}, "Modules lie where the last stage finds them.");
  build.Copy({"."}, "./", "Deno reads which modules it needs from the sources themselves.");
  for (const analysis::Finding& command : app.install) {
    build.Run(command.value, "All modules, so that nothing is fetched when it starts.");
  }
  RunAll(build, project, app.build, {}, {});
  recipe.stages.push_back(std::move(build));
  if (app.kind == analysis::AppKind::kStaticSite) {
    ServeFiles(recipe, project, app.output ? app.output->value : "_site");
    return recipe;
  }
  Stage last(image, "",
             "Deno runs what it was given: the same image without the layers of the build.");
  std::vector<std::string> packages = project.RuntimePackages();
  UseInit(packages, recipe);
  last.Packages(packages, "tini is the first process and passes signals on.");
  last.WorkDir(project.WorkDir());
  Serve(recipe, project, last, ProbeTool::kDeno,
        {{"DENO_DIR", "/deno-dir"}, {"DENO_NO_UPDATE_CHECK", "1"}});
  last.Copy({"/deno-dir"}, "/deno-dir/", "The modules, which Deno also writes to.",
            {.stage = "build", .owner = std::string(kUser)});
  last.Copy({std::string(kRoot)}, std::string(kRoot) + "/",
            "The sources, and what was made of them.", {.stage = "build"});
  recipe.command = app.run ? app.run->value : "";
  recipe.stages.push_back(std::move(last));
  return recipe;
}

}  // namespace casemate::containerize
