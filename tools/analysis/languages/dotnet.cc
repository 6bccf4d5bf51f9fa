// .NET: projects of C#, F# and Visual Basic, alone or in solutions.
//
// Traits: "dotnet.project" (its file's name), "dotnet.assembly", "dotnet.sdk" (of its Project
// element), "dotnet.target_framework", "dotnet.self_contained" ("1": needs no runtime),
// "dotnet.invariant_globalization" ("1": needs no ICU).
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <set>

#include <nlohmann/json.hpp>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/documents.h"
#include "tools/analysis/languages/languages.h"
#include "tools/analysis/names.h"
#include "tools/analysis/needs.h"

namespace casemate::analysis {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxReferences = 100;

const CodePatterns& Patterns() {
  static const CodePatterns kPatterns{
      .suffixes = {".cs", ".fs", ".vb", ".razor"},
      .environment =
          {
              {R"re((?:GetEnvironmentVariable\(\s*|Configuration\[\s*|config\[\s*)"([A-Z][A-Z0-9_]*)"\s*[\])]\s*\?\?\s*throw\b)re",
               true},
              {R"re(GetEnvironmentVariable\(\s*"(\w+)"\s*\)\s*\?\?\s*throw\b)re", true},
              {R"re(GetEnvironmentVariable\(\s*"(\w+)"\s*\)\s*\?\?\s*"([^"]*)")re"},
              {R"re(GetEnvironmentVariable\(\s*"(\w+)"\s*\)!)re", true},
              {R"re(GetEnvironmentVariable\(?\s*"(\w+)"\s*\)?)re"},
              {R"re(onfig(?:uration)?\[\s*"([A-Z][A-Z0-9]*_[A-Z0-9_]*)"\s*\]\s*\?\?\s*"([^"]*)")re"},
              {R"re(onfig(?:uration)?\[\s*"([A-Z][A-Z0-9]*_[A-Z0-9_]*)"\s*\])re"},
              {R"re(GetValue<\w+\??>\(\s*"([A-Z][A-Z0-9]*_[A-Z0-9_]*)"\s*,\s*"?([^")]*)"?\s*\))re"},
              {R"re(GetValue<\w+\??>\(\s*"([A-Z][A-Z0-9]*_[A-Z0-9_]*)"\s*\))re"},
          },
      .ports =
          {
              R"re((?:UseUrls|\bRun|Urls\.Add|ListenAnyIP|ListenLocalhost|RunAsync)\(\s*\$?"?(?:https?://[^":/]*:)?(\d{2,5})\b)re",
              R"re("PORT"\s*\)\s*\?\?\s*"?(\d{2,5}))re",
              R"re(\.Listen\(\s*IPAddress\.\w+\s*,\s*(\d{2,5}))re",
              R"re(new\s+TcpListener\([^,)]*,\s*(\d{2,5})\s*\))re",
          },
  };
  return kPatterns;
}

bool IsProject(std::string_view name) {
  return name.ends_with(".csproj") || name.ends_with(".fsproj") || name.ends_with(".vbproj");
}

// Projects name each other as Windows does. Of what lies outside: a path that no file has.
std::string Located(std::string_view directory, std::string path) {
  std::replace(path.begin(), path.end(), '\\', '/');
  return ResolvePath(directory, path).value_or("..");
}

bool IsTrue(std::string_view text) {
  return Lower(text) == "true" || Lower(text) == "enable";
}

// "8.0" of "net8.0-windows"; empty for what is no runtime of today: netstandard2.0, net48.
std::string RuntimeOf(std::string_view target) {
  static const RE2 kTarget(R"((?:netcoreapp|net)(\d+\.\d+)(?:-.*)?)");
  std::string version;
  return RE2::FullMatch(std::string(target), kTarget, &version) ? version : std::string();
}

class DotnetProject {
 public:
  DotnetProject(const SourceTree& tree, const std::string& directory, const std::string& name)
      : tree_(tree), directory_(directory), name_(name), file_(JoinPath(directory, name)) {
    documents_.emplace_back(file_, ReadXmlFile(tree, file_));
    // Of those above only the nearest is read by MSBuild.
    for (const char* props : {"Directory.Build.props", "Directory.Build.targets"}) {
      if (const auto place = FindUpwards(tree, directory, props)) {
        std::string path = JoinPath(*place, props);
        json document = ReadXmlFile(tree, path);
        documents_.emplace_back(std::move(path), std::move(document));
      }
    }
    stem_ = name.substr(0, name.rfind('.'));
    sdk_ = TextAt(documents_.front().second, "attributes.Sdk");
    if (sdk_.empty()) {
      sdk_ = TextAt(Child(documents_.front().second, "Sdk"), "attributes.Name");
    }
    sdk_ = sdk_.substr(0, sdk_.find('/'));
  }

  Claimed Describe();

 private:
  [[nodiscard]] Candidate Property(std::string_view name) const;
  [[nodiscard]] bool Is(std::string_view name) const { return IsTrue(Property(name).value); }
  void FindWorkspace();
  void AddReferences(const std::string& file, const json& root);
  [[nodiscard]] bool Refers(std::string_view package) const;
  [[nodiscard]] bool IsLibrary() const;
  void AddVersion();
  [[nodiscard]] bool UsesWeb() const;
  [[nodiscard]] const char* WebFramework() const;
  [[nodiscard]] std::vector<std::string> InnerProjects() const;
  void AddFramework();
  void AddServing();
  void AddHealth();
  void AddPorts();
  void AddUsualPort();
  void AddCommands();
  void AddTraits();

  const SourceTree& tree_;
  const std::string& directory_;
  std::string name_;
  std::string file_;
  std::string stem_;
  std::string sdk_;
  std::vector<std::pair<std::string, json>> documents_;  // by path, the project itself first
  std::set<std::string> projects_;                       // that it refers to, by path
  std::string target_;                                   // framework
  bool has_several_targets_ = false;
  App app_;
};

Candidate DotnetProject::Property(std::string_view name) const {
  for (const auto& [path, root] : documents_) {
    for (const json* group : Children(root, "PropertyGroup")) {
      const json& value = Child(*group, name);
      if (!TextAt(value, "text").empty()) {
        return {TextAt(value, "text"), {path, std::string(name)}, Confidence::kCertain};
      }
    }
  }
  return {};
}

void DotnetProject::FindWorkspace() {
  app_.workspace = directory_;
  for (std::string at = directory_;; at = std::string(ParentOf(at))) {
    for (const std::string& name : tree_.In(at)) {
      if (name.ends_with(".sln") || name.ends_with(".slnx")) {
        app_.workspace = at;
        return;
      }
    }
    if (at.empty()) {
      return;
    }
  }
}

// Packages of the project and of those that it refers to.
void DotnetProject::AddReferences(const std::string& file, const json& root) {
  std::vector<std::pair<std::string, json>> open{{file, root}};
  while (!open.empty()) {
    const auto [path, document] = std::move(open.back());
    open.pop_back();
    for (const json* group : Children(document, "ItemGroup")) {
      for (const json* item : Children(*group, "PackageReference")) {
        const std::string package = TextAt(*item, "attributes.Include");
        const bool is_private = TextAt(*item, "attributes.PrivateAssets") == "all" &&
                                package.find("Analyzer") != std::string::npos;
        if (!package.empty() && !is_private) {
          std::string version = TextAt(*item, "attributes.Version");
          version = version.empty() ? ChildText(*item, "Version") : version;
          app_.dependencies.push_back({package, version, {path, "PackageReference " + package}});
        }
      }
      for (const json* item : Children(*group, "ProjectReference")) {
        std::string other = Located(ParentOf(path), TextAt(*item, "attributes.Include"));
        if (other != file_ && tree_.Has(other) && projects_.size() < kMaxReferences &&
            projects_.insert(other).second) {
          json referred = ReadXmlFile(tree_, other);
          open.emplace_back(std::move(other), std::move(referred));
        }
      }
    }
  }
}

bool DotnetProject::Refers(std::string_view package) const {
  return std::any_of(app_.dependencies.begin(), app_.dependencies.end(),
                     [&](const Dependency& other) {
                       return other.source.file == file_ && Lower(other.name).starts_with(package);
                     });
}

// What cannot be started, or not in a container of Linux.
bool DotnetProject::IsLibrary() const {
  const std::string type = Lower(Property("OutputType").value);
  const bool is_test = Is("IsTestProject") || Refers("microsoft.net.test.sdk") || Refers("xunit") ||
                       Refers("nunit") || Refers("mstest");
  const bool is_host = sdk_ == "Aspire.AppHost.Sdk" || Is("IsAspireHost");
  const bool is_desktop = type == "winexe" || Is("UseWPF") || Is("UseWindowsForms") ||
                          Is("UseMaui") || target_.find("-windows") != std::string::npos ||
                          target_.find("-android") != std::string::npos ||
                          target_.find("-ios") != std::string::npos;
  if (sdk_.empty()) {
    tree_.Note(file_ + " is a project of the .NET Framework, which runs on Windows only");
  }
  const bool starts = sdk_ == "Microsoft.NET.Sdk.Web" || sdk_ == "Microsoft.NET.Sdk.Worker" ||
                      sdk_ == "Microsoft.NET.Sdk.BlazorWebAssembly" || type == "exe";
  return is_test || is_host || is_desktop || sdk_.empty() || !starts || type == "library" ||
         (type.empty() && sdk_ == "Microsoft.NET.Sdk");
}

void DotnetProject::AddVersion() {
  Choice choice;
  Candidate targets = Property("TargetFramework");
  if (targets.value.empty()) {
    targets = Property("TargetFrameworks");
  }
  std::vector<std::pair<double, std::string>> runtimes;
  std::string_view rest = targets.value;
  while (!rest.empty()) {
    const std::size_t end = rest.find(';');
    const std::string target(Trim(rest.substr(0, end)));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    target_ = target_.empty() ? target : target_;
    if (const std::string runtime = RuntimeOf(target); !runtime.empty()) {
      double number = 0;
      std::from_chars(runtime.data(), runtime.data() + runtime.size(), number);
      runtimes.emplace_back(number, target);
    }
  }
  has_several_targets_ = targets.value.find(';') != std::string::npos;
  std::sort(runtimes.begin(), runtimes.end(), std::greater<>());
  for (const auto& [number, target] : runtimes) {
    choice.Add(RuntimeOf(target), targets.source);
  }
  target_ = runtimes.empty() ? target_ : runtimes.front().second;
  if (const auto place = FindUpwards(tree_, directory_, "global.json")) {
    const std::string path = JoinPath(*place, "global.json");
    choice.Add(TextAt(ReadJsonFile(tree_, path, true), "sdk.version"), {path, "sdk.version"});
  }
  if (const auto pinned = ToolVersion(tree_, directory_, {"dotnet", "dotnet-core"})) {
    choice.Add(pinned->value, pinned->source, pinned->confidence);
  }
  app_.version = choice.Best();
}

bool DotnetProject::UsesWeb() const {
  for (const json* group : Children(documents_.front().second, "ItemGroup")) {
    for (const json* item : Children(*group, "FrameworkReference")) {
      if (TextAt(*item, "attributes.Include") == "Microsoft.AspNetCore.App") {
        return true;
      }
    }
  }
  return sdk_ == "Microsoft.NET.Sdk.Web" || Refers("microsoft.aspnetcore.app") ||
         Refers("giraffe") || Refers("saturn") || Refers("falco");
}

const char* DotnetProject::WebFramework() const {
  for (const char* name : {"giraffe", "saturn", "umbraco", "orchardcore"}) {
    if (Refers(name)) {
      return name;
    }
  }
  return tree_.Below(directory_, ".razor").empty() ? "aspnetcore" : "blazor";
}

// Directories of projects that lie below this one and are no part of it.
std::vector<std::string> DotnetProject::InnerProjects() const {
  std::vector<std::string> inner;
  for (const std::string& path : tree_.Below(directory_, "proj")) {
    if (IsProject(path) && ParentOf(path) != directory_) {
      inner.emplace_back(ParentOf(path));
    }
  }
  return inner;
}

void DotnetProject::AddFramework() {
  std::string name;
  if (sdk_ == "Microsoft.NET.Sdk.BlazorWebAssembly") {
    app_.kind = AppKind::kStaticSite;
    name = "blazor-wasm";
  } else if (UsesWeb()) {
    app_.kind = AppKind::kService;
    name = WebFramework();
  } else if (sdk_ == "Microsoft.NET.Sdk.Worker" || Refers("microsoft.extensions.hosting")) {
    name = "dotnet-worker";
  }
  if (!name.empty()) {
    app_.framework = Finding(std::move(name), {file_, "Sdk"}, Confidence::kCertain);
  }
}

void DotnetProject::AddServing() {
  AddFramework();
  CodeFacts facts = ScanCode(tree_, directory_, Patterns(), InnerProjects());
  if (app_.kind == AppKind::kProgram && !facts.ports.empty()) {
    app_.kind = AppKind::kService;
  }
  const bool serves = app_.kind == AppKind::kService;
  if (serves) {
    AddHealth();
    AddPorts();
  } else {
    facts.health.reset();
    facts.ports.clear();
  }
  AddCodeFacts(std::move(facts), app_);
  for (const std::string& project : projects_) {
    CodeFacts others = ScanCode(tree_, std::string(ParentOf(project)), Patterns());
    others.ports.clear();
    others.health.reset();
    AddCodeFacts(std::move(others), app_);
  }
  if (serves && app_.ports.empty()) {
    AddUsualPort();
  }
}

void DotnetProject::AddHealth() {
  static const RE2 kHealth(R"re(MapHealthChecks\(\s*"([^"]+)")re");
  for (const char* suffix : {".cs", ".fs"}) {
    for (const std::string& path : tree_.Below(directory_, suffix)) {
      const std::string* text = tree_.Read(path);
      std::string endpoint;
      if (!app_.health && text != nullptr && RE2::PartialMatch(*text, kHealth, &endpoint)) {
        app_.health = Finding(endpoint, {path, "MapHealthChecks"}, Confidence::kCertain);
      }
    }
  }
}

// What appsettings.json says of Kestrel.
void DotnetProject::AddPorts() {
  for (const char* name : {"appsettings.Production.json", "appsettings.json"}) {
    const std::string path = JoinPath(directory_, name);
    const json settings = tree_.Has(path) ? ReadJsonFile(tree_, path, true) : json();
    std::vector<std::string> urls{TextAt(settings, "Urls"), TextAt(settings, "urls")};
    if (const json& endpoints = At(settings, "Kestrel.Endpoints"); endpoints.is_object()) {
      for (const auto& [key, endpoint] : endpoints.items()) {
        urls.push_back(TextAt(endpoint, "Url"));
      }
    }
    static const RE2 kPort(R"(http://[^:;/]*:(\d{2,5}))");
    for (const std::string& url : urls) {
      std::string port;
      if (app_.ports.empty() && RE2::PartialMatch(url, kPort, &port)) {
        app_.ports.emplace_back(port, Source{path, "Url"}, Confidence::kCertain);
      }
    }
  }
}

// The port of Microsoft's images, with that of development as a hint.
void DotnetProject::AddUsualPort() {
  const std::string version = app_.version ? app_.version->value : std::string();
  double number = 0;
  std::from_chars(version.data(), version.data() + version.size(), number);
  // Images of .NET 8 and later listen on another port than those before.
  Finding port(number > 0 && number < 8 ? "80" : "8080", {}, Confidence::kGuess);
  const std::string launch = JoinPath(directory_, "Properties/launchSettings.json");
  static const RE2 kUrl(R"re("applicationUrl":\s*"[^"]*http://[^":;]*:(\d{2,5}))re");
  std::string hint;
  if (const std::string* text = tree_.Read(launch);
      text != nullptr && RE2::PartialMatch(*text, kUrl, &hint)) {
    port.alternatives.push_back({hint, {launch, "applicationUrl"}, Confidence::kLikely});
  }
  app_.ports.push_back(std::move(port));
}

void DotnetProject::AddCommands() {
  const Source source{file_, ""};
  const std::string lock = JoinPath(directory_, "packages.lock.json");
  const bool is_locked = tree_.Has(lock);
  if (is_locked) {
    app_.lock_file = Finding(lock, {lock, ""}, Confidence::kCertain);
  }
  const std::string inner = file_.substr(app_.workspace.empty() ? 0 : app_.workspace.size() + 1);
  app_.install.emplace_back("dotnet restore " + inner + (is_locked ? " --locked-mode" : ""), source,
                            Confidence::kLikely);
  app_.build.emplace_back("dotnet publish " + name_ + " -c Release -o out --no-restore" +
                              (has_several_targets_ ? " -f " + target_ : ""),
                          source, Confidence::kLikely);
  const Candidate stated = Property("AssemblyName");
  const std::string assembly =
      stated.value.empty() || stated.value.find('$') != std::string::npos ? stem_ : stated.value;
  app_.traits["dotnet.assembly"] = assembly;
  if (app_.kind == AppKind::kStaticSite) {
    app_.output = Finding("out/wwwroot", source, Confidence::kLikely);
    return;
  }
  const bool is_alone = Is("PublishAot") || Is("SelfContained") || Is("PublishSingleFile");
  if (is_alone) {
    app_.traits["dotnet.self_contained"] = "1";
  }
  app_.output = Finding("out", source, Confidence::kLikely);
  app_.run = Finding(is_alone ? "./out/" + assembly : "dotnet out/" + assembly + ".dll", source,
                     Confidence::kLikely);
}

void DotnetProject::AddTraits() {
  app_.traits["dotnet.project"] = name_;
  app_.traits["dotnet.sdk"] = sdk_;
  app_.traits["dotnet.target_framework"] = target_;
  if (Is("InvariantGlobalization")) {
    app_.traits["dotnet.invariant_globalization"] = "1";
  }
  if (const Candidate root = Property("SpaRoot"); !root.value.empty()) {
    app_.also.emplace_back("javascript", root.source, Confidence::kCertain);
  }
  if (Is("PublishAot")) {
    for (const char* name : {"clang", "zlib1g-dev"}) {
      app_.system_packages.push_back(
          {Finding(name, {file_, "PublishAot"}, Confidence::kLikely), true});
    }
  }
}

Claimed DotnetProject::Describe() {
  Claimed claimed;
  app_.directory = directory_;
  FindWorkspace();
  const char* language = name_.ends_with(".fsproj")   ? "fsharp"
                         : name_.ends_with(".vbproj") ? "visual-basic"
                                                      : "csharp";
  app_.language = Finding(language, {file_, ""}, Confidence::kCertain);
  AddVersion();
  AddReferences(file_, documents_.front().second);
  if (IsLibrary()) {
    claimed.is_library = true;
    claimed.app = std::move(app_);
    return claimed;
  }
  app_.name = Finding(PlainName(stem_, directory_), {file_, ""}, Confidence::kCertain);
  app_.package_manager = Finding("nuget", {file_, ""}, Confidence::kCertain);
  AddNeeds(Ecosystem::kNuGet, app_);
  AddServing();
  AddCommands();
  AddTraits();
  claimed.claim = app_.kind == AppKind::kProgram ? Claim::kRunnable : Claim::kFramework;
  claimed.app = std::move(app_);
  return claimed;
}

// How many projects a solution names; their files are of no other use here.
std::size_t ProjectsIn(const SourceTree& tree, const std::string& path) {
  const std::string* text = tree.Read(path);
  static const RE2 kProject(R"re(([\w.-]+\.(?:cs|fs|vb)proj)")re");
  re2::StringPiece rest(text == nullptr ? std::string_view() : std::string_view(*text));
  std::string name;
  std::size_t count = 0;
  while (RE2::FindAndConsume(&rest, kProject, &name)) {
    ++count;
  }
  return count;
}

}  // namespace

LanguageFindings AnalyseDotnet(const SourceTree& tree, const std::string& directory) {
  LanguageFindings findings;
  for (const std::string& name : tree.In(directory)) {
    const std::string path = JoinPath(directory, name);
    if ((name.ends_with(".sln") || name.ends_with(".slnx")) && ProjectsIn(tree, path) > 1) {
      findings.monorepo = Finding("dotnet", {path, "Project"}, Confidence::kCertain);
    }
    if (IsProject(name)) {
      findings.apps.push_back(DotnetProject(tree, directory, name).Describe());
    }
  }
  return findings;
}

}  // namespace casemate::analysis
