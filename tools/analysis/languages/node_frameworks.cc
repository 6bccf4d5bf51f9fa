#include "tools/analysis/languages/node_frameworks.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "tools/analysis/documents.h"

namespace casemate::analysis {

namespace {

using nlohmann::json;

void SetOutput(App& app, std::string value, const std::string& file, std::string_view field) {
  app.output = Finding(std::move(value), {file, std::string(field)}, Confidence::kCertain);
}

void BecomeStatic(App& app, std::string output, const std::string& file, std::string_view field) {
  app.kind = AppKind::kStaticSite;
  app.run.reset();
  app.ports.clear();
  SetOutput(app, std::move(output), file, field);
}

void SetRun(App& app, std::string command, const std::string& file, std::string_view field) {
  app.kind = AppKind::kService;
  app.run = Finding(std::move(command), {file, std::string(field)}, Confidence::kLikely);
}

std::string Captured(const std::string& text, const char* pattern) {
  std::string value;
  RE2::PartialMatch(text, pattern, &value);
  return value;
}

// "./dist/" as "dist".
std::string PlainPath(std::string path) {
  while (path.starts_with("./")) {
    path.erase(0, 2);
  }
  while (path.ends_with('/')) {
    path.pop_back();
  }
  return path;
}

void RefineNext(const NodePackage& package, App& app) {
  const std::string file = package.FirstOf({"next.config.js", "next.config.mjs", "next.config.ts"});
  const std::string text = package.Text(file);
  const std::string output = Captured(text, R"(output\s*:\s*['"](\w+)['"])");
  const std::string path = JoinPath(package.directory(), file);
  if (output == "export") {
    const std::string folder = Captured(text, R"(distDir\s*:\s*['"]([^'"]+)['"])");
    BecomeStatic(app, folder.empty() ? "out" : PlainPath(folder), path, "output");
  } else if (output == "standalone") {
    app.traits["next.output"] = "standalone";
    SetOutput(app, ".next/standalone", path, "output");
    SetRun(app, "node server.js", path, "output");
  }
}

// Of "^2.15.8" 2; 0: it does not say.
int MajorOf(const std::string& version) {
  int major = 0;
  RE2::PartialMatch(version, R"((\d{1,4}))", &major);
  return major;
}

void RefineNuxt(const NodePackage& package, App& app) {
  const std::string build = package.Script("build");
  const std::string file = package.FirstOf({"nuxt.config.ts", "nuxt.config.js", "nuxt.config.mjs"});
  if (MajorOf(package.VersionOf("nuxt")) == 2) {
    const std::string path = JoinPath(package.directory(), file);
    app.output = Finding(".nuxt", {}, Confidence::kLikely);
    if (package.Script("start").empty()) {
      SetRun(app, package.Execute("nuxt start"), package.path(), "dependencies.nuxt");
    }
    const std::string port =
        Captured(package.Text(file), R"(server\s*:\s*\{[^}]*\bport\s*:\s*['"]?(\d{2,5}))");
    if (!port.empty()) {
      app.ports = {Finding(port, {path, "server.port"}, Confidence::kCertain)};
    }
    if (build.find("generate") != std::string::npos ||
        Captured(package.Text(file), R"(target\s*:\s*['"](static)['"])") == "static") {
      BecomeStatic(app, "dist", path, "target");
    }
    return;
  }
  if (build.find("generate") != std::string::npos) {
    BecomeStatic(app, ".output/public", package.path(), "scripts.build");
  } else if (!Captured(package.Text(file), R"(preset\s*:\s*['"](static|github-pages)['"])")
                  .empty()) {
    BecomeStatic(app, ".output/public", JoinPath(package.directory(), file), "nitro.preset");
  }
}

void RefineVite(const NodePackage& package, App& app) {
  const std::string file =
      package.FirstOf({"vite.config.ts", "vite.config.js", "vite.config.mjs", "vite.config.mts"});
  const std::string folder = Captured(package.Text(file), R"(outDir\s*:\s*['"]([^'"]+)['"])");
  if (!folder.empty() && !folder.starts_with("..")) {
    SetOutput(app, PlainPath(folder), JoinPath(package.directory(), file), "build.outDir");
  }
}

void RefineAstro(const NodePackage& package, App& app) {
  const std::string file =
      package.FirstOf({"astro.config.mjs", "astro.config.ts", "astro.config.js"});
  const std::string path = JoinPath(package.directory(), file);
  const std::string text = package.Text(file);
  const std::string output = Captured(text, R"(output\s*:\s*['"](\w+)['"])");
  if ((output == "server" || output == "hybrid" || package.Uses("@astrojs/node")) &&
      text.find("adapter") != std::string::npos) {
    SetRun(app, "node ./dist/server/entry.mjs", path, "adapter");
    app.ports = {Finding("4321", {}, Confidence::kGuess)};
  }
  const std::string folder = Captured(text, R"(outDir\s*:\s*['"]([^'"]+)['"])");
  if (!folder.empty()) {
    SetOutput(app, PlainPath(folder), path, "outDir");
  }
}

void RefineSvelteKit(const NodePackage& package, App& app) {
  const std::string file = package.FirstOf({"svelte.config.js", "svelte.config.ts"});
  const std::string path = JoinPath(package.directory(), file);
  if (package.Uses("@sveltejs/adapter-static")) {
    const std::string pages = Captured(package.Text(file), R"(pages\s*:\s*['"]([^'"]+)['"])");
    BecomeStatic(app, pages.empty() ? "build" : PlainPath(pages), path, "adapter");
  } else if (!package.Uses("@sveltejs/adapter-node")) {
    app.traits["sveltekit.adapter"] = "auto";
    package.tree().Note(
        package.path() +
        ": SvelteKit's adapter-auto makes no server of its own; add @sveltejs/adapter-node");
  }
}

void RefineReactRouter(const NodePackage& package, App& app) {
  const std::string file = package.FirstOf({"react-router.config.ts", "react-router.config.js"});
  if (Captured(package.Text(file), R"(ssr\s*:\s*(false))") == "false") {
    BecomeStatic(app, "build/client", JoinPath(package.directory(), file), "ssr");
  }
}

void RefineRemix(const NodePackage& package, App& app) {
  const std::string file = package.FirstOf({"vite.config.ts", "vite.config.js", "vite.config.mjs"});
  if (Captured(package.Text(file), R"(ssr\s*:\s*(false))") == "false") {
    BecomeStatic(app, "build/client", JoinPath(package.directory(), file), "ssr");
  } else if (file.empty()) {
    app.run = Finding("npx remix-serve build/index.js", {}, Confidence::kLikely);
  }
}

// The first application of angular.json, or the one that is the default.
void RefineAngular(const NodePackage& package, App& app) {
  const std::string path = JoinPath(package.directory(), "angular.json");
  const json workspace = ReadJsonFile(package.tree(), path, true);
  const json& projects = At(workspace, "projects");
  std::string name = TextAt(workspace, "defaultProject");
  for (auto it = projects.begin(); name.empty() && projects.is_object() && it != projects.end();
       ++it) {
    const std::string type = TextAt(it.value(), "projectType");
    name = type.empty() || type == "application" ? it.key() : "";
  }
  if (name.empty()) {
    return;
  }
  const json& build = At(projects, {name, "architect", "build"});
  const json& target = build.is_null() ? At(projects, {name, "targets", "build"}) : build;
  const std::string builder = TextAt(target, "builder");
  const json& wanted = At(target, "options.outputPath");
  std::string output = wanted.is_object() ? TextAt(wanted, "base") : TextOf(wanted);
  output = output.empty() ? "dist/" + name : PlainPath(output);
  const bool has_browser = builder.ends_with(":application");
  const bool has_server =
      !At(target, "options.ssr").is_null() && TextAt(target, "options.ssr") != "false";
  if (has_browser && has_server) {
    SetOutput(app, output, path, "projects." + name);
    SetRun(app, "node " + output + "/server/server.mjs", path, "projects." + name);
    app.ports = {Finding("4000", {}, Confidence::kGuess)};
  } else {
    SetOutput(app, has_browser ? output + "/browser" : output, path, "projects." + name);
  }
}

void RefineVitePress(const NodePackage& package, App& app) {
  const std::string build = package.Script("build") + package.Script("docs:build");
  const std::string folder = Captured(build, R"(vitepress build (\w+))");
  if (!folder.empty()) {
    SetOutput(app, folder + "/.vitepress/dist", package.path(), "scripts.build");
  }
}

constexpr auto kStatic = AppKind::kStaticSite;
constexpr auto kService = AppKind::kService;

// Those that bring others along come first.
constexpr auto kFrameworks = std::to_array<NodeFramework>({
    {"redwood", "@redwoodjs/core", kService, "", "yarn rw serve", "yarn rw build", "8910"},
    {"next", "next", kService, ".next", "npx next start", "npx next build", "3000", RefineNext},
    {"nuxt", "nuxt", kService, ".output", "node .output/server/index.mjs", "npx nuxt build", "3000",
     RefineNuxt},
    {"nuxt", "nuxt3", kService, ".output", "node .output/server/index.mjs", "npx nuxt build",
     "3000", RefineNuxt},
    {"nitro", "nitropack", kService, ".output", "node .output/server/index.mjs", "npx nitro build",
     "3000"},
    {"react-router", "@react-router/dev", kService, "build",
     "npx react-router-serve ./build/server/index.js", "npx react-router build", "3000",
     RefineReactRouter},
    {"remix", "@remix-run/react", kService, "build", "npx remix-serve ./build/server/index.js",
     "npx remix vite:build", "3000", RefineRemix},
    {"tanstack-start", "@tanstack/react-start", kService, ".output",
     "node .output/server/index.mjs", "npx vite build", "3000"},
    {"tanstack-start", "@tanstack/start", kService, ".output", "node .output/server/index.mjs",
     "npx vinxi build", "3000"},
    {"solid-start", "@solidjs/start", kService, ".output", "node .output/server/index.mjs",
     "npx vinxi build", "3000"},
    {"qwik", "@builder.io/qwik-city", kService, "dist", "node server/entry.express",
     "npx qwik build", "3000"},
    {"astro", "astro", kStatic, "dist", "", "npx astro build", "", RefineAstro},
    {"sveltekit", "@sveltejs/kit", kService, "build", "node build", "npx vite build", "3000",
     RefineSvelteKit},
    {"gatsby", "gatsby", kStatic, "public", "", "npx gatsby build", ""},
    {"docusaurus", "@docusaurus/core", kStatic, "build", "", "npx docusaurus build", ""},
    {"vitepress", "vitepress", kStatic, ".vitepress/dist", "", "npx vitepress build", "",
     RefineVitePress, true},
    {"vuepress", "vuepress", kStatic, "docs/.vuepress/dist", "", "npx vuepress build docs", "",
     nullptr, true},
    {"eleventy", "@11ty/eleventy", kStatic, "_site", "", "npx @11ty/eleventy", "", nullptr, true},
    {"strapi", "@strapi/strapi", kService, "", "npx strapi start", "npx strapi build", "1337"},
    {"keystone", "@keystone-6/core", kService, ".keystone", "npx keystone start",
     "npx keystone build", "3000"},
    {"payload", "payload", kService, "", "", "", "3000"},
    {"adonis", "@adonisjs/core", kService, "build", "node build/bin/server.js", "node ace build",
     "3333"},
    {"angular", "@angular/core", kStatic, "dist", "", "npx ng build", "", RefineAngular, true},
    {"nest", "@nestjs/core", kService, "dist", "node dist/main", "npx nest build", "3000"},
    {"feathers", "@feathersjs/feathers", kService, "", "", "", "3030"},
    {"sails", "sails", kService, "", "node app.js", "", "1337"},
    {"apollo", "@apollo/server", kService, "", "", "", "4000"},
    {"fastify", "fastify", kService, "", "", "", "3000"},
    {"express", "express", kService, "", "", "", "3000"},
    {"koa", "koa", kService, "", "", "", "3000"},
    {"hapi", "@hapi/hapi", kService, "", "", "", "3000"},
    {"hono", "hono", kService, "", "", "", "3000"},
    {"elysia", "elysia", kService, "", "", "", "3000"},
    {"polka", "polka", kService, "", "", "", "3000"},
    {"restify", "restify", kService, "", "", "", "8080"},
    {"socket.io", "socket.io", kService, "", "", "", "3000"},
    {"ws", "ws", kService, "", "", "", "8080"},
    {"create-react-app", "react-scripts", kStatic, "build", "", "npx react-scripts build", "",
     nullptr, true},
    {"vue-cli", "@vue/cli-service", kStatic, "dist", "", "npx vue-cli-service build", "", nullptr,
     true},
    {"expo", "expo react-native-web", kStatic, "dist", "", "npx expo export -p web", "", nullptr,
     true},
    {"vite", "vite", kStatic, "dist", "", "npx vite build", "", RefineVite, true},
    {"rsbuild", "@rsbuild/core", kStatic, "dist", "", "npx rsbuild build", "", nullptr, true},
    {"parcel", "parcel", kStatic, "dist", "", "", "", nullptr, true},
    {"webpack", "webpack", kStatic, "dist", "", "", "", nullptr, true},
});

bool UsesAll(const NodePackage& package, std::string_view names) {
  while (!names.empty()) {
    const std::size_t gap = names.find(' ');
    if (!package.Uses(names.substr(0, gap))) {
      return false;
    }
    names = gap == std::string_view::npos ? std::string_view() : names.substr(gap + 1);
  }
  return true;
}

// A bundler makes a site only of what has a page, or that says what it builds.
bool IsSite(const NodePackage& package, const NodeFramework& framework) {
  if (framework.name == "vite" || framework.name == "parcel" || framework.name == "webpack") {
    return package.Has("index.html") || package.Has("src/index.html") ||
           package.Has("public/index.html") || package.Has("app/index.html");
  }
  return true;
}

// Packages that others use may ask for a framework only to be a part of its applications: those
// that are applications are built by it, or configure it.
bool IsBuiltBy(const NodePackage& package, const NodeFramework& framework) {
  const json& manifest = package.manifest();
  const bool is_part = package.workspace() != package.directory() ||
                       !At(manifest, "exports").is_null() || !At(manifest, "main").is_null();
  if (!is_part || framework.build.empty() || framework.is_bundler) {
    return true;
  }
  std::string program(framework.build.substr(framework.build.starts_with("npx ") ? 4 : 0));
  program = program.substr(0, program.find(' '));
  const json& scripts = At(manifest, "scripts");
  for (auto it = scripts.begin(); scripts.is_object() && it != scripts.end(); ++it) {
    const std::string script = TextOf(it.value());
    if (RE2::PartialMatch(script, R"((?:^|[\s/]))" + RE2::QuoteMeta(program) + R"((?:\s|$))")) {
      return true;
    }
  }
  for (const std::string& name : package.tree().In(package.directory())) {
    if (name.starts_with(std::string(framework.name) + ".config.") ||
        name.starts_with(program + ".config.") || name.starts_with(program + "-cli.") ||
        name.starts_with("svelte.config.") || name == "docusaurus.config.js") {
      return true;
    }
  }
  return false;
}

}  // namespace

const NodeFramework* FindNodeFramework(const NodePackage& package) {
  for (const NodeFramework& framework : kFrameworks) {
    // A server that only tests or tools use is no framework of this package.
    const bool is_server = framework.kind == kService && framework.build.empty();
    const bool is_used =
        is_server ? package.RunsWith(framework.dependency) : UsesAll(package, framework.dependency);
    if (is_used && IsSite(package, framework) && IsBuiltBy(package, framework)) {
      return &framework;
    }
  }
  return nullptr;
}

const NodeFramework* NodeFrameworkNamed(std::string_view name) {
  const auto* const found =
      std::find_if(kFrameworks.begin(), kFrameworks.end(),
                   [&](const NodeFramework& framework) { return framework.name == name; });
  return found == kFrameworks.end() ? nullptr : found;
}

const NodeFramework* FindNodeServer(const std::set<std::string, std::less<>>& imports) {
  for (const NodeFramework& framework : kFrameworks) {
    const bool is_server =
        framework.kind == kService && (framework.build.empty() || framework.name == "nest");
    if (is_server && imports.contains(framework.dependency)) {
      return &framework;
    }
  }
  return nullptr;
}

}  // namespace casemate::analysis
