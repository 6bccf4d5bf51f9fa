// Deno: deno.json(c) with its tasks, imports and workspaces, and scripts without one.
// Traits: "deno.entry" (the module that is started).
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/documents.h"
#include "tools/analysis/languages/findings.h"
#include "tools/analysis/languages/languages.h"
#include "tools/analysis/names.h"
#include "tools/analysis/needs.h"

namespace casemate::analysis {

namespace {

using nlohmann::json;

// Parts of module specifiers, the more telling first.
constexpr auto kFrameworks = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"@fresh/core", "fresh"},
    {"deno.land/x/fresh", "fresh"},
    {"lume/", "lume"},
    {"deno.land/x/lume", "lume"},
    {"@hono/hono", "hono"},
    {"npm:hono", "hono"},
    {"deno.land/x/hono", "hono"},
    {"@oak/oak", "oak"},
    {"deno.land/x/oak", "oak"},
    {"npm:express", "express"},
    {"npm:fastify", "fastify"},
    {"deno.land/x/aleph", "aleph"},
});

constexpr std::array<std::string_view, 5> kSuffixes = {".ts", ".tsx", ".js", ".mjs", ".jsx"};

constexpr std::array<std::string_view, 16> kEntries = {
    "main.ts",    "main.tsx",   "server.ts", "app.ts",      "mod.ts",        "index.ts",
    "main.js",    "server.js",  "index.js",  "src/main.ts", "src/server.ts", "src/index.ts",
    "src/app.ts", "src/mod.ts", "deploy.ts", "bot.ts"};

CodePatterns Patterns() {
  CodePatterns patterns;
  patterns.suffixes.assign(kSuffixes.begin(), kSuffixes.end());
  patterns.environment = {
      {R"re(Deno\.env\.get\(\s*["'`]([A-Za-z_][A-Za-z0-9_]*)["'`]\s*\)!?(?:\s*(?:\?\?|\|\|)\s*["'`]?([^"'`\s);,]*))?)re"},
      {R"re(process\.env\.([A-Z][A-Z0-9_]*)(?:\s*(?:\?\?|\|\|)\s*["'`]?([^"'`\s);,]*))?)re"},
  };
  patterns.ports = {
      R"re(\bport:\s*(\d{2,5}))re",
      R"re(\.listen\(\s*(\d{2,5}))re",
      R"re((?i)\bport\b[^=\n;]{0,20}=\s*(?:Number|parseInt)?\(?[^\n;]{0,60}?(?:\?\?|\|\|)\s*["']?(\d{2,5}))re",
      R"re((?i)(?:const|let)\s+port\s*=\s*(\d{2,5}))re",
      R"re(Deno\.env\.get\(["']PORT["']\)\s*(?:\?\?|\|\|)\s*["']?(\d{2,5}))re",
  };
  patterns.comments = {"//", "*", "/*"};
  return patterns;
}

std::string ManifestIn(const SourceTree& tree, const std::string& directory) {
  for (const char* name : {"deno.json", "deno.jsonc"}) {
    if (tree.Has(JoinPath(directory, name))) {
      return JoinPath(directory, name);
    }
  }
  return {};
}

// "jsr:@oak/oak@^17" gives "@oak/oak" and "^17".
std::pair<std::string, std::string> NameAndVersion(const std::string& specifier) {
  std::string name;
  std::string version;
  RE2::PartialMatch(specifier, R"re(^(?:jsr|npm):/?(@?[^@]+?)/?(?:@([^/]+).*)?$)re", &name,
                    &version);
  if (name.empty()) {
    RE2::PartialMatch(specifier,
                      R"re(^https?://(?:deno\.land/(?:x/)?|esm\.sh/)?([^@\s]+?)(?:@([^/]+).*)?$)re",
                      &name, &version);
  }
  return {name, version};
}

void ReadImports(const SourceTree& tree, const std::string& directory, const json& manifest,
                 const std::string& path, std::string& specifiers, App& app) {
  json separate;
  const std::string map = TextAt(manifest, "importMap");
  if (!map.empty()) {
    separate =
        ReadJsonFile(tree, JoinPath(directory, map.starts_with("./") ? map.substr(2) : map), true);
  }
  for (const json* document : {&manifest, static_cast<const json*>(&separate)}) {
    const json& imports = At(*document, "imports");
    if (!imports.is_object()) {
      continue;
    }
    for (const auto& [alias, target] : imports.items()) {
      const std::string specifier = TextOf(target);
      specifiers += specifier + "\n";
      const auto [name, version] = NameAndVersion(specifier);
      if (!name.empty()) {
        AddDependency(app, name, version, path);
      }
    }
  }
}

std::string TaskText(const json& manifest, const char* name) {
  const json& task = At(manifest, std::vector<std::string>{"tasks", name});
  return task.is_object() ? TextAt(task, "command") : TextOf(task);
}

std::string EntryIn(const std::string& command) {
  return FirstMatch(command, R"((?:^|\s)(?:\./)?([\w@./-]+\.(?:ts|tsx|js|mjs|jsx))(?:\s|$))");
}

std::string FindEntry(const SourceTree& tree, const std::string& directory, const json& manifest) {
  for (const char* task : {"start", "serve", "prod", "preview", "run", "dev"}) {
    std::string entry = EntryIn(TaskText(manifest, task));
    // Fresh begins in dev.ts while it is developed, and in main.ts when it serves.
    if (entry == "dev.ts" && tree.Has(JoinPath(directory, "main.ts"))) {
      entry = "main.ts";
    }
    if (!entry.empty() && (tree.Has(JoinPath(directory, entry)) || entry.starts_with("_fresh/"))) {
      return entry;
    }
  }
  for (const std::string_view name : kEntries) {
    if (tree.Has(JoinPath(directory, name))) {
      return std::string(name);
    }
  }
  return {};
}

bool SpeaksDeno(const std::string& code) {
  static const RE2 kSigns(
      R"re(\bDeno\.\w+|from\s+["'](?:jsr:|npm:|https://(?:deno\.land|jsr\.io|esm\.sh)/)|import\s+["']https://deno\.land/)re");
  return RE2::PartialMatch(code, kSigns);
}

void FindFramework(const std::string& specifiers, const std::string& file, App& app) {
  for (const auto& [part, name] : kFrameworks) {
    if (specifiers.find(part) != std::string::npos) {
      app.framework = Certain(std::string(name), file, "imports");
      return;
    }
  }
}

void FindVersion(const SourceTree& tree, const std::string& directory, App& app) {
  Choice choice;
  for (const char* name : {".deno-version", ".dvmrc"}) {
    std::string version = FirstLine(tree, JoinPath(directory, name));
    if (version.starts_with('v')) {
      version.erase(0, 1);
    }
    choice.Add(version, {JoinPath(directory, name), ""});
  }
  if (const auto tool = ToolVersion(tree, directory, {"deno"})) {
    choice.Add(tool->value, tool->source);
  }
  app.version = choice.Best();
}

void FindRun(const json& manifest, const std::string& path, const std::string& entry, App& app) {
  const bool is_fresh = app.framework && app.framework->value == "fresh";
  const std::string build = TaskText(manifest, "build");
  if (!build.empty()) {
    app.build.push_back(Certain("deno task build", path, "tasks.build"));
  }
  for (const char* task : {"start", "serve", "prod", "preview"}) {
    const std::string command = TaskText(manifest, task);
    if (command.empty() || command.find("--watch") != std::string::npos) {
      continue;
    }
    const bool is_plain =
        (command.starts_with("deno run ") || command.starts_with("deno serve ")) &&
        command.find_first_of("&|;$") == std::string::npos;
    app.run = Certain(is_plain ? command : "deno task " + std::string(task), path,
                      "tasks." + std::string(task));
    return;
  }
  if (is_fresh && build.find("vite") != std::string::npos) {
    app.run = Likely("deno serve -A _fresh/server.js", path);
  } else if (!entry.empty()) {
    app.run = Likely("deno run -A " + entry, JoinPath(app.directory, entry));
  }
}

void FindKind(const std::string& code, App& app) {
  static const RE2 kServes(
      R"re(Deno\.(?:serve|listen)\b|\bserve\(|export default \{\s*(?:async\s+)?fetch\b|\.listen\()re");
  const bool is_site = app.framework && app.framework->value == "lume";
  if (is_site) {
    app.kind = AppKind::kStaticSite;
    app.run.reset();
    app.output = Likely("_site");
    app.ports.clear();
    GuessPort(app, "80");
    return;
  }
  const bool is_served = app.run && app.run->value.find("deno serve") != std::string::npos;
  if (app.framework || !app.ports.empty() || is_served || RE2::PartialMatch(code, kServes)) {
    app.kind = AppKind::kService;
    const std::string stated =
        app.run ? FirstMatch(app.run->value, R"(--port[= ](\d{2,5}))") : std::string();
    if (app.run && !stated.empty()) {
      app.ports.insert(app.ports.begin(), Finding(stated, app.run->source, Confidence::kCertain));
    }
    GuessPort(app, "8000");
  }
}

void FindInstall(const SourceTree& tree, const std::string& directory, const std::string& entry,
                 App& app) {
  app.package_manager = Likely("deno");
  const auto locked = FindUpwards(tree, directory, "deno.lock");
  if (locked && (*locked == directory || *locked == app.workspace)) {
    const std::string lock = JoinPath(*locked, "deno.lock");
    app.lock_file = Certain(lock, lock);
  }
  if (!entry.empty() && !entry.starts_with("_fresh/")) {
    // It runs in the workspace.
    const std::string inner =
        app.workspace == directory
            ? entry
            : JoinPath(directory, entry)
                  .substr(app.workspace.empty() ? 0 : app.workspace.size() + 1);
    app.install.push_back(Likely((app.lock_file ? "deno cache --frozen " : "deno cache ") + inner,
                                 JoinPath(directory, entry)));
  } else {
    app.install.push_back(Likely(app.lock_file ? "deno install --frozen" : "deno install"));
  }
}

std::string WorkspaceOf(const SourceTree& tree, const std::string& directory) {
  for (std::string_view above = directory; !above.empty();) {
    above = ParentOf(above);
    const std::string path = ManifestIn(tree, std::string(above));
    if (!path.empty() && !At(ReadJsonFile(tree, path, true), "workspace").is_null()) {
      return std::string(above);
    }
  }
  return directory;
}

bool IsOnlyScripts(const SourceTree& tree, const std::string& directory) {
  return !tree.Has(JoinPath(directory, "package.json")) &&
         std::any_of(kEntries.begin(), kEntries.end(), [&](std::string_view name) {
           const std::string path = JoinPath(directory, name);
           return tree.Has(path) && SpeaksDeno(TextOfFile(tree, path));
         });
}

}  // namespace

LanguageFindings AnalyseDeno(const SourceTree& tree, const std::string& directory) {
  const std::string path = ManifestIn(tree, directory);
  const bool has_lock = tree.Has(JoinPath(directory, "deno.lock"));
  if (path.empty() && !has_lock && !IsOnlyScripts(tree, directory)) {
    return {};
  }
  const json manifest = path.empty() ? json() : ReadJsonFile(tree, path, true);
  LanguageFindings findings;
  const bool is_workspace = !At(manifest, "workspace").is_null();
  if (is_workspace) {
    findings.monorepo = Certain("deno", path, "workspace");
  }
  const std::string entry = FindEntry(tree, directory, manifest);
  const std::string code = TextOfFile(tree, JoinPath(directory, entry), "//");
  Claimed claimed;
  App& app = claimed.app;
  app = BeginApp(directory, "deno", path.empty() ? JoinPath(directory, entry) : path);
  SetName(app, TextAt(manifest, "name"), path, "name");
  app.workspace = WorkspaceOf(tree, directory);
  std::string specifiers;
  ReadImports(tree, directory, manifest, path, specifiers, app);
  FindFramework(specifiers.empty() ? code : specifiers + code,
                path.empty() ? JoinPath(directory, entry) : path, app);
  FindVersion(tree, directory, app);
  AddCodeFacts(ScanCode(tree, directory, Patterns()), app);
  AddNeeds(Ecosystem::kNpm, app);
  AddNeeds(Ecosystem::kOther, app);
  FindInstall(tree, directory, entry, app);
  FindRun(manifest, path, entry, app);
  FindKind(code, app);
  if (!entry.empty()) {
    app.traits["deno.entry"] = entry;
  }
  const bool is_started = !TaskText(manifest, "start").empty() || app.kind != AppKind::kProgram;
  const bool is_package = !At(manifest, "exports").is_null() && !is_started;
  const bool is_begun = app.kind == AppKind::kStaticSite || app.run.has_value();
  claimed.is_library = !is_begun || is_package;
  if (claimed.is_library && is_workspace && entry.empty()) {
    return findings;  // it only holds others together
  }
  claimed.claim = claimed.is_library ? Claim::kManifest
                  : path.empty()     ? (has_lock ? Claim::kRunnable : Claim::kSource)
                  : app.framework    ? Claim::kFramework
                                     : Claim::kRunnable;
  findings.apps.push_back(std::move(claimed));
  return findings;
}

}  // namespace casemate::analysis
