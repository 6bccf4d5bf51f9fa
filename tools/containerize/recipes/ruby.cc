#include <algorithm>
#include <array>

#include "tools/analysis/names.h"
#include "tools/containerize/base_images.h"
#include "tools/containerize/recipes/recipes.h"
#include "tools/containerize/versions.h"

namespace casemate::containerize {

namespace {

constexpr std::array<std::string_view, 6> kRubies = {"3.3", "3.4", "3.2", "3.1", "3.0", "2.7"};

using Variables = std::vector<std::pair<std::string, std::string>>;

class RubyProject {
 public:
  explicit RubyProject(const Project& project)
      : project_(project), app_(project.app()), has_bundler_(app_.package_manager.has_value()) {}
  Recipe Make();

 private:
  [[nodiscard]] std::string Image() const;
  [[nodiscard]] bool IsRails() const { return project_.Framework() == "rails"; }
  [[nodiscard]] Variables BundlerVariables() const;
  [[nodiscard]] bool HasOwnGems() const;
  Stage BuildStage();
  void Finish(Stage& stage);

  const Project& project_;
  const analysis::App& app_;
  const bool has_bundler_;
  Recipe recipe_;
};

std::string RubyProject::Image() const {
  const std::string chosen = ChooseVersion(project_.Version(), kRubies);
  const std::string version = chosen.empty() ? std::string(kRubies.front()) : chosen;
  return "ruby:" + version + "-slim-" + std::string(DebianOf("ruby", version));
}

Variables RubyProject::BundlerVariables() const {
  std::string without = project_.Trait("ruby.without");
  std::replace(without.begin(), without.end(), ' ', ':');
  Variables variables = {{"BUNDLE_PATH", "/usr/local/bundle"},
                         {"BUNDLE_WITHOUT", without.empty() ? "development:test" : without}};
  if (app_.lock_file) {
    variables.emplace_back("BUNDLE_FROZEN", "1");
  }
  return variables;
}

// A Gemfile may take gems from the project itself, whose manifests read its sources.
bool RubyProject::HasOwnGems() const {
  const std::string* gemfile = project_.tree().Read(project_.InTree("Gemfile"));
  return gemfile != nullptr && (gemfile->find("\ngemspec") != std::string::npos ||
                                gemfile->find("path:") != std::string::npos ||
                                gemfile->find("\npath ") != std::string::npos);
}

Stage RubyProject::BuildStage() {
  Stage stage(Image(), "build", project_.VersionSource("a current release") + ".");
  std::vector<std::string> packages = project_.BuildPackages();
  packages.insert(packages.end(), {"build-essential", "git", "libyaml-dev", "pkg-config"});
  stage.Packages(packages, "For gems that are compiled.");
  if (project_.NeedsJavaScript()) {
    AddNode(recipe_, project_, stage);
  }
  stage.WorkDir(std::string(kRoot));
  Variables variables = BundlerVariables();
  variables.emplace_back("BUNDLE_GLOBAL_GEM_CACHE", "true");
  stage.Env(variables);
  const bool copies_first = HasOwnGems();
  if (copies_first) {
    stage.Copy({"."}, "./", "Gems of the project itself are among what is installed.");
  } else {
    stage.Copy(project_.Present({"Gemfile", "Gemfile.lock", "gems.rb", "gems.locked",
                                 ".ruby-version", ".tool-versions"}),
               "./",
               "What names the gems, and nothing that changes more often: the next step runs again "
               "only when they change.");
  }
  for (const analysis::Finding& command : app_.install) {
    if (command.value.starts_with("bundle config")) {
      continue;  // the environment says it
    }
    if (IsJavaScriptCommand(command.value)) {
      stage.Copy(project_.Present({"package.json", "package-lock.json", "yarn.lock",
                                   "pnpm-lock.yaml", ".npmrc", ".yarnrc"}),
                 "./");
      stage.Run(command.value, {}, {"/root/.npm"});
      continue;
    }
    stage.Run(command.value, "The cache keeps downloads between builds and out of the image.",
              {"/root/.bundle/cache"});
    if (command.value.starts_with("gem install")) {
      stage.Ignore("DL3028");  // the project names no versions
    }
  }
  if (!copies_first) {
    CopyRest(stage);
  }
  RunAll(stage, project_, app_.build, "Made once, here, and not by each container.", {});
  if (project_.NeedsJavaScript()) {
    stage.Run("rm -rf node_modules", "Nothing of Node runs later.");
  }
  return stage;
}

void RubyProject::Finish(Stage& stage) {
  std::vector<std::string> packages = project_.RuntimePackages();
  UseInit(packages, recipe_);
  stage.Packages(packages,
                 "tini is the first process and passes signals on; libraries that gems load.");
  stage.WorkDir(project_.WorkDir());
  Variables variables = has_bundler_ ? BundlerVariables() : Variables{};
  variables.emplace_back("HOME", "/tmp");
  variables.emplace_back("RACK_ENV", "production");
  if (IsRails()) {
    variables.emplace_back("RAILS_ENV", "production");
    variables.emplace_back("RAILS_LOG_TO_STDOUT", "1");
    variables.emplace_back("RAILS_SERVE_STATIC_FILES", "1");
  }
  Serve(recipe_, project_, stage, ProbeTool::kRuby, variables);
  if (has_bundler_) {
    stage.Copy({"/usr/local/bundle"}, "/usr/local/bundle/",
               "The gems: a layer that seldom changes.", {.stage = "build"});
    stage.Copy({std::string(kRoot)}, std::string(kRoot) + "/",
               "The sources, and what was made of them.", {.stage = "build"});
  } else {
    stage.Copy({"."}, "./", "The sources.");
  }
  if (IsRails()) {
    stage.Run("mkdir -p db log storage tmp \\\n    && chown -R " + std::string(kUser) +
                  " db log storage tmp",
              "The only places that Rails writes to.");
  }
  recipe_.command = app_.run ? app_.run->value : "";
}

Recipe RubyProject::Make() {
  recipe_.ignored = {"**/.bundle",    "log",     "tmp",     "**/node_modules",
                     "vendor/bundle", "storage", "coverage"};
  const bool is_site = app_.kind == analysis::AppKind::kStaticSite;
  if (!has_bundler_ && !is_site && app_.run && !app_.run->value.starts_with("ruby ")) {
    recipe_.problem = "no Gemfile names the gems that it runs with";
    return std::move(recipe_);
  }
  if (has_bundler_ || is_site) {
    recipe_.stages.push_back(BuildStage());
  }
  if (is_site) {
    ServeFiles(recipe_, project_, app_.output ? app_.output->value : "_site");
    return std::move(recipe_);
  }
  Stage last(Image(), "", "The same Ruby without compilers.");
  Finish(last);
  recipe_.stages.push_back(std::move(last));
  return std::move(recipe_);
}

}  // namespace

Recipe RubyRecipe(const Project& project) {
  return RubyProject(project).Make();
}

}  // namespace casemate::containerize
