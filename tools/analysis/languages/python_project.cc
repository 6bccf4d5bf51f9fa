#include "tools/analysis/languages/python_project.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/documents.h"
#include "tools/analysis/names.h"
#include "tools/analysis/needs.h"

namespace casemate::analysis {

using nlohmann::json;

namespace {

constexpr int kMaxIncludes = 8;
constexpr std::size_t kMaxDependencies = 2000;
constexpr std::size_t kMaxModules = 400;

std::vector<std::string> TextsOf(const json& list) {
  std::vector<std::string> texts;
  if (list.is_array()) {
    for (const json& item : list) {
      if (item.is_string()) {
        texts.push_back(item.get<std::string>());
      }
    }
  }
  return texts;
}

std::string_view LockNameOf(std::string_view manager) {
  return manager == "uv"       ? "uv.lock"
         : manager == "poetry" ? "poetry.lock"
         : manager == "pdm"    ? "pdm.lock"
         : manager == "pipenv" ? "Pipfile.lock"
                               : "";
}

bool IsMigration(std::string_view path) {
  return path.find("/migrations/") != std::string_view::npos ||
         path.find("alembic/") != std::string_view::npos;
}

}  // namespace

std::string PythonPackageName(std::string_view name) {
  std::string plain;
  for (const char c : Lower(name)) {
    const bool is_gap = c == '-' || c == '_' || c == '.';
    if (!is_gap) {
      plain += c;
    } else if (!plain.empty() && plain.back() != '-') {
      plain += '-';
    }
  }
  return plain;
}

PythonProject::PythonProject(const SourceTree& tree, std::string directory)
    : tree_(tree), directory_(std::move(directory)) {
  ReadPyproject();
  ReadPipfile();
  ReadConda();
  ReadSetup();
  for (const char* file :
       {"requirements.txt", "requirements/production.txt", "requirements/prod.txt",
        "requirements/base.txt", "requirements-prod.txt", "requirements.in"}) {
    if (Has(file)) {
      requirements_ = file;
      has_manifest_ = true;
      managers_.emplace_back("pip", Source{PathOf(file), {}});
      ReadRequirements(file, 0);
      break;
    }
  }
  if (has_manifest_ || tree_.In(directory_).size() < kMaxModules) {
    ListModules();
  }
}

bool PythonProject::Has(std::string_view file) const {
  return tree_.Has(PathOf(file));
}

std::string PythonProject::PathOf(std::string_view file) const {
  return JoinPath(directory_, file);
}

std::string PythonProject::Text(std::string_view file) const {
  const std::string* text = tree_.Read(PathOf(file));
  return text == nullptr ? std::string() : *text;
}

// "requests[socks]>=2.0; python_version > '3'", PEP 508.
void PythonProject::AddRequirement(std::string_view line, const Source& source) {
  static const RE2 kRequirement(R"(^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*([^;#]*))");
  std::string name;
  std::string extras;
  std::string version;
  const re2::StringPiece text(line.data(), line.size());
  if (dependencies_.size() >= kMaxDependencies ||
      !RE2::PartialMatch(text, kRequirement, &name, &extras, &version)) {
    return;
  }
  const std::string plain = PythonPackageName(name);
  if (packages_.insert(plain).second) {
    dependencies_.push_back({plain, std::string(Trim(version)), source});
  }
  std::string_view rest = extras;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::size_t end = rest.find_first_of(",]");
    packages_.insert(plain + "[" + std::string(Trim(rest.substr(0, end))) + "]");
    rest =
        end == std::string_view::npos || rest[end] == ']' ? std::string_view() : rest.substr(end);
  }
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxIncludes
void PythonProject::ReadRequirements(const std::string& file, int depth) {
  const std::string* text = tree_.Read(PathOf(file));
  if (text == nullptr || depth > kMaxIncludes) {
    return;
  }
  static const RE2 kInclude(R"(^\s*(?:-r|--requirement)[ =]?\s*(\S+))");
  std::size_t number = 0;
  for (const std::string& line : SplitLines(*text)) {
    ++number;
    std::string inner;
    if (RE2::PartialMatch(line, kInclude, &inner)) {
      if (inner.find("..") == std::string::npos) {
        ReadRequirements(JoinPath(ParentOf(file), inner), depth + 1);
      }
    } else if (const std::string_view words = Trim(line);
               !words.empty() && words[0] != '#' && words[0] != '-') {
      AddRequirement(words, {PathOf(file), "line " + std::to_string(number)});
    }
  }
}

void PythonProject::ReadPyproject() {
  const std::string path = PathOf("pyproject.toml");
  if (!tree_.Has(path)) {
    return;
  }
  const json document = ReadTomlFile(tree_, path);
  const json& project = At(document, "project");
  const json& poetry = At(document, "tool.poetry");
  // Settings of tools only are no manifest.
  has_manifest_ = !project.is_null() || !poetry.is_null();
  has_build_ = !At(document, "build-system").is_null();
  is_workspace_root_ = !At(document, "tool.uv.workspace").is_null();
  for (const auto& [tool, lock] : {std::pair{"uv", "uv.lock"}, std::pair{"poetry", "poetry.lock"},
                                   std::pair{"pdm", "pdm.lock"}}) {
    if (Has(lock)) {
      managers_.emplace_back(tool, Source{PathOf(lock), {}});
    }
  }
  for (const char* tool : {"uv", "poetry", "pdm"}) {
    if (!At(document, "tool." + std::string(tool)).is_null()) {
      managers_.emplace_back(tool, Source{path, "tool." + std::string(tool)});
    }
  }
  for (const auto& [at, where] :
       {std::pair{&project, "project"}, std::pair{&poetry, "tool.poetry"}}) {
    if (name_.empty()) {
      name_ = TextAt(*at, "name");
      name_source_ = {path, std::string(where) + ".name"};
    }
    const json& scripts = At(*at, "scripts");
    for (auto it = scripts.begin(); scripts.is_object() && it != scripts.end(); ++it) {
      scripts_.push_back(
          {it.key(), {path, std::string(where) + ".scripts." + it.key()}, Confidence::kCertain});
    }
  }
  for (const std::string& line : TextsOf(At(project, "dependencies"))) {
    AddRequirement(line, {path, "project.dependencies"});
  }
  const json& packages = At(poetry, "dependencies");
  for (auto it = packages.begin(); packages.is_object() && it != packages.end(); ++it) {
    const std::string version =
        it.value().is_object() ? TextAt(it.value(), "version") : TextOf(it.value());
    if (it.key() == "python") {
      versions_.push_back(
          {version, {path, "tool.poetry.dependencies.python"}, Confidence::kCertain});
      continue;
    }
    AddRequirement(it.key(), {path, "tool.poetry.dependencies." + it.key()});
    for (const std::string& extra : TextsOf(At(it.value(), "extras"))) {
      packages_.insert(PythonPackageName(it.key()) + "[" + extra + "]");
    }
  }
  const std::string wanted = TextAt(project, "requires-python");
  if (!wanted.empty()) {
    versions_.insert(versions_.begin(),
                     {wanted, {path, "project.requires-python"}, Confidence::kCertain});
  }
}

void PythonProject::ReadPipfile() {
  const std::string path = PathOf("Pipfile");
  if (!tree_.Has(path)) {
    return;
  }
  has_manifest_ = true;
  managers_.emplace_back("pipenv", Source{path, {}});
  const json document = ReadTomlFile(tree_, path);
  for (const char* field : {"requires.python_full_version", "requires.python_version"}) {
    const std::string version = TextAt(document, field);
    if (!version.empty()) {
      versions_.push_back({version, {path, field}, Confidence::kCertain});
    }
  }
  const json& packages = At(document, "packages");
  for (auto it = packages.begin(); packages.is_object() && it != packages.end(); ++it) {
    AddRequirement(it.key(), {path, "packages." + it.key()});
  }
}

void PythonProject::ReadConda() {
  for (const char* file : {"environment.yml", "environment.yaml"}) {
    if (!Has(file)) {
      continue;
    }
    const std::string path = PathOf(file);
    const json document = ReadYamlFile(tree_, path);
    has_manifest_ = true;
    managers_.emplace_back("conda", Source{path, {}});
    for (const json& item : At(document, "dependencies")) {
      for (const std::string& line : TextsOf(At(item, "pip"))) {
        AddRequirement(line, {path, "dependencies.pip"});
      }
      std::string text = TextOf(item);
      text = text.substr(text.rfind(':') + 1);
      std::string version;
      if (RE2::FullMatch(text, R"(python\s*=+\s*([0-9.*]+).*)", &version)) {
        versions_.push_back({version, {path, "dependencies"}, Confidence::kCertain});
      } else if (!text.empty() && text != "pip" && !text.starts_with("python")) {
        AddRequirement(text, {path, "dependencies"});
      }
    }
    return;
  }
}

void PythonProject::ReadSetup() {
  if (!Has("setup.py") && !Has("setup.cfg")) {
    return;
  }
  const std::string script = Text("setup.py");
  const std::string config = Text("setup.cfg");
  const bool is_package = !script.empty() || config.find("[metadata]") != std::string::npos;
  if (!is_package) {
    return;
  }
  has_manifest_ = true;
  has_build_ = true;
  std::string value;
  if (name_.empty() && (RE2::PartialMatch(script, R"(\bname\s*=\s*['"]([^'"]+))", &value) ||
                        RE2::PartialMatch(config, R"((?m)^name\s*=\s*(\S+))", &value))) {
    name_ = value;
    name_source_ = {PathOf(script.empty() ? "setup.cfg" : "setup.py"), "name"};
  }
  if (RE2::PartialMatch(script, R"(python_requires\s*=\s*['"]([^'"]+))", &value) ||
      RE2::PartialMatch(config, R"((?m)^python_requires\s*=\s*(\S+))", &value)) {
    versions_.push_back({value,
                         {PathOf(script.empty() ? "setup.cfg" : "setup.py"), "python_requires"},
                         Confidence::kCertain});
  }
  std::string list;
  if (RE2::PartialMatch(script, R"((?s)install_requires\s*=\s*\[(.*?)\])", &list)) {
    re2::StringPiece rest(list);
    while (RE2::FindAndConsume(&rest, R"(['"]([^'"]+)['"])", &value)) {
      AddRequirement(value, {PathOf("setup.py"), "install_requires"});
    }
  }
  if (RE2::PartialMatch(config, R"((?m)^install_requires\s*=\s*\n((?:[ \t]+\S.*\n?)+))", &list)) {
    for (const std::string& line : SplitLines(list)) {
      AddRequirement(line, {PathOf("setup.cfg"), "options.install_requires"});
    }
  }
}

// Whether a file lies in a directory below that is a project of its own.
bool PythonProject::IsOfAnother(std::string_view path) const {
  for (std::string_view place = ParentOf(path); place.size() > directory_.size();
       place = ParentOf(place)) {
    for (const char* manifest : {"pyproject.toml", "setup.py", "Pipfile", "requirements.txt"}) {
      if (tree_.Has(JoinPath(place, manifest))) {
        return true;
      }
    }
  }
  return false;
}

void PythonProject::ListModules() {
  const std::size_t skip = directory_.empty() ? 0 : directory_.size() + 1;
  for (const std::string& path : tree_.Below(directory_, ".py")) {
    std::string inner = path.substr(skip);
    if (IsOfAnother(path)) {
      continue;
    }
    if (!IsBesideTheProject(inner) && !IsMigration(inner) && inner != "setup.py") {
      modules_.push_back(std::move(inner));
    }
  }
  const auto depth = [](const std::string& path) {
    return std::count(path.begin(), path.end(), '/');
  };
  std::sort(modules_.begin(), modules_.end(), [&](const std::string& a, const std::string& b) {
    return depth(a) != depth(b) ? depth(a) < depth(b) : a < b;
  });
  modules_.resize(std::min(modules_.size(), kMaxModules));
}

PythonObject PythonProject::ObjectIn(const std::string& file, std::string name) const {
  PythonObject object;
  object.file = file;
  object.name = std::move(name);
  // A source directory that is no package is where imports begin.
  std::string inner = file;
  for (const char* root : {"src", "app", "backend"}) {
    const std::string beginning = std::string(root) + "/";
    const bool is_plain = std::string_view(root) == "src" && !Has("src/__init__.py");
    if (is_plain && inner.starts_with(beginning)) {
      object.import_root = root;
      inner.erase(0, beginning.size());
    }
  }
  inner.resize(inner.size() - std::string_view(".py").size());
  if (inner.ends_with("/__init__")) {
    inner.resize(inner.size() - std::string_view("/__init__").size());
  }
  std::replace(inner.begin(), inner.end(), '/', '.');
  object.module = inner;
  return object;
}

std::optional<PythonObject> PythonProject::Find(const char* pattern, bool is_factory) const {
  const RE2 regex(pattern);
  for (const std::string& file : modules_) {
    const std::string* text = tree_.Read(PathOf(file));
    re2::StringPiece name;
    if (text == nullptr || !RE2::PartialMatch(*text, regex, &name)) {
      continue;
    }
    PythonObject object = ObjectIn(file, std::string(name));
    object.is_factory = is_factory;
    object.line = "line " + std::to_string(1 + std::count(text->data(), name.data(), '\n'));
    return object;
  }
  return std::nullopt;
}

std::string PythonProject::WorkspaceOf() const {
  std::string_view above = directory_;
  while (!above.empty()) {
    above = ParentOf(above);
    const std::string path = JoinPath(above, "pyproject.toml");
    if (tree_.Has(path) && tree_.Has(JoinPath(above, "uv.lock")) &&
        !At(ReadTomlFile(tree_, path), "tool.uv.workspace").is_null()) {
      return std::string(above);
    }
  }
  return directory_;
}

std::optional<Finding> PythonProject::Monorepo() const {
  return is_workspace_root_
             ? std::optional(Finding("uv", {PathOf("pyproject.toml"), "tool.uv.workspace"},
                                     Confidence::kCertain))
             : std::nullopt;
}

std::string PythonProject::InstallCommand(std::string_view manager, bool has_lock) const {
  if (manager == "uv") {
    return has_lock ? "uv sync --locked --no-dev" : "uv sync --no-dev";
  }
  if (manager == "poetry") {
    return "poetry install --only main --no-root";
  }
  if (manager == "pdm") {
    return has_lock ? "pdm install --prod --frozen-lockfile" : "pdm install --prod";
  }
  if (manager == "pipenv") {
    return has_lock ? "pipenv install --deploy" : "pipenv install";
  }
  if (manager == "conda") {
    return "conda env update --name base --file " +
           std::string(Has("environment.yml") ? "environment.yml" : "environment.yaml");
  }
  if (!requirements_.empty()) {
    return "pip install -r " + requirements_;
  }
  return has_manifest_ ? "pip install ." : "";
}

void PythonProject::ChooseManager(App& app) const {
  Choice choice;
  app.workspace = WorkspaceOf();
  if (app.workspace != directory_) {
    choice.Add("uv", {JoinPath(app.workspace, "uv.lock"), {}}, Confidence::kLikely);
  }
  for (const auto& [name, source] : managers_) {
    choice.Add(name, source, Confidence::kLikely);
  }
  const Finding manager = choice.BestOr("pip");
  app.package_manager = manager;
  const std::string lock = JoinPath(app.workspace, LockNameOf(manager.value));
  const bool has_lock = tree_.Has(lock);
  if (has_lock) {
    app.lock_file = Finding(lock, {lock, {}}, Confidence::kCertain);
  }
  if (std::string command = InstallCommand(manager.value, has_lock); !command.empty()) {
    app.install.emplace_back(std::move(command), manager.source, Confidence::kLikely);
  }
}

void PythonProject::ChooseVersion(App& app) const {
  Choice choice;
  for (const std::string& place : {directory_, app.workspace}) {
    const std::string path = JoinPath(place, ".python-version");
    if (const std::string version = FirstLine(tree_, path); IsVersion(version)) {
      choice.Add(version, {path, {}});
    }
  }
  std::string runtime = FirstLine(tree_, PathOf("runtime.txt"));
  if (runtime.starts_with("python-")) {
    choice.Add(runtime.substr(std::string_view("python-").size()), {PathOf("runtime.txt"), {}});
  }
  if (const auto tool = ToolVersion(tree_, directory_, {"python"})) {
    choice.Add(tool->value, tool->source);
  }
  for (const Candidate& candidate : versions_) {
    choice.Add(candidate.value, candidate.source);
  }
  app.version = choice.Best();
}

void PythonProject::Describe(App& app) const {
  app.directory = directory_;
  app.name = Finding(PlainName(name_, directory_), name_.empty() ? Source{} : name_source_,
                     name_.empty() ? Confidence::kGuess : Confidence::kCertain);
  app.language = Finding(
      "python",
      {has_manifest_ && !managers_.empty() ? managers_.front().second.file : std::string(), {}},
      Confidence::kCertain);
  app.dependencies = dependencies_;
  ChooseManager(app);
  ChooseVersion(app);
  AddNeeds(Ecosystem::kPyPi, app);
}

}  // namespace casemate::analysis
