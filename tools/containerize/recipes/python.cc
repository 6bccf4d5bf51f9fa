#include <algorithm>
#include <array>

#include "tools/analysis/names.h"
#include "tools/containerize/base_images.h"
#include "tools/containerize/recipes/recipes.h"
#include "tools/containerize/versions.h"

namespace casemate::containerize {

namespace {

using analysis::JoinPath;

constexpr std::array<std::string_view, 7> kPythons = {"3.13", "3.12", "3.11", "3.10",
                                                      "3.9",  "3.8",  "3.14"};
constexpr std::string_view kVenv = "/opt/venv";
constexpr std::string_view kManifestsWhy =
    "What names the dependencies, and nothing that changes more often: the next step runs again "
    "only "
    "when they change.";
constexpr std::string_view kCacheWhy =
    "The cache keeps downloads between builds and out of the image.";

class PythonBuild {
 public:
  explicit PythonBuild(const Project& project)
      : project_(project), app_(project.app()), manager_(project.PackageManager()) {}

  Recipe Make();

 private:
  Stage BuildStage();
  void Install(Stage& stage);
  void InstallBy(Stage& stage, const std::vector<std::string>& files, const std::string& command,
                 const std::string& cache);
  void InstallByUv(Stage& stage, const std::string& command);
  void InstallByPip(Stage& stage);
  [[nodiscard]] std::string StatedTool(const std::string& name) const;
  [[nodiscard]] bool InstallsItself() const;
  [[nodiscard]] bool NamesLocalFiles() const;
  [[nodiscard]] bool ReadsVersionFromGit() const;
  void Build(Stage& stage);
  void Finish(Stage& stage, bool is_built);

  const Project& project_;
  const analysis::App& app_;
  const std::string manager_;
  Recipe recipe_;
  bool has_source_ = false;  // the build stage has the whole context
};

std::string PythonBuild::StatedTool(const std::string& name) const {
  const auto& stated = app_.package_manager_version;
  std::string version = stated ? NumbersOf(stated->value) : "";
  if (version.empty()) {
    version = name == "poetry" ? "2.1" : name == "uv" ? "0.9" : name == "pdm" ? "2.22" : "2024.4";
  }
  const bool is_exact = std::count(version.begin(), version.end(), '.') == 2;
  return "pip install --no-cache-dir '" + name + "==" + version + (is_exact ? "'" : ".*'");
}

// `pip install .`: the sources are a package.
bool PythonBuild::InstallsItself() const {
  return std::any_of(app_.install.begin(), app_.install.end(),
                     [](const analysis::Finding& command) {
                       return command.value.find(" .") != std::string::npos &&
                              command.value.find("pip") != std::string::npos;
                     });
}

void PythonBuild::InstallBy(Stage& stage, const std::vector<std::string>& files,
                            const std::string& command, const std::string& cache) {
  stage.Copy(files, "./", kManifestsWhy);
  stage.Run(command, kCacheWhy, {cache});
}

// The command of the analysis without what a cache mount makes superfluous.
std::string WithoutNoCache(std::string command) {
  if (const std::size_t at = command.find(" --no-cache-dir"); at != std::string::npos) {
    command.erase(at, std::string_view(" --no-cache-dir").size());
  }
  return command;
}

void PythonBuild::InstallByUv(Stage& stage, const std::string& command) {
  std::vector<std::string> members = project_.Named({"pyproject.toml"});
  std::erase(members, "pyproject.toml");
  stage.Env({{"UV_PROJECT_ENVIRONMENT", std::string(kVenv)}, {"UV_LINK_MODE", "copy"}});
  const bool is_member = app_.directory != app_.workspace;
  stage.Copy(project_.Present({"pyproject.toml", "uv.lock", ".python-version"}), "./",
             "What names the dependencies: the next step runs again only when they change.");
  for (const std::string& member : members) {
    stage.Copy({member}, std::string(analysis::ParentOf(member)) + "/");
  }
  const std::string package = is_member ? " --package " + app_.name.value : "";
  stage.Run(
      command + package + (members.empty() ? " --no-install-project" : " --no-install-workspace"),
      kCacheWhy, {"/root/.cache/uv"});
  stage.Copy({"."}, "./", "All else, after the dependencies.");
  stage.Run(command + package, "The project itself.", {"/root/.cache/uv"});
  has_source_ = true;
}

// Whether a file of requirements names what lies in the project: "-e .", "./lib", "-c
// deps/all.txt".
bool PythonBuild::NamesLocalFiles() const {
  for (const std::string& path : project_.tree().In(app_.workspace)) {
    const std::string_view name = analysis::NameOf(path);
    const std::string* text =
        name.starts_with("requirements") ? project_.tree().Read(path) : nullptr;
    for (const std::string& line : analysis::SplitLines(text == nullptr ? "" : *text)) {
      const std::string_view words = analysis::Trim(line);
      const bool is_include = words.starts_with("-r ") || words.starts_with("-c ");
      if (words.starts_with("-e") || words.starts_with("./") || words.starts_with("../") ||
          words.starts_with("file:") || words == "." ||
          (is_include && words.find('/') != std::string_view::npos &&
           words.find("requirements/") == std::string_view::npos)) {
        return true;
      }
    }
  }
  return false;
}

// Versions that tools read from Git, which is not in the context.
bool PythonBuild::ReadsVersionFromGit() const {
  const std::string* text = project_.tree().Read(project_.InTree("pyproject.toml"));
  return text != nullptr && (text->find("setuptools_scm") != std::string::npos ||
                             text->find("setuptools-scm") != std::string::npos ||
                             text->find("hatch-vcs") != std::string::npos);
}

void PythonBuild::InstallByPip(Stage& stage) {
  if (InstallsItself() || NamesLocalFiles()) {
    stage.Copy({"."}, "./", "What is installed lies among the sources.");
    RunAll(stage, project_, app_.install, kCacheWhy, {"/root/.cache/pip"});
    has_source_ = true;
    return;
  }
  std::vector<std::string> files;
  for (const std::string& path : project_.tree().In(app_.workspace)) {
    const std::string_view name = analysis::NameOf(path);
    if ((name.starts_with("requirements") || name.starts_with("constraints")) &&
        (name.ends_with(".txt") || name.ends_with(".in"))) {
      files.emplace_back(name);
    }
  }
  stage.Copy(files, "./", kManifestsWhy);
  if (project_.HasDirectory("requirements")) {
    stage.Copy({"requirements"}, "requirements/");
  }
  for (const analysis::Finding& each : app_.install) {
    stage.Run(WithoutNoCache(each.value), kCacheWhy, {"/root/.cache/pip"});
    if (files.empty() && each.value.find("==") == std::string::npos) {
      stage.Ignore("DL3013");  // the project names no versions
    }
  }
}

void PythonBuild::Install(Stage& stage) {
  if (app_.install.empty()) {
    return;
  }
  const std::string command = WithoutNoCache(app_.install.front().value);
  if (manager_ == "poetry") {
    InstallBy(stage, project_.Present({"pyproject.toml", "poetry.lock", "poetry.toml"}), command,
              "/root/.cache/pypoetry");
  } else if (manager_ == "uv") {
    InstallByUv(stage, command);
  } else if (manager_ == "pdm") {
    InstallBy(stage, project_.Present({"pyproject.toml", "pdm.lock"}),
              command + (command.find("--no-self") == std::string::npos ? " --no-self" : ""),
              "/root/.cache/pdm");
  } else if (manager_ == "pipenv") {
    InstallBy(stage, project_.Present({"Pipfile", "Pipfile.lock"}), command, "/root/.cache/pip");
  } else {
    InstallByPip(stage);
  }
}

Stage PythonBuild::BuildStage() {
  const std::string version = ChooseVersion(project_.Version(), kPythons);
  const std::string tag = version.empty() ? std::string(kPythons.front()) : version;
  const std::string base = "python:" + tag + "-slim-" + std::string(DebianOf("python", tag));
  Stage stage(base, "build", project_.VersionSource("a current release") + ".");
  std::vector<std::string> packages = project_.BuildPackages();
  if (!packages.empty()) {
    packages.emplace_back("build-essential");
  }
  for (const char* install : {"git+", "git://"}) {
    for (const std::string& path : project_.tree().In(app_.workspace)) {
      const std::string* text =
          analysis::NameOf(path).starts_with("requirements") ? project_.tree().Read(path) : nullptr;
      if (text != nullptr && text->find(install) != std::string::npos) {
        packages.emplace_back("git");
      }
    }
  }
  stage.Packages(packages, "For dependencies that are compiled.");
  for (const char* tool : {"poetry", "uv", "pdm", "pipenv"}) {
    if (manager_ == tool) {
      stage.Run(StatedTool(tool), "The package manager of the project, beside its dependencies.");
    }
  }
  stage.Env({{"VIRTUAL_ENV", std::string(kVenv)},
             {"PATH", std::string(kVenv) + "/bin:$PATH"},
             {"PIP_DISABLE_PIP_VERSION_CHECK", "1"}});
  stage.Run("python -m venv " + std::string(kVenv),
            "All dependencies in one directory, which the last stage takes over.");
  if (ReadsVersionFromGit()) {
    stage.Env({{"SETUPTOOLS_SCM_PRETEND_VERSION", "0.0.0"}},
              "The history of Git, which has the version, is not in the context.");
  }
  stage.WorkDir(std::string(kRoot));
  Install(stage);
  return stage;
}

void PythonBuild::Finish(Stage& stage, bool is_built) {
  std::vector<std::string> packages = project_.RuntimePackages();
  UseInit(packages, recipe_);
  stage.Packages(packages,
                 "tini is the first process and passes signals on; libraries that "
                 "dependencies load.");
  stage.WorkDir(project_.WorkDir());
  std::vector<std::pair<std::string, std::string>> variables = {
      {"PATH", std::string(kVenv) + "/bin:$PATH"},
      {"VIRTUAL_ENV", std::string(kVenv)},
      {"PYTHONUNBUFFERED", "1"},
      {"PYTHONDONTWRITEBYTECODE", "1"},
      {"HOME", "/tmp"}};
  const std::string root = project_.Trait("python.import_root");
  if (!root.empty() && root != ".") {
    variables.emplace_back("PYTHONPATH", JoinPath(project_.WorkDir(), root));
  }
  if (project_.Framework() == "streamlit") {
    variables.emplace_back("STREAMLIT_SERVER_HEADLESS", "true");
  }
  Serve(recipe_, project_, stage, ProbeTool::kPython, variables);
  // Django answers 400 to hosts that it does not know, and 127.0.0.1 is one of them.
  recipe_.probes_path = !(project_.Framework() == "django");
  stage.Copy({std::string(kVenv)}, std::string(kVenv) + "/",
             "The dependencies: a layer that seldom changes.", {.stage = "build"});
  if (is_built) {
    stage.Copy({std::string(kRoot)}, std::string(kRoot) + "/",
               "The sources, and what was made of them.", {.stage = "build"});
  } else {
    stage.Copy({"."}, std::string(kRoot) + "/", "The sources.");
  }
  recipe_.command = app_.run ? app_.run->value : "";
}

// Commands of the build read settings, and those want variables that are set when it runs.
void PythonBuild::Build(Stage& stage) {
  std::string standbys;
  for (const analysis::EnvironmentVariable& variable : app_.environment) {
    if (variable.is_required) {
      const bool is_database = variable.name.ends_with("DATABASE_URL");
      standbys += variable.name + (is_database ? "=sqlite:////tmp/build.sqlite3 " : "=unused ");
    }
  }
  std::vector<analysis::Finding> commands = app_.build;
  for (analysis::Finding& command : commands) {
    if (command.value.find("manage.py") != std::string::npos) {
      command.value.insert(0, standbys);
    }
  }
  RunAll(stage, project_, commands,
         standbys.empty() ? "" : "Values for this step only: settings ask for them.", {});
}

Recipe PythonBuild::Make() {
  recipe_.ignored = {"**/__pycache__", "**/*.py[cod]",     "**/.venv",
                     "**/venv",        "**/.pytest_cache", "**/.mypy_cache",
                     "**/.ruff_cache", "**/*.egg-info",    "**/.ipynb_checkpoints"};
  if (manager_ == "conda") {
    recipe_.problem =
        "environments of conda are not written: use a requirements.txt, or micromamba's images by "
        "hand";
    return std::move(recipe_);
  }
  Stage build = BuildStage();
  const std::string image = build.image();
  bool is_built = has_source_ && (manager_ == "uv" || InstallsItself() || NamesLocalFiles());
  if (!app_.build.empty()) {
    if (!has_source_) {
      build.Copy({"."}, "./", "All else, after the dependencies.");
    }
    if (project_.NeedsJavaScript()) {
      AddNode(recipe_, project_, build);
    }
    Build(build);
    is_built = true;
  }
  recipe_.stages.push_back(std::move(build));
  if (app_.kind == analysis::AppKind::kStaticSite) {
    ServeFiles(recipe_, project_, app_.output ? app_.output->value : "site");
    return std::move(recipe_);
  }
  Stage last(image, "", "The same Python without compilers and caches.");
  Finish(last, is_built);
  recipe_.stages.push_back(std::move(last));
  return std::move(recipe_);
}

}  // namespace

Recipe PythonRecipe(const Project& project) {
  return PythonBuild(project).Make();
}

}  // namespace casemate::containerize
