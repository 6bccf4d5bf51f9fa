// Go: modules, workspaces, and every main package in them.
//
// A module with one main package is one application, which begins where the module does; of several
// each begins in its own directory. Traits: "go.module" (its path), "go.package" (what is built,
// relative to the application's directory), "go.cgo" ("1": needs a C compiler and the C library),
// "go.vendor" ("1": dependencies lie in vendor/), "go.files" (files and directories of the
// application's directory that the program opens when it runs, by space).
#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/languages/go_module.h"
#include "tools/analysis/languages/languages.h"
#include "tools/analysis/names.h"
#include "tools/analysis/needs.h"

namespace casemate::analysis {

namespace {

constexpr std::size_t kMaxMains = 100;

struct GoFramework {
  std::string_view import;  // begins so
  std::string_view name;
  std::string_view port;  // that it listens on by itself, or by custom
};

// Those that wrap others come first.
constexpr auto kFrameworks = std::to_array<GoFramework>({
    {"github.com/gin-gonic/gin", "gin", "8080"},
    {"github.com/labstack/echo", "echo", "8080"},
    {"github.com/gofiber/fiber", "fiber", "3000"},
    {"github.com/beego/beego", "beego", "8080"},
    {"github.com/astaxie/beego", "beego", "8080"},
    {"github.com/gobuffalo/buffalo", "buffalo", "3000"},
    {"github.com/revel/revel", "revel", "9000"},
    {"github.com/kataras/iris", "iris", "8080"},
    {"github.com/cloudwego/hertz", "hertz", "8888"},
    {"github.com/go-kratos/kratos", "kratos", "8000"},
    {"github.com/zeromicro/go-zero", "go-zero", "8888"},
    {"goa.design/goa", "goa", "8080"},
    {"github.com/go-chi/chi", "chi", "8080"},
    {"github.com/gorilla/mux", "gorilla/mux", "8080"},
    {"github.com/julienschmidt/httprouter", "httprouter", "8080"},
    {"github.com/danielgtaylor/huma", "huma", "8888"},
    {"github.com/valyala/fasthttp", "fasthttp", "8080"},
    {"connectrpc.com/connect", "connect", "8080"},
});

const CodePatterns& Patterns() {
  static const CodePatterns kPatterns{
      .suffixes = {".go"},
      .environment =
          {
              {R"re((?:os|syscall)\.Getenv\("(\w+)"\)\s*;?\s*(?:if\s+)?[\w.]*;?\s*if\s+\w+\s*==\s*""\s*\{\s*(?:log\.\w*(?:Fatal|Panic)|logger\.Fatal|slog\.Error[^}]*os\.Exit|panic\(|os\.Exit|return\s[^}]*(?:errors\.New|fmt\.Errorf)))re",
               true},
              {R"re(os\.LookupEnv\("(\w+)"\)[^{]*!\s*ok\s*\{\s*(?:log\.\w*(?:Fatal|Panic)|panic\(|os\.Exit|return\s[^}]*(?:errors\.New|fmt\.Errorf)))re",
               true},
              {R"re(os\.Getenv\("(\w+)"\)\s*if\s+\w+\s*==\s*""\s*\{\s*\w+\s*=\s*"([^"]*)"\s*\})re"},
              {R"re(os\.Getenv\("(\w+)"\);\s*\w+\s*==\s*""\s*\{\s*(?:log\.\w*(?:Fatal|Panic)|panic\(|os\.Exit))re",
               true},
              {R"re((?:os\.LookupEnv|os\.Getenv)\("(\w+)"\))re"},
              {R"re(\b(?:[mM]ust|[rR]equired?)\w*[eE]nv\w*\(\s*"([A-Z][A-Z0-9_]*)"\s*\))re", true},
              {R"re(\b\w*[eE]nv\w*(?:\.\w+)?\(\s*"([A-Z][A-Z0-9_]*)"\s*,\s*"([^"]*)"\s*\))re"},
              {R"re(\b\w*[eE]nv\w*(?:\.\w+)?\(\s*"([A-Z][A-Z0-9_]*)"\s*,\s*(\d+|true|false)\s*\))re"},
              {R"re(\b(?:\w*[eE]nv|\w*[eE]nvOr\w*|getEnv\w*)\(\s*"([A-Z][A-Z0-9_]*)"\s*[,)])re"},
              {R"re(`[^`\n]*\benv:"(\w+)(?:,[^"]*)?"[^`\n]*\b(?:envDefault|env-default|default):"([^"]*)"[^`\n]*`)re"},
              {R"re(`[^`\n]*\benv:"(\w+),[^"]*(?:required|notEmpty)[^"]*"[^`\n]*`)re", true},
              {R"re(`[^`\n]*\benv:"(\w+)"[^`\n]*\b(?:env-)?required:"true"[^`\n]*`)re", true},
              {R"re(`[^`\n]*\benv:"(\w+)(?:,[^"]*)?"[^`\n]*`)re"},
              {R"re(`[^`\n]*\benvconfig:"(\w+)(?:,[^"]*)?"[^`\n]*\bdefault:"([^"]*)"[^`\n]*`)re"},
              {R"re(`[^`\n]*\benvconfig:"(\w+)"[^`\n]*\brequired:"true"[^`\n]*`)re", true},
              {R"re(`[^`\n]*\benvconfig:"(\w+)(?:,[^"]*)?"[^`\n]*`)re"},
              {R"re(\.BindEnv\(\s*"[^"]*"\s*,\s*"(\w+)"\s*\))re"},
          },
      .ports =
          {
              R"re((?:ListenAndServe(?:TLS)?|\.Run(?:TLS)?|\.Listen(?:TLS)?|\.Start(?:TLS)?|iris\.Addr|WithHostPorts|net\.Listen\(\s*"tcp[46]?"\s*,)\(?\s*"[^":\s]*:(\d{2,5})")re",
              R"re(\bAddr:\s*"[^":\s]*:(\d{2,5})")re",
              R"re(\b(?i:getenv|get_env|envor|lookup|\w*env\w*|\w*setdefault)(?:\.\w+)?\(\s*"(?i:[\w.-]*(?:port|addr|address|listen|bind))"\s*,\s*"?(?:[^":,\s()]*:)?(\d{2,5})\b)re",
              R"re(\b(?:flag|pflag|fs|flags|Flags\(\)|PersistentFlags\(\))\.\w+\((?:&[\w.]+,\s*)?\s*"(?i:[\w.-]*(?:port|addr|address|listen|bind|http))"\s*,\s*(?:"\w?"\s*,\s*)?"?(?:[^":,\s]*:)?(\d{2,5})\b)re",
              R"re((?i:\b\w*(?:port|addr|address))\s*(?::?=|string\s*=|int\s*=)\s*"?(?:[\d.]*:)?(\d{2,5})"?\s*(?:\n|\}|;))re",
              R"re(`[^`\n]*\benv(?:config)?:"(?i:\w*(?:PORT|ADDR|LISTEN)\w*)[^"]*"[^`\n]*(?:envDefault|env-default|default):"(?:[^":]*:)?(\d{2,5})")re",
              R"re([(,=]\s*":(\d{4,5})")re",
          },
  };
  return kPatterns;
}

// What all main packages of a module have in common.
struct Unit {
  const SourceTree& tree;
  std::string directory;  // of its go.mod
  std::string workspace;  // of the go.work that uses it, else the same
  GoModule module;
  GoModule work;
  std::optional<Finding> version;
  std::vector<std::string> mains;
  std::vector<std::string> beside;         // directories of other modules that it may import
  std::map<std::string, CodeFacts> facts;  // of packages, by directory
};

bool IsPlaceOfNoProgram(std::string_view inner) {
  while (!inner.empty()) {
    const std::string_view name = NameOf(inner);
    if (name.starts_with('_') || name.starts_with('.') || name == "vendor" || name == "testdata" ||
        name == "internal" || name == "hack" || name == "third_party" || name == "_examples") {
      return true;
    }
    inner = ParentOf(inner);
  }
  return false;
}

std::vector<std::string> FindMains(const Unit& unit, GoSources& sources) {
  std::vector<std::string> mains;
  const std::string prefix = unit.directory.empty() ? "" : unit.directory + "/";
  std::string other;  // a module below this one, whose directories follow one another
  for (const std::string& directory : unit.tree.directories()) {
    if (directory != unit.directory && !directory.starts_with(prefix)) {
      continue;
    }
    if (!other.empty() && directory.starts_with(other + "/")) {
      continue;
    }
    const bool is_inner = directory.size() > prefix.size();
    if (is_inner && unit.tree.Has(JoinPath(directory, "go.mod"))) {
      other = directory;
      continue;
    }
    const std::string_view inner =
        is_inner ? std::string_view(directory).substr(prefix.size()) : std::string_view();
    if (IsPlaceOfNoProgram(inner) || IsBesideTheProject(JoinPath(inner, "x"))) {
      continue;
    }
    if (sources.PackageIn(directory).is_main) {
      mains.push_back(directory);
    }
  }
  if (mains.size() > kMaxMains) {
    unit.tree.Note("the module in " + (unit.directory.empty() ? "." : unit.directory) + " has " +
                   std::to_string(mains.size()) + " main packages; only the first " +
                   std::to_string(kMaxMains) + " are listed");
    mains.resize(kMaxMains);
  }
  return mains;
}

std::optional<Finding> VersionOf(const Unit& unit) {
  Choice choice;
  const std::string mod = JoinPath(unit.directory, "go.mod");
  const std::string work = JoinPath(unit.workspace, "go.work");
  choice.Add(unit.work.toolchain, {work, "toolchain"});
  choice.Add(unit.module.toolchain, {mod, "toolchain"});
  choice.Add(unit.work.go, {work, "go"});
  choice.Add(unit.module.go, {mod, "go"});
  if (const auto place = FindUpwards(unit.tree, unit.directory, ".go-version")) {
    const std::string path = JoinPath(*place, ".go-version");
    choice.Add(FirstLine(unit.tree, path), {path, ""});
  }
  if (const auto pinned = ToolVersion(unit.tree, unit.directory, {"golang", "go"})) {
    choice.Add(pinned->value, pinned->source, pinned->confidence);
  }
  return choice.Best();
}

// "shop" of "github.com/acme/shop/v2".
std::string BaseOf(std::string_view module) {
  static const RE2 kMajor(R"(v\d+)");
  if (RE2::FullMatch(std::string(NameOf(module)), kMajor) && !ParentOf(module).empty()) {
    module = ParentOf(module);
  }
  return std::string(NameOf(module));
}

bool Uses(const std::string& import, std::string_view path) {
  return import == path || import.starts_with(std::string(path) + "/");
}

// One main package with all that it is built from.
class Program {
 public:
  Program(Unit& unit, GoSources& sources, std::string directory)
      : unit_(unit), main_(std::move(directory)), closure_(sources.Closure(main_)) {
    for (const std::string& place : closure_) {
      const GoPackage& package = sources.PackageIn(place);
      files_.insert(files_.end(), package.files.begin(), package.files.end());
      imports_.insert(package.imports.begin(), package.imports.end());
      packages_.emplace_back(place, &package);
    }
  }

  Claimed Describe() {
    const bool is_alone = unit_.mains.size() == 1;
    app_.directory = is_alone ? unit_.directory : main_;
    app_.workspace = unit_.workspace;
    app_.language =
        Finding("go", {JoinPath(unit_.directory, "go.mod"), "module"}, Confidence::kCertain);
    NameIt();
    app_.version = unit_.version;
    app_.package_manager =
        Finding("go", {JoinPath(unit_.directory, "go.mod"), ""}, Confidence::kCertain);
    AddDependencies();
    AddFacts();
    AddServing();
    AddCommands();
    AddRuntimeFiles();
    const bool serves = app_.kind == AppKind::kService;
    return {std::move(app_), serves ? Claim::kFramework : Claim::kRunnable, false};
  }

 private:
  void NameIt();
  void AddDependencies();
  void AddFacts();
  void AddServing();
  void AddCommands();
  void AddRuntimeFiles();
  // Where the code says something of this form; empty: nowhere.
  [[nodiscard]] Source FindInCode(const RE2& pattern) const;
  [[nodiscard]] Source ImportOf(std::string_view path) const;
  [[nodiscard]] std::string Arguments() const;

  Unit& unit_;
  std::string main_;
  std::vector<std::string> closure_;
  std::vector<std::string> files_;
  std::set<std::string> imports_;
  std::vector<std::pair<std::string, const GoPackage*>> packages_;
  App app_;
};

void Program::NameIt() {
  std::string name(NameOf(main_));
  Source source{main_, ""};
  if (main_ == unit_.directory || unit_.mains.size() == 1 || name == "cmd" || name == "main" ||
      name == "src") {
    name = BaseOf(unit_.module.path);
    source = {JoinPath(unit_.directory, "go.mod"), "module"};
  }
  app_.name = Finding(PlainName(name, main_), std::move(source), Confidence::kLikely);
}

Source Program::FindInCode(const RE2& pattern) const {
  for (const std::string& file : files_) {
    const std::string* text = unit_.tree.Read(file);
    if (text != nullptr && RE2::PartialMatch(*text, pattern)) {
      return {file, ""};
    }
  }
  return {};
}

Source Program::ImportOf(std::string_view path) const {
  for (const auto& [directory, package] : packages_) {
    for (const std::string& import : package->imports) {
      if (import.starts_with(path)) {
        return {package->files.empty() ? directory : package->files.front(), "import " + import};
      }
    }
  }
  return {};
}

// Of what the modules depend on, those that this program is made of.
void Program::AddDependencies() {
  std::vector<Dependency> all = unit_.module.dependencies;
  for (const std::string& place : unit_.beside) {
    const bool is_used =
        std::any_of(closure_.begin(), closure_.end(), [&](const std::string& directory) {
          return directory == place || directory.starts_with(place + "/");
        });
    if (is_used) {
      const GoModule other = ReadGoModule(unit_.tree, JoinPath(place, "go.mod"));
      all.insert(all.end(), other.dependencies.begin(), other.dependencies.end());
    }
  }
  for (const Dependency& dependency : all) {
    const bool is_known =
        std::any_of(app_.dependencies.begin(), app_.dependencies.end(),
                    [&](const Dependency& other) { return other.name == dependency.name; });
    const bool is_used =
        std::any_of(imports_.begin(), imports_.end(),
                    [&](const std::string& import) { return Uses(import, dependency.name); });
    if (is_used && !is_known) {
      app_.dependencies.push_back(dependency);
    }
  }
  AddNeeds(Ecosystem::kGo, app_);
  const bool calls_c = imports_.contains("C");
  const bool has_native = !app_.native_modules.empty();
  app_.traits["go.cgo"] = calls_c || has_native ? "1" : "0";
  if (calls_c && app_.system_packages.empty()) {
    for (const char* name : {"gcc", "libc6-dev"}) {
      app_.system_packages.push_back({Finding(name, ImportOf("C"), Confidence::kLikely), true});
    }
  }
}

void Program::AddFacts() {
  for (const auto& [directory, package] : packages_) {
    auto [at, is_new] = unit_.facts.try_emplace(directory);
    if (is_new) {
      at->second = ScanFiles(unit_.tree, package->files, Patterns());
    }
    AddCodeFacts(at->second, app_);
  }
  std::erase_if(app_.ports, [](const Finding& port) { return IsPortOfAnotherService(port.value); });
  const std::string config = JoinPath(unit_.directory, "conf/app.conf");
  if (const std::string* text = unit_.tree.Read(config); text != nullptr) {
    static const RE2 kBeegoPort(R"((?mi)^\s*(?:httpport|http\.port)\s*=\s*(\d+))");
    std::string port;
    if (RE2::PartialMatch(*text, kBeegoPort, &port)) {
      app_.ports.insert(app_.ports.begin(),
                        Finding(port, {config, "httpport"}, Confidence::kCertain));
    }
  }
}

void Program::AddServing() {
  static const RE2 kHttp(
      R"(http\.ListenAndServe|http\.Server\{|\bhttp\.Serve(?:TLS)?\(|autotls\.Run)");
  static const RE2 kGrpc(R"(grpc\.NewServer\()");
  static const RE2 kListens(R"(net\.Listen(?:TCP|UDP|Packet)?\()");
  static const RE2 kOpensPort(R"(\.Listen\()");
  std::string_view default_port;
  for (const GoFramework& framework : kFrameworks) {
    if (Source source = ImportOf(framework.import); !source.file.empty()) {
      app_.framework =
          Finding(std::string(framework.name), std::move(source), Confidence::kCertain);
      default_port = framework.port;
      break;
    }
  }
  if (Source source = FindInCode(kHttp); !app_.framework && !source.file.empty()) {
    app_.framework = Finding("net/http", std::move(source), Confidence::kCertain);
    default_port = "8080";
  }
  // Clients have servers of gRPC, too, over connections that they have opened.
  const bool listens_itself = !FindInCode(kListens).file.empty();
  if (Source source = FindInCode(kGrpc);
      !app_.framework && !source.file.empty() && !FindInCode(kOpensPort).file.empty()) {
    app_.framework = Finding("grpc", std::move(source), Confidence::kCertain);
    default_port = "50051";
  }
  const bool listens = app_.framework || listens_itself;
  app_.kind = listens ? AppKind::kService : AppKind::kProgram;
  if (!listens) {
    app_.ports.clear();
    app_.health.reset();
  } else if (app_.ports.empty() && !default_port.empty()) {
    app_.ports.emplace_back(std::string(default_port), Source{}, Confidence::kGuess);
  }
}

// Of a program with commands, the one that serves.
std::string Program::Arguments() const {
  if (app_.kind != AppKind::kService) {
    return {};
  }
  static const RE2 kCobra(R"re(\bUse:\s*"(serve|server|start|run|web|api|http|daemon)\b)re");
  static const RE2 kUrfave(R"re(\bName:\s*"(serve|server|start|run|web|api|http|daemon)")re");
  const bool has_cobra = !ImportOf("github.com/spf13/cobra").file.empty();
  const bool has_urfave = !ImportOf("github.com/urfave/cli").file.empty();
  if (!has_cobra && !has_urfave) {
    return {};
  }
  for (const std::string& file : files_) {
    const std::string* text = unit_.tree.Read(file);
    std::string command;
    // The root's own name may be one of these words, too: it has further commands.
    if (text != nullptr && RE2::PartialMatch(*text, has_cobra ? kCobra : kUrfave, &command) &&
        (!has_cobra || text->find(".Execute()") == std::string::npos ||
         text->find("AddCommand(") != std::string::npos)) {
      return command;
    }
  }
  return {};
}

void Program::AddCommands() {
  const std::string sum = JoinPath(unit_.directory, "go.sum");
  const std::string work_sum = JoinPath(unit_.workspace, "go.work.sum");
  const std::string mod = JoinPath(unit_.directory, "go.mod");
  if (unit_.tree.Has(sum)) {
    app_.lock_file = Finding(sum, {sum, ""}, Confidence::kCertain);
  } else if (unit_.tree.Has(work_sum)) {
    app_.lock_file = Finding(work_sum, {work_sum, ""}, Confidence::kCertain);
  }
  const bool is_vendored = unit_.tree.Has(JoinPath(unit_.directory, "vendor/modules.txt")) ||
                           unit_.tree.Has(JoinPath(unit_.workspace, "vendor/modules.txt"));
  if (is_vendored) {
    app_.traits["go.vendor"] = "1";
  } else {
    app_.install.emplace_back("go mod download", Source{mod, ""}, Confidence::kLikely);
  }
  // A directory of that name would take the program in, under another name.
  const std::string& name = app_.name.value;
  const bool is_taken = unit_.tree.HasDirectory(JoinPath(app_.directory, name));
  const std::string output = is_taken ? "bin/" + name : name;
  std::string package = ".";
  if (app_.directory != main_) {
    package = "./" + main_.substr(app_.directory.empty() ? 0 : app_.directory.size() + 1);
  }
  const Source source{main_.empty() ? "main package" : main_, "package main"};
  app_.build.emplace_back("go build -trimpath -ldflags=\"-s -w\" -o " + output + " " + package,
                          source, Confidence::kLikely);
  const std::string arguments = Arguments();
  app_.run = Finding("./" + output + (arguments.empty() ? "" : " " + arguments), source,
                     Confidence::kLikely);
  app_.output = Finding(output, source, Confidence::kLikely);
  app_.traits["go.module"] = unit_.module.path;
  app_.traits["go.package"] = package;
}

// What templates and assets are opened by name must be there when the program runs.
void Program::AddRuntimeFiles() {
  static const RE2 kOpened(
      R"re((?:LoadHTMLGlob|LoadHTMLFiles|ParseGlob|ParseFiles|http\.Dir|\.Static(?:FS|File)?|os\.Open|os\.ReadFile|ioutil\.ReadFile|AddConfigPath|html\.New|gin\.Dir|os\.DirFS|source\.New|NewWithDatabaseInstance|migrate\.New)\((?:\s*"/[\w/]*"\s*,)?\s*"(?:file://)?(?:\./)?([A-Za-z_][\w.-]*)[^"]*")re");
  std::set<std::string> names;
  for (const std::string& file : files_) {
    const std::string* text = unit_.tree.Read(file);
    if (text == nullptr) {
      continue;
    }
    re2::StringPiece rest(*text);
    std::string name;
    while (RE2::FindAndConsume(&rest, kOpened, &name)) {
      const std::string path = JoinPath(app_.directory, name);
      if (unit_.tree.Has(path) || unit_.tree.HasDirectory(path)) {
        names.insert(name);
      }
    }
  }
  std::string list;
  for (const std::string& name : names) {
    list += (list.empty() ? "" : " ") + name;
  }
  if (!list.empty()) {
    app_.traits["go.files"] = list;
  }
}

// Modules of the project that this one may import, by the path that imports begin with.
std::vector<std::pair<std::string, std::string>> ModulesOf(const Unit& unit) {
  std::vector<std::pair<std::string, std::string>> modules{{unit.module.path, unit.directory}};
  for (const auto* list : {&unit.module.local, &unit.work.local}) {
    for (const std::string& directory : *list) {
      std::string path = ReadGoModule(unit.tree, JoinPath(directory, "go.mod")).path;
      if (!path.empty() && directory != unit.directory) {
        modules.emplace_back(std::move(path), directory);
      }
    }
  }
  return modules;
}

// Source files alone: what `go run` would start.
LanguageFindings AnalyseBareGo(const SourceTree& tree, const std::string& directory) {
  LanguageFindings findings;
  GoSources sources(tree, {});
  Unit unit{tree, directory, directory, {}, {}, {}, {directory}, {}, {}};
  if (FindUpwards(tree, directory, "go.mod") || !sources.PackageIn(directory).is_main) {
    return findings;
  }
  unit.version = VersionOf(unit);
  Claimed claimed = Program(unit, sources, directory).Describe();
  const GoPackage& package = sources.PackageIn(directory);
  claimed.claim = Claim::kSource;
  App& app = claimed.app;
  app.language = Finding("go", {package.files.front(), "package main"}, Confidence::kLikely);
  app.package_manager.reset();
  app.install.clear();
  app.traits.erase("go.module");
  std::string command = "go build -trimpath -ldflags=\"-s -w\" -o ";
  command += app.output ? app.output->value : std::string();
  for (const std::string& file : package.files) {
    command += ' ';
    command += NameOf(file);
  }
  app.build.front().value = std::move(command);
  findings.apps.push_back(std::move(claimed));
  return findings;
}

}  // namespace

LanguageFindings AnalyseGo(const SourceTree& tree, const std::string& directory) {
  LanguageFindings findings;
  const std::string work = JoinPath(directory, "go.work");
  if (tree.Has(work) && ReadGoModule(tree, work).local.size() > 1) {
    findings.monorepo = Finding("go", {work, "use"}, Confidence::kCertain);
  }
  const std::string mod = JoinPath(directory, "go.mod");
  if (!tree.Has(mod)) {
    if (tree.Has(JoinPath(directory, "main.go"))) {
      LanguageFindings bare = AnalyseBareGo(tree, directory);
      bare.monorepo = std::move(findings.monorepo);
      return bare;
    }
    return findings;
  }
  Unit unit{tree, directory, directory, ReadGoModule(tree, mod), {}, {}, {}, {}, {}};
  if (const auto above = FindUpwards(tree, directory, "go.work")) {
    GoModule binding = ReadGoModule(tree, JoinPath(*above, "go.work"));
    if (std::find(binding.local.begin(), binding.local.end(), directory) != binding.local.end()) {
      unit.workspace = *above;
      unit.work = std::move(binding);
    }
  }
  unit.version = VersionOf(unit);
  auto modules = ModulesOf(unit);
  for (const auto& [path, place] : modules) {
    if (place != directory && !place.empty()) {
      unit.beside.push_back(place);
    }
  }
  GoSources sources(tree, std::move(modules));
  unit.mains = FindMains(unit, sources);
  for (const std::string& main : unit.mains) {
    findings.apps.push_back(Program(unit, sources, main).Describe());
  }
  if (unit.mains.empty()) {
    Claimed library;
    library.is_library = true;
    library.app.directory = directory;
    library.app.workspace = unit.workspace;
    library.app.language = Finding("go", {mod, "module"}, Confidence::kCertain);
    findings.apps.push_back(std::move(library));
  }
  return findings;
}

}  // namespace casemate::analysis
