// JavaScript and TypeScript: package.json, run by Node.js or Bun, or made for browsers.
// Traits: "node.runtime" (node, bun), "yarn.berry", "next.output" (standalone),
// "sveltekit.adapter", "node.builds_in_workspace", "node.uses_prisma".
#include <re2/re2.h>

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/documents.h"
#include "tools/analysis/languages/languages.h"
#include "tools/analysis/languages/node_frameworks.h"
#include "tools/analysis/languages/node_package.h"
#include "tools/analysis/names.h"

namespace casemate::analysis {

namespace {

using nlohmann::json;

const CodePatterns& Patterns() {
  static const CodePatterns kPatterns = {
      {".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx", ".vue", ".svelte", ".astro"},
      {{R"re((?:process\.env|import\.meta\.env|Bun\.env)\.([A-Za-z_]\w*)\s*(?:\|\||\?\?)\s*['"`]([^'"`\n]*)['"`])re"},
       {R"re((?:process\.env|import\.meta\.env|Bun\.env)\.([A-Za-z_]\w*)\s*(?:\|\||\?\?)\s*(\d+))re"},
       {R"re(process\.env\[['"]([A-Za-z_]\w*)['"]\]\s*(?:\|\||\?\?)\s*['"`]([^'"`\n]*)['"`])re"},
       {R"re(\b([A-Z][A-Z0-9_]{2,}):\s*z\.[^\n]*\.default\(\s*['"]?([^'")\n]*))re"},
       {R"re(!\s*process\.env\.([A-Za-z_]\w*)\s*\)\s*\{?\s*(?:throw|process\.exit|console\.error))re",
        true},
       {R"re(process\.env\.([A-Za-z_]\w*)!)re", true},
       {R"re(\b([A-Z][A-Z0-9_]{2,}):\s*z\.(?:string|coerce|url|number|enum)[^\n]*)re", true},
       {R"re(process\.env\[['"]([A-Za-z_]\w*)['"]\])re"},
       {R"re((?:process\.env|import\.meta\.env|Bun\.env)\.([A-Za-z_]\w*))re"},
       {R"re(configService\.getOrThrow(?:<[^>]*>)?\(\s*['"]([A-Z][A-Z0-9_]*)['"])re", true},
       {R"re(configService\.get(?:<[^>]*>)?\(\s*['"]([A-Z][A-Z0-9_]*)['"])re"}},
      {R"re(\.listen\(\s*(\d{2,5})\b)re",
       R"re(\.listen\(\s*\{[^}]{0,200}?port:\s*(?:[^,}\n]{0,80}?(?:\|\||\?\?)\s*)?['"]?(\d{2,5})\b)re",
       R"re(Bun\.serve\(\s*\{[^}]{0,200}?port:\s*(\d{2,5})\b)re",
       R"re(\bPORT\b['"\]]*\)?\s*(?:\|\||\?\?)\s*['"]?(\d{2,5})\b)re",
       R"re((?:const|let|var)\s+(?:port|PORT)\s*(?::\s*\w+\s*)?=\s*(?:Number\(|parseInt\(|\+)?\s*['"]?(\d{2,5})\b)re"},
      {"//", "*", "/*"}};
  return kPatterns;
}

// Scripts that watch and reload, for people who write the code.
bool IsForDevelopment(const std::string& script) {
  static const RE2 kWatches(
      R"((?:^|\s|/)(?:nodemon|ts-node-dev|tsx watch|vite(?:\s+(?:dev|serve|--host|--port \d+))?$|vite$|next dev|nuxt dev|nuxi dev|astro dev|remix dev|remix vite:dev|react-router dev|ng serve|react-scripts start|vue-cli-service serve|webpack(?:-dev-server| serve)|nest start --watch|nest start$|parcel(?: serve)? \S*\.html|gatsby develop|docusaurus start|expo start|svelte-kit dev|node --watch|bun --watch|bun --hot|strapi develop|concurrently|turbo run dev|vinxi dev|eleventy --serve)(?:\s|$))");
  return RE2::PartialMatch(script, kWatches) ||
         script.find("eleventy --serve") != std::string::npos;
}

bool IsPlainCommand(const std::string& script) {
  static const RE2 kPlain(R"((?:node|bun|deno)(?: run)? [A-Za-z0-9_./@:=, -]+)");
  return RE2::FullMatch(script, kPlain);
}

class NodeAnalysis {
 public:
  explicit NodeAnalysis(NodePackage& package) : package_(package) {}
  Claimed Analyse();

 private:
  void ChooseLanguage();
  void ChooseBuild();
  void AddPrisma();
  void ChooseStart(Choice& choice) const;
  void ChooseRun();
  [[nodiscard]] std::string EntryFile() const;
  void ChoosePorts();
  [[nodiscard]] bool HasStart() const;
  [[nodiscard]] bool IsLibrary() const;
  [[nodiscard]] std::vector<std::string> PackagesBelow() const;

  NodePackage& package_;
  const NodeFramework* framework_ = nullptr;
  App app_;
};

void NodeAnalysis::ChooseLanguage() {
  const std::string tsconfig = package_.FirstOf({"tsconfig.json", "tsconfig.app.json"});
  if (!tsconfig.empty()) {
    app_.language =
        Finding("typescript", {JoinPath(package_.directory(), tsconfig), {}}, Confidence::kLikely);
  } else if (package_.Uses("typescript") &&
             !package_.tree().Below(package_.directory(), ".ts").empty()) {
    app_.language =
        Finding("typescript", {package_.path(), "devDependencies.typescript"}, Confidence::kLikely);
  } else {
    app_.language = Finding("javascript", {package_.path(), {}}, Confidence::kCertain);
  }
}

// Prisma's client is generated code: without it nothing that imports it runs.
void NodeAnalysis::AddPrisma() {
  const bool is_used = package_.Uses("@prisma/client") && package_.Has("prisma/schema.prisma");
  if (!is_used) {
    return;
  }
  app_.traits["node.uses_prisma"] = "true";
  const std::string scripts =
      package_.Script("postinstall") + package_.Script("prebuild") + package_.Script("build");
  if (scripts.find("prisma generate") == std::string::npos) {
    app_.build.emplace_back(package_.Execute("prisma generate"),
                            Source{JoinPath(package_.directory(), "prisma/schema.prisma"), {}},
                            Confidence::kLikely);
  }
  std::string provider;
  if (RE2::PartialMatch(package_.Text("prisma/schema.prisma"),
                        R"re(datasource[^}]*provider\s*=\s*"(\w+)")re", &provider)) {
    const std::string service = provider == "postgresql"  ? "postgres"
                                : provider == "sqlserver" ? "mssql"
                                                          : provider;
    const bool is_known = std::any_of(app_.services.begin(), app_.services.end(),
                                      [&](const Finding& other) { return other.value == service; });
    if (!is_known) {
      app_.services.emplace_back(
          service, Source{JoinPath(package_.directory(), "prisma/schema.prisma"), "datasource"},
          Confidence::kCertain);
    }
  }
}

void NodeAnalysis::ChooseBuild() {
  AddPrisma();
  const bool has_script = !package_.Script("build").empty();
  const bool is_member = package_.workspace() != package_.directory();
  const json& dependencies = At(package_.manifest(), "dependencies");
  bool needs_others = false;
  for (auto it = dependencies.begin(); dependencies.is_object() && it != dependencies.end(); ++it) {
    needs_others = needs_others || TextOf(it.value()).starts_with("workspace:") ||
                   (is_member && TextOf(it.value()) == "*");
  }
  const std::string turbo = JoinPath(package_.workspace(), "turbo.json");
  if (has_script && is_member && needs_others && package_.tree().Has(turbo)) {
    const std::string name = TextAt(package_.manifest(), "name");
    app_.traits["node.builds_in_workspace"] = "turbo";
    app_.build.emplace_back(package_.Execute("turbo run build --filter=" + name), Source{turbo, {}},
                            Confidence::kLikely);
  } else if (has_script) {
    app_.build.emplace_back(package_.RunScript("build"), Source{package_.path(), "scripts.build"},
                            Confidence::kCertain);
  } else if (framework_ != nullptr && !framework_->build.empty()) {
    std::string_view command = framework_->build;
    if (command.starts_with("npx ")) {
      app_.build.emplace_back(package_.Execute(command.substr(4)), Source{}, Confidence::kGuess);
    } else {
      app_.build.emplace_back(std::string(command), Source{}, Confidence::kGuess);
    }
  }
}

// The file that Node.js is given when nothing says how the package starts.
std::string NodeAnalysis::EntryFile() const {
  std::string main = TextAt(package_.manifest(), "main");
  if (!main.empty() && (package_.Has(main) || package_.Has(main + ".js"))) {
    return main;
  }
  return package_.FirstOf({"server.js", "server.mjs", "index.js", "index.mjs", "app.js", "app.mjs",
                           "main.js", "main.mjs", "src/server.js", "src/index.js", "src/app.js",
                           "src/main.js", "bin/www", "server/index.js", "index.ts", "server.ts",
                           "src/index.ts", "src/server.ts", "src/main.ts"});
}

bool NodeAnalysis::HasStart() const {
  const std::string start = package_.Script("start");
  return !start.empty() && !IsForDevelopment(start);
}

void NodeAnalysis::ChooseStart(Choice& choice) const {
  for (const char* name : {"start:prod", "start:production", "start", "serve:prod", "production"}) {
    const std::string script = package_.Script(name);
    if (script.empty() || IsForDevelopment(script)) {
      continue;
    }
    const Source source{package_.path(), "scripts." + std::string(name)};
    // Without a package manager between, signals reach the program.
    if (IsPlainCommand(script)) {
      choice.Add(script, source);
    }
    choice.Add(package_.RunScript(name), source);
  }
}

void NodeAnalysis::ChooseRun() {
  if (app_.kind == AppKind::kStaticSite) {
    return;
  }
  Choice choice;
  ChooseStart(choice);
  if (app_.run) {
    // The framework's configuration settles it.
    Choice settled;
    settled.Add(app_.run->value, app_.run->source, app_.run->confidence);
    if (const auto stated = choice.Best(); stated) {
      settled.Add(stated->value, stated->source, stated->confidence);
    }
    app_.run = settled.Best();
    return;
  }
  if (framework_ != nullptr && !framework_->start.empty()) {
    const std::string_view start = framework_->start;
    choice.Add(start.starts_with("npx ") ? package_.Execute(start.substr(4)) : std::string(start),
               {}, Confidence::kLikely);
  }
  if (const std::string entry = EntryFile(); !entry.empty()) {
    const bool is_bun = app_.traits["node.runtime"] == "bun";
    if (is_bun || !entry.ends_with(".ts")) {
      choice.Add((is_bun ? "bun " : "node ") + entry,
                 {package_.path(), TextAt(package_.manifest(), "main") == entry ? "main" : ""},
                 Confidence::kLikely);
    }
  }
  app_.run = choice.Best();
}

std::vector<std::string> NodeAnalysis::PackagesBelow() const {
  std::vector<std::string> below;
  for (const std::string& path : package_.tree().Below(package_.directory(), "/package.json")) {
    if (path != package_.path()) {
      below.emplace_back(ParentOf(path));
    }
  }
  return below;
}

void NodeAnalysis::ChoosePorts() {
  const std::vector<std::string> below = PackagesBelow();
  CodeFacts facts = ScanCode(package_.tree(), package_.directory(), Patterns(), below);
  std::erase_if(facts.environment,
                [](const EnvironmentVariable& variable) { return variable.name == "NODE_ENV"; });
  if (app_.kind == AppKind::kStaticSite) {
    facts.ports.clear();
    facts.health.reset();
  }
  std::string stated;
  static const RE2 kFlag(R"((?:--port[ =]|-p ?|\bPORT=)(\d{2,5})\b)");
  for (const char* name : {"start:prod", "start"}) {
    const std::string script = package_.Script(name);
    if (app_.kind == AppKind::kService && !IsForDevelopment(script) &&
        RE2::PartialMatch(script, kFlag, &stated)) {
      facts.ports.insert(
          facts.ports.begin(),
          Finding(stated, {package_.path(), "scripts." + std::string(name)}, Confidence::kCertain));
      break;
    }
  }
  if (!facts.ports.empty()) {
    app_.ports.clear();
  }
  AddCodeFacts(std::move(facts), app_);
  if (!app_.ports.empty() && app_.kind == AppKind::kProgram) {
    app_.kind = AppKind::kService;
  }
  if (app_.kind == AppKind::kStaticSite) {
    app_.ports.emplace_back("80", Source{}, Confidence::kGuess);  // of whatever serves it
  }
  if (app_.ports.empty() && app_.kind == AppKind::kService && framework_ != nullptr &&
      !framework_->port.empty()) {
    app_.ports.emplace_back(std::string(framework_->port), Source{}, Confidence::kGuess);
  }
}

// A part of others: published, or a member of a workspace that only others use.
bool NodeAnalysis::IsLibrary() const {
  const json& manifest = package_.manifest();
  const bool is_published = !At(manifest, "exports").is_null() ||
                            !At(manifest, "types").is_null() || !At(manifest, "module").is_null() ||
                            !At(manifest, "files").is_null();
  const bool is_member = package_.workspace() != package_.directory();
  return framework_ == nullptr && !HasStart() && At(manifest, "bin").is_null() &&
         app_.kind == AppKind::kProgram && (is_published || is_member);
}

Claimed NodeAnalysis::Analyse() {
  framework_ = FindNodeFramework(package_);
  // A server beside a bundler is what runs; the bundler makes its pages.
  app_.directory = package_.directory();
  app_.workspace = package_.workspace();
  app_.name = Finding(PlainName(TextAt(package_.manifest(), "name"), package_.directory()),
                      {package_.path(), "name"}, Confidence::kCertain);
  package_.Describe(app_);
  ChooseLanguage();
  if (framework_ != nullptr) {
    app_.framework =
        Finding(std::string(framework_->name),
                {package_.path(), std::string(framework_->dependency)}, Confidence::kCertain);
    app_.kind = framework_->kind;
    if (!framework_->output.empty()) {
      app_.output = Finding(std::string(framework_->output), {}, Confidence::kLikely);
    }
    if (framework_->is_bundler && HasStart() && IsPlainCommand(package_.Script("start"))) {
      app_.kind = AppKind::kProgram;  // a server of its own serves what is bundled
    }
    if (framework_->refine != nullptr) {
      framework_->refine(package_, app_);
    }
  }
  ChooseBuild();
  ChooseRun();
  ChoosePorts();
  Claim claim = app_.run ? Claim::kRunnable : Claim::kManifest;
  if (framework_ != nullptr && (!framework_->is_bundler || app_.kind == AppKind::kStaticSite)) {
    claim = framework_->is_bundler ? Claim::kRunnable : Claim::kFramework;
  }
  const bool is_library = IsLibrary();
  return {std::move(app_), claim, is_library};
}

// Whether the root of a workspace is itself an application, and not only what holds the others.
bool IsAppBeside(const NodePackage& package) {
  const NodeFramework* framework = FindNodeFramework(package);
  static const RE2 kDelegates(
      R"((?:turbo|nx|lerna|rush|pnpm (?:-r|--filter|-F)|npm (?:-w|--workspace)|yarn (?:workspace|workspaces)|concurrently|npm run \S+ (?:-w|--workspace)))");
  const std::string start = package.Script("start");
  return framework != nullptr && !RE2::PartialMatch(start, kDelegates) &&
         (!start.empty() || !framework->is_bundler);
}

}  // namespace

LanguageFindings AnalyseNode(const SourceTree& tree, const std::string& directory) {
  LanguageFindings found;
  if (!tree.Has(JoinPath(directory, "package.json")) &&
      !tree.Has(JoinPath(directory, "package.json5"))) {
    return found;
  }
  NodePackage package(tree, directory);
  if (!package.is_there()) {
    return found;
  }
  if (package.is_workspace_root()) {
    App unused;
    package.Describe(unused);
    found.monorepo = package.Monorepo();
    if (!IsAppBeside(package)) {
      return found;
    }
  }
  found.apps.push_back(NodeAnalysis(package).Analyse());
  return found;
}

}  // namespace casemate::analysis
