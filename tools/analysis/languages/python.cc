// Python: pip, uv, Poetry, PDM, Pipenv, conda; Django, FastAPI, Flask and their like.
// Traits: "python.import_root" (where imports begin, when that is not the project),
// "django.settings", "python.server" (gunicorn, uvicorn, …: what the run command is of).
#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/languages/languages.h"
#include "tools/analysis/languages/python_code.h"
#include "tools/analysis/languages/python_project.h"
#include "tools/analysis/names.h"

namespace casemate::analysis {

namespace {

enum class Kind { kDjango, kAsgi, kWsgi, kStreamlit, kScript, kDash, kSanic };

struct PythonFramework {
  std::string_view name;
  std::string_view package;
  Kind kind;
  // Of the object that servers are given, group 1: its name.
  const char* object;
  std::string_view port;
  // That is imported; empty: it is called like the package.
  std::string_view module = {};  // NOLINT(readability-redundant-member-init): see finding.h
};

constexpr auto kFrameworks = std::to_array<PythonFramework>({
    {"django", "django", Kind::kDjango, nullptr, "8000"},
    {"streamlit", "streamlit", Kind::kStreamlit, nullptr, "8501"},
    {"chainlit", "chainlit", Kind::kStreamlit, nullptr, "8000"},
    {"dash", "dash", Kind::kDash, R"((?m)^(\w+)\s*(?::[^=\n]+)?=\s*(?:dash\.)?Dash\()", "8050"},
    {"gradio", "gradio", Kind::kScript, R"((?m)^\s*(?:with\s+)?(?:import|from)\s+(gradio))",
     "7860"},
    {"nicegui", "nicegui", Kind::kScript, R"((?m)^\s*(?:import|from)\s+(nicegui))", "8080"},
    {"fastapi", "fastapi", Kind::kAsgi, R"((?m)^(\w+)\s*(?::[^=\n]+)?=\s*(?:fastapi\.)?FastAPI\()",
     "8000"},
    {"fasthtml", "python-fasthtml", Kind::kAsgi,
     R"((?m)^(\w+)(?:\s*,\s*\w+)*\s*=\s*(?:FastHTML|fast_app)\()", "5001", "fasthtml"},
    {"litestar", "litestar", Kind::kAsgi, R"((?m)^(\w+)\s*(?::[^=\n]+)?=\s*Litestar\()", "8000"},
    {"quart", "quart", Kind::kAsgi, R"((?m)^(\w+)\s*(?::[^=\n]+)?=\s*Quart\()", "8000"},
    {"starlette", "starlette", Kind::kAsgi, R"((?m)^(\w+)\s*(?::[^=\n]+)?=\s*Starlette\()", "8000"},
    {"flask", "flask", Kind::kWsgi, R"((?m)^(\w+)\s*(?::[^=\n]+)?=\s*(?:flask\.)?Flask\()", "5000"},
    {"falcon", "falcon", Kind::kWsgi, R"((?m)^(\w+)\s*(?::[^=\n]+)?=\s*falcon\.(?:App|API)\()",
     "8000"},
    {"pyramid", "pyramid", Kind::kScript, R"((make_wsgi_app))", "6543"},
    {"bottle", "bottle", Kind::kScript, R"((?m)^\s*(?:import|from)\s+(bottle))", "8080"},
    {"sanic", "sanic", Kind::kSanic, R"((?m)^(\w+)\s*(?::[^=\n]+)?=\s*Sanic\()", "8000"},
    {"tornado", "tornado", Kind::kScript, R"((?m)^\s*(?:import|from)\s+(tornado))", "8888"},
    {"aiohttp", "aiohttp", Kind::kScript, R"((?m)(run_app)\()", "8080"},
});

constexpr const char* kFactory = R"((?m)^def\s+(create_app|make_app|get_app|build_app)\()";

// Files that are run by their names, where nothing else says what is.
constexpr std::array<std::string_view, 11> kMainFiles = {
    "main.py",  "app.py",  "server.py", "run.py",      "bot.py",    "start.py",
    "hello.py", "wsgi.py", "index.py",  "src/main.py", "src/app.py"};

class PythonAnalysis {
 public:
  explicit PythonAnalysis(const PythonProject& project) : project_(project) {}
  std::optional<Claimed> Analyse();

 private:
  bool FindDjango();
  void ChooseFramework();
  [[nodiscard]] bool Imports(std::string_view package) const;
  void RunFramework();
  void RunDjango();
  void ServeDjango(const std::string& wsgi, const std::string& asgi, const Source& source);
  void RunOnlyScript();
  [[nodiscard]] std::string DjangoSettings() const;
  void AddDjangoDatabase(const std::string& settings, const std::string& file);
  void RunObject();
  void RunAsgi(const PythonObject& object);
  void RunWsgi(const PythonObject& object);
  void RunStreamlit();
  void RunScript();
  void AddWorkers();
  void SetRun(std::string command, Source source, Confidence confidence);
  void AddOtherRun(std::string command, Source source);
  void ChoosePorts();
  [[nodiscard]] std::string Port() const;
  [[nodiscard]] std::string Target(const PythonObject& object) const;
  [[nodiscard]] std::string MainFile() const;

  const PythonProject& project_;
  const PythonFramework* framework_ = nullptr;
  CodeFacts facts_;
  std::string django_root_;  // where manage.py lies; empty: beside the manifest
  App app_;
};

bool PythonAnalysis::Imports(std::string_view package) const {
  const RE2 import("(?m)^(?:import|from)\\s+" + std::string(package) + "\\b");
  return std::any_of(project_.modules().begin(), project_.modules().end(),
                     [&](const std::string& file) {
                       const std::string* text = project_.tree().Read(project_.PathOf(file));
                       return text != nullptr && RE2::PartialMatch(*text, import);
                     });
}

// Django's manage.py lies beside the manifest, or in a directory below it.
bool PythonAnalysis::FindDjango() {
  if (project_.Has("manage.py")) {
    return true;
  }
  for (const std::string& module : project_.modules()) {
    const std::string_view place = ParentOf(module);
    if (project_.Uses("django") && NameOf(module) == "manage.py" &&
        place.find('/') == std::string_view::npos) {
      django_root_ = place;
      app_.traits["python.import_root"] = django_root_;
      return true;
    }
  }
  return false;
}

void PythonAnalysis::ChooseFramework() {
  for (const PythonFramework& framework : kFrameworks) {
    const bool is_stated = project_.Uses(framework.package);
    // Installed by something else, or only for some code: what imports nothing of it is not its.
    const bool is_imported =
        framework.kind == Kind::kDjango
            ? FindDjango()
            : Imports(framework.module.empty() ? framework.package : framework.module);
    if (is_imported &&
        (is_stated || app_.dependencies.empty() || framework.kind == Kind::kDjango)) {
      framework_ = &framework;
      const auto dependency =
          std::find_if(app_.dependencies.begin(), app_.dependencies.end(),
                       [&](const Dependency& other) { return other.name == framework.package; });
      app_.framework =
          Finding(std::string(framework.name),
                  dependency == app_.dependencies.end() ? Source{} : dependency->source,
                  is_stated ? Confidence::kCertain : Confidence::kLikely);
      app_.kind = AppKind::kService;
      return;
    }
  }
}

void PythonAnalysis::SetRun(std::string command, Source source, Confidence confidence) {
  if (!app_.run) {
    app_.run = Finding(std::move(command), std::move(source), confidence);
  } else {
    AddOtherRun(std::move(command), std::move(source));
  }
}

void PythonAnalysis::AddOtherRun(std::string command, Source source) {
  if (app_.run && app_.run->value != command) {
    app_.run->alternatives.push_back({std::move(command), std::move(source), Confidence::kLikely});
  }
}

std::string PythonAnalysis::Port() const {
  return facts_.ports.empty() ? std::string(framework_->port) : facts_.ports.front().value;
}

std::string PythonAnalysis::Target(const PythonObject& object) const {
  return object.module + ":" + object.name;
}

void PythonAnalysis::RunAsgi(const PythonObject& object) {
  const Source source{project_.PathOf(object.file), object.line};
  const std::string port = Port();
  if (!object.import_root.empty()) {
    app_.traits["python.import_root"] = object.import_root;
  }
  const std::string root = object.import_root.empty() ? "" : " --app-dir " + object.import_root;
  const std::string factory = object.is_factory ? " --factory" : "";
  const std::string where = " --host 0.0.0.0 --port " + port;
  if (framework_->name == "quart" || (project_.Uses("hypercorn") && !project_.Uses("uvicorn"))) {
    app_.traits["python.server"] = "hypercorn";
    SetRun(
        "hypercorn --bind 0.0.0.0:" + port + " " + Target(object) + (object.is_factory ? "()" : ""),
        source, Confidence::kLikely);
  } else if (project_.Uses("granian")) {
    app_.traits["python.server"] = "granian";
    SetRun("granian --interface asgi" + where + factory + " " + Target(object), source,
           Confidence::kLikely);
  } else if (project_.Uses("fastapi[standard]") && !project_.Uses("uvicorn") &&
             !object.is_factory) {
    app_.traits["python.server"] = "fastapi";
    SetRun("fastapi run " + object.file + " --port " + port, source, Confidence::kLikely);
  } else {
    app_.traits["python.server"] = "uvicorn";
    SetRun("uvicorn " + Target(object) + where + factory + root, source, Confidence::kLikely);
  }
  if (project_.Uses("gunicorn")) {
    AddOtherRun("gunicorn --worker-class uvicorn.workers.UvicornWorker --bind 0.0.0.0:" + port +
                    " " + Target(object),
                source);
  }
}

void PythonAnalysis::RunWsgi(const PythonObject& object) {
  const Source source{project_.PathOf(object.file), object.line};
  if (!object.import_root.empty()) {
    app_.traits["python.import_root"] = object.import_root;
  }
  const std::string target = Target(object) + (object.is_factory ? "()" : "");
  const bool has_port = !facts_.ports.empty();
  if (project_.Uses("gunicorn")) {
    app_.traits["python.server"] = "gunicorn";
    const bool has_config = project_.Has("gunicorn.conf.py");
    const std::string port = has_port ? facts_.ports.front().value : "8000";
    const std::string root =
        object.import_root.empty() ? "" : "--chdir " + object.import_root + " ";
    if (!has_port) {
      facts_.ports.emplace_back("8000", Source{}, Confidence::kGuess);
    }
    SetRun("gunicorn " + root + (has_config ? "" : "--bind 0.0.0.0:" + port + " ") +
               (object.is_factory ? "\"" + target + "\"" : target),
           source, Confidence::kLikely);
  } else if (project_.Uses("waitress")) {
    app_.traits["python.server"] = "waitress";
    SetRun("waitress-serve --host 0.0.0.0 --port " + Port() +
               (object.is_factory ? " --call " : " ") + Target(object),
           source, Confidence::kLikely);
  } else if (framework_->name == "flask") {
    app_.traits["python.server"] = "flask";
    // Flask finds app, application and create_app itself; other names are told.
    const bool is_known =
        object.name == "app" || object.name == "application" || object.name == "create_app";
    SetRun("flask --app " + (is_known ? object.module : Target(object)) +
               " run --host 0.0.0.0 --port " + Port(),
           source, Confidence::kLikely);
  } else {
    SetRun("python " + object.file, source, Confidence::kLikely);
  }
}

void PythonAnalysis::RunObject() {
  auto object = project_.Find(framework_->object);
  if (framework_->kind == Kind::kDash) {
    // Dash carries the WSGI object, which is what servers are given.
    if (const auto server = project_.Find(R"((?m)^(\w+)\s*=\s*\w+\.server\b)");
        server && project_.Uses("gunicorn")) {
      RunWsgi(*server);
    } else if (object) {
      SetRun("python " + object->file, {project_.PathOf(object->file), object->line},
             Confidence::kLikely);
    }
    return;
  }
  if (!object) {
    object = project_.Find(kFactory, true);
  }
  if (!object) {
    return;
  }
  if (NameOf(object->file) == "__main__.py" && object->module.find('.') != std::string::npos) {
    SetRun("python -m " + object->module.substr(0, object->module.rfind('.')),
           {project_.PathOf(object->file), object->line}, Confidence::kLikely);
  } else if (framework_->kind == Kind::kSanic) {
    SetRun("sanic " + Target(*object) + " --host 0.0.0.0 --port " + Port(),
           {project_.PathOf(object->file), object->line}, Confidence::kLikely);
  } else if (framework_->kind == Kind::kAsgi) {
    RunAsgi(*object);
  } else {
    RunWsgi(*object);
  }
  const std::string main = MainFile();
  if (!main.empty() && project_.Text(main).find("__main__") != std::string::npos) {
    AddOtherRun("python " + main, {project_.PathOf(main), "__main__"});
  }
}

// The text of all of Django's settings.
std::string PythonAnalysis::DjangoSettings() const {
  std::string all;
  for (const std::string& file : project_.modules()) {
    if (NameOf(file).starts_with("settings") || file.find("settings/") != std::string::npos) {
      const std::string* text = project_.tree().Read(project_.PathOf(file));
      all += text == nullptr ? "" : *text;
    }
  }
  return all;
}

// The module that a setting names with its object: "shop.wsgi" of 'shop.wsgi.application'.
std::string ModuleOf(const std::string& settings, const char* pattern, std::string standby) {
  std::string module;
  RE2::PartialMatch(settings, pattern, &module);
  return module.empty() ? std::move(standby) : module;
}

// An option that names a directory; empty without one.
std::string Within(const char* option, const std::string& directory) {
  return directory.empty() ? std::string() : option + directory;
}

// By the server for production that it depends on.
void PythonAnalysis::ServeDjango(const std::string& wsgi, const std::string& asgi,
                                 const Source& source) {
  const std::string port = Port();
  const auto serve = [&](const char* server, std::string command) {
    app_.traits["python.server"] = server;
    SetRun(std::move(command), source, Confidence::kLikely);
  };
  const std::string& root = django_root_;
  if (project_.Uses("granian") && !(asgi.empty() && wsgi.empty())) {
    const bool is_async = !asgi.empty();
    serve("granian", std::string("granian --interface ") + (is_async ? "asgi" : "wsgi") +
                         " --host 0.0.0.0 --port " + port + Within(" --working-dir ", root) + " " +
                         (is_async ? asgi : wsgi) + ":application");
  } else if (!asgi.empty() && (project_.Uses("daphne") || project_.Uses("channels"))) {
    serve("daphne", (root.empty() ? "" : "cd " + root + " && ") + "daphne -b 0.0.0.0 -p " + port +
                        " " + asgi + ":application");
  } else if (!asgi.empty() && project_.Uses("uvicorn") && !project_.Uses("gunicorn")) {
    serve("uvicorn", "uvicorn " + asgi + ":application --host 0.0.0.0 --port " + port +
                         Within(" --app-dir ", root));
  } else if (project_.Uses("gunicorn") && !wsgi.empty()) {
    serve("gunicorn", "gunicorn" + Within(" --chdir ", root) + " --bind 0.0.0.0:" + port + " " +
                          wsgi + ":application");
  } else if (project_.Uses("uwsgi") && !wsgi.empty()) {
    serve("uwsgi", "uwsgi --http 0.0.0.0:" + port + " --module " + wsgi + ":application" +
                       Within(" --chdir ", root));
  } else {
    project_.tree().Note(source.file +
                         ": no server for production is among the dependencies; gunicorn is usual");
  }
}

void PythonAnalysis::RunDjango() {
  const std::string script = JoinPath(django_root_, "manage.py");
  const std::string manage = project_.PathOf(script);
  std::string settings;
  RE2::PartialMatch(project_.Text(script),
                    R"re(DJANGO_SETTINGS_MODULE['"]\s*,\s*['"]([\w.]+)['"])re", &settings);
  app_.traits["django.settings"] = settings;
  const std::string package = settings.substr(0, settings.find('.'));
  const std::string text = DjangoSettings();
  const std::string wsgi =
      ModuleOf(text, R"re((?m)^WSGI_APPLICATION\s*=\s*['"]([\w.]+)\.\w+['"])re",
               package.empty() ? "" : package + ".wsgi");
  const std::string asgi =
      ModuleOf(text, R"re((?m)^ASGI_APPLICATION\s*=\s*['"]([\w.]+)\.\w+['"])re", "");
  const Source source{manage, "DJANGO_SETTINGS_MODULE"};
  const std::string port = Port();
  ServeDjango(wsgi, asgi, source);
  SetRun("python " + script + " runserver 0.0.0.0:" + port, {manage, {}}, Confidence::kLikely);
  if (RE2::PartialMatch(text, R"((?m)^STATIC_ROOT\s*=)")) {
    app_.build.emplace_back("python " + script + " collectstatic --noinput",
                            Source{manage, "STATIC_ROOT"}, Confidence::kLikely);
  }
  AddDjangoDatabase(text, manage);
}

void PythonAnalysis::AddDjangoDatabase(const std::string& settings, const std::string& file) {
  std::string engine;
  if (!RE2::PartialMatch(settings, R"re(django\.db\.backends\.(postgresql|mysql|sqlite3))re",
                         &engine)) {
    return;
  }
  const std::string service = engine == "postgresql" ? "postgres"
                              : engine == "sqlite3"  ? "sqlite"
                                                     : engine;
  const bool is_known = std::any_of(app_.services.begin(), app_.services.end(),
                                    [&](const Finding& other) { return other.value == service; });
  if (!is_known) {
    app_.services.emplace_back(service, Source{file, "DATABASES"}, Confidence::kLikely);
  }
}

void PythonAnalysis::RunStreamlit() {
  std::string file;
  for (const char* name : {"streamlit_app.py", "app.py", "main.py", "Home.py", "home.py"}) {
    if (file.empty() && project_.Has(name)) {
      file = name;
    }
  }
  const std::string import = "import " + std::string(framework_->package);
  for (const std::string& module : project_.modules()) {
    if (file.empty() && project_.Text(module).find(import) != std::string::npos) {
      file = module;
    }
  }
  if (file.empty()) {
    return;
  }
  std::string port;
  const std::string config = ".streamlit/config.toml";
  if (RE2::PartialMatch(project_.Text(config), R"((?m)^\s*port\s*=\s*(\d+))", &port)) {
    facts_.ports = {Finding(port, {project_.PathOf(config), "server.port"}, Confidence::kCertain)};
  }
  if (framework_->name == "chainlit") {
    SetRun("chainlit run " + file + " --host 0.0.0.0 --port " + Port() + " --headless",
           {project_.PathOf(file), {}}, Confidence::kLikely);
  } else {
    SetRun("streamlit run " + file + " --server.address 0.0.0.0 --server.port " + Port() +
               " --server.headless true",
           {project_.PathOf(file), {}}, Confidence::kLikely);
    app_.health = Finding("/_stcore/health", {}, Confidence::kLikely);
  }
}

std::string PythonAnalysis::MainFile() const {
  for (const std::string_view file : kMainFiles) {
    if (project_.Has(file)) {
      return std::string(file);
    }
  }
  return {};
}

// The only file there is, or the only one that is said to be run.
void PythonAnalysis::RunOnlyScript() {
  std::vector<std::string> top;
  for (const std::string& module : project_.modules()) {
    if (module.find('/') == std::string::npos && module != "__init__.py" &&
        module != "conftest.py") {
      top.push_back(module);
    }
  }
  // Of several, the one that is said to be run: not a client beside a server.
  std::vector<std::string> mains;
  for (const std::string& module : top) {
    const bool is_for_others = RE2::PartialMatch(module, "client|test|util");
    if (!is_for_others && project_.Text(module).find("__main__") != std::string::npos) {
      mains.push_back(module);
    }
  }
  const std::vector<std::string>& candidates = top.size() == 1 ? top : mains;
  if (candidates.size() == 1) {
    SetRun("python " + candidates.front(), {project_.PathOf(candidates.front()), {}},
           Confidence::kGuess);
  }
}

// What runs by itself: a script that the package installs, a main module, the only file there is.
void PythonAnalysis::RunScript() {
  if (framework_ != nullptr && framework_->object != nullptr) {
    if (const auto object = project_.Find(framework_->object)) {
      const std::string* text = project_.tree().Read(project_.PathOf(object->file));
      const bool is_main = text != nullptr && text->find("__main__") != std::string::npos;
      if (is_main || MainFile().empty()) {
        SetRun("python " + object->file, {project_.PathOf(object->file), object->line},
               Confidence::kLikely);
        return;
      }
    }
  }
  if (!project_.scripts().empty()) {
    const Candidate& first = project_.scripts().front();
    SetRun(first.value, first.source, Confidence::kCertain);
    for (std::size_t i = 1; i < project_.scripts().size(); ++i) {
      AddOtherRun(project_.scripts()[i].value, project_.scripts()[i].source);
    }
    return;
  }
  if (const std::string main = MainFile(); !main.empty()) {
    SetRun("python " + main, {project_.PathOf(main), {}}, Confidence::kLikely);
    return;
  }
  for (const std::string& module : project_.modules()) {
    const std::string_view package = ParentOf(module);
    if (NameOf(module) == "__main__.py" && !package.empty()) {
      const PythonObject object = project_.ObjectIn(module, {});
      if (!object.import_root.empty()) {
        app_.traits["python.import_root"] = object.import_root;
      }
      const std::size_t end = object.module.rfind('.');
      SetRun("python -m " + object.module.substr(0, end), {project_.PathOf(module), {}},
             Confidence::kLikely);
      return;
    }
  }
  RunOnlyScript();
}

void PythonAnalysis::RunFramework() {
  switch (framework_->kind) {
    case Kind::kDjango:
      RunDjango();
      break;
    case Kind::kStreamlit:
      RunStreamlit();
      break;
    case Kind::kScript:
      break;
    default:
      RunObject();
  }
}

// A queue's worker stands beside what serves, or is all there is.
void PythonAnalysis::AddWorkers() {
  if (!project_.Uses("celery")) {
    return;
  }
  const auto object = project_.Find(R"((?m)^(\w+)\s*(?::[^=\n]+)?=\s*(?:celery\.)?Celery\()");
  if (!object) {
    return;
  }
  const std::string module = framework_ != nullptr && framework_->kind == Kind::kDjango &&
                                     object->module.ends_with(".celery")
                                 ? object->module.substr(0, object->module.rfind('.'))
                                 : object->module;
  Finding command("celery --app " + module + " worker",
                  {project_.PathOf(object->file), object->line}, Confidence::kLikely);
  if (framework_ == nullptr) {
    SetRun(command.value, command.source, command.confidence);
  } else {
    app_.processes.push_back({"worker", std::move(command)});
  }
}

void PythonAnalysis::ChoosePorts() {
  std::string bound;
  const std::string config = "gunicorn.conf.py";
  if (RE2::PartialMatch(project_.Text(config),
                        R"re((?m)^bind\s*=\s*f?['"][^'"\n]*:(\d{2,5})['"])re", &bound)) {
    facts_.ports.insert(facts_.ports.begin(),
                        Finding(bound, {project_.PathOf(config), "bind"}, Confidence::kCertain));
  }
}

std::optional<Claimed> PythonAnalysis::Analyse() {
  project_.Describe(app_);
  facts_ = ScanPython(project_);
  ChoosePorts();
  ChooseFramework();
  if (framework_ != nullptr) {
    RunFramework();
  }
  AddWorkers();
  if (!app_.run) {
    RunScript();
  }
  if (framework_ == nullptr && !facts_.ports.empty() && app_.run) {
    app_.kind = AppKind::kService;
  }
  if (app_.kind == AppKind::kProgram) {
    facts_.ports.clear();
    facts_.health.reset();
  } else if (facts_.ports.empty() && framework_ != nullptr) {
    facts_.ports.emplace_back(std::string(framework_->port), Source{}, Confidence::kGuess);
  }
  AddCodeFacts(std::move(facts_), app_);
  if (!project_.has_manifest()) {
    if (project_.modules().empty() || (!app_.run && framework_ == nullptr)) {
      return std::nullopt;
    }
    return Claimed{std::move(app_), framework_ != nullptr ? Claim::kRunnable : Claim::kSource,
                   false};
  }
  const Claim claim = framework_ != nullptr && app_.run ? Claim::kFramework
                      : app_.run                        ? Claim::kRunnable
                                                        : Claim::kManifest;
  // What no package manager can build holds notebooks, say: no part of others.
  if (!app_.run && project_.directory().empty() && !project_.has_build()) {
    return Claimed{std::move(app_), Claim::kSource, false};
  }
  const bool is_library = !app_.run;
  return Claimed{std::move(app_), claim, is_library};
}

}  // namespace

LanguageFindings AnalysePython(const SourceTree& tree, const std::string& directory) {
  LanguageFindings found;
  const std::vector<std::string> names = tree.In(directory);
  const bool may_be = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name.ends_with(".py") || name == "pyproject.toml" || name == "Pipfile" ||
           name == "environment.yml" || name == "environment.yaml" ||
           name.starts_with("requirements") || name == "setup.cfg";
  });
  // A directory of a package is a part of the project around it.
  const bool is_package = tree.Has(JoinPath(directory, "__init__.py"));
  if (!may_be && !tree.Has(JoinPath(directory, "requirements/base.txt"))) {
    return found;
  }
  const PythonProject project(tree, directory);
  const bool is_django = project.Has("manage.py");
  if (!project.has_manifest() && (is_package || !directory.empty()) && !is_django) {
    return found;
  }
  if (!project.has_manifest() && is_django && !directory.empty() &&
      PythonProject(tree, std::string(ParentOf(directory))).Uses("django")) {
    return found;  // the project around it runs it
  }
  found.monorepo = project.Monorepo();
  if (auto claimed = PythonAnalysis(project).Analyse()) {
    if (!(found.monorepo && claimed->is_library)) {
      found.apps.push_back(*std::move(claimed));
    }
  }
  return found;
}

}  // namespace casemate::analysis
