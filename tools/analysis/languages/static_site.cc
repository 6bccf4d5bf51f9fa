// Static sites: pages that lie ready, and generators that are no packages of Node.js.
// Traits: "hugo.extended" = "true" (its styles need the extended edition).
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/analysis/documents.h"
#include "tools/analysis/languages/findings.h"
#include "tools/analysis/languages/languages.h"
#include "tools/analysis/names.h"

namespace casemate::analysis {

namespace {

using nlohmann::json;

// Files of applications: pages beside or below them are theirs.
constexpr std::array<std::string_view, 30> kManifests = {
    "package.json",     "composer.json",    "Gemfile",     "mix.exs",    "go.mod",
    "pyproject.toml",   "requirements.txt", "setup.py",    "Pipfile",    "manage.py",
    "app.py",           "main.py",          "Cargo.toml",  "pom.xml",    "build.gradle",
    "build.gradle.kts", "build.sbt",        "deno.json",   "deno.jsonc", "pubspec.yaml",
    "Package.swift",    "CMakeLists.txt",   "meson.build", "stack.yaml", "shard.yml",
    "gleam.toml",       "index.php",        "Procfile",    "server.py",  "server.js"};

bool HasAny(const SourceTree& tree, const std::string& directory) {
  if (std::any_of(kManifests.begin(), kManifests.end(),
                  [&](std::string_view name) { return tree.Has(JoinPath(directory, name)); })) {
    return true;
  }
  const std::vector<std::string> names = tree.In(directory);
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name.ends_with(".csproj") || name.ends_with(".sln") || name.ends_with(".cabal") ||
           name.ends_with(".fsproj");
  });
}

// A package.json that only holds tools for the editor or for formatting.
bool IsOnlyTools(const SourceTree& tree, const std::string& directory) {
  const json manifest = ReadJsonFile(tree, JoinPath(directory, "package.json"));
  const json& scripts = At(manifest, "scripts");
  const bool has_scripts =
      scripts.is_object() && (scripts.contains("build") || scripts.contains("start") ||
                              scripts.contains("dev") || scripts.contains("serve"));
  return !has_scripts && At(manifest, "dependencies").empty();
}

bool BelongsToAnother(const SourceTree& tree, const std::string& directory) {
  std::string place = directory;
  while (true) {
    const bool is_here = place == directory;
    const bool has_only_tools =
        is_here && tree.Has(JoinPath(place, "package.json")) && IsOnlyTools(tree, place);
    if (HasAny(tree, place) && !has_only_tools) {
      return true;
    }
    constexpr std::array<std::string_view, 9> kSites = {
        "index.html",  "Staticfile",  "hugo.toml", "config.toml",   "mkdocs.yml",
        "_config.yml", "config.yaml", "book.toml", "source/conf.py"};
    if (!is_here && std::any_of(kSites.begin(), kSites.end(), [&](std::string_view name) {
          return tree.Has(JoinPath(place, name));
        })) {
      return true;
    }
    if (place.empty()) {
      return false;
    }
    place = std::string(ParentOf(place));
  }
}

LanguageFindings Site(App app, Claim claim) {
  app.kind = AppKind::kStaticSite;
  GuessPort(app, "80");
  LanguageFindings findings;
  findings.apps.push_back({std::move(app), claim, false});
  return findings;
}

std::string FirstOf(const SourceTree& tree, const std::string& directory,
                    std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (tree.Has(JoinPath(directory, name))) {
      return JoinPath(directory, name);
    }
  }
  return {};
}

json ReadSettings(const SourceTree& tree, const std::string& path) {
  return path.ends_with(".toml")   ? ReadTomlFile(tree, path)
         : path.ends_with(".json") ? ReadJsonFile(tree, path)
                                   : ReadYamlFile(tree, path);
}

std::string HugoSettings(const SourceTree& tree, const std::string& directory) {
  std::string named = FirstOf(tree, directory,
                              {"hugo.toml", "hugo.yaml", "hugo.yml", "hugo.json",
                               "config/_default/hugo.toml", "config/_default/hugo.yaml"});
  if (!named.empty()) {
    return named;
  }
  const std::string old = FirstOf(tree, directory,
                                  {"config.toml", "config.yaml", "config.yml",
                                   "config/_default/config.toml", "config/_default/config.yaml"});
  const bool has_parts = tree.HasDirectory(JoinPath(directory, "archetypes")) ||
                         tree.HasDirectory(JoinPath(directory, "layouts")) ||
                         tree.HasDirectory(JoinPath(directory, "themes")) ||
                         tree.Has(JoinPath(directory, ".gitmodules"));
  if (old.empty() || !has_parts || !tree.HasDirectory(JoinPath(directory, "content"))) {
    return {};
  }
  const json settings = ReadSettings(tree, old);
  const bool is_hugo = !At(settings, "baseURL").is_null() || !At(settings, "baseurl").is_null() ||
                       !At(settings, "theme").is_null() || !At(settings, "languageCode").is_null();
  return is_hugo ? old : std::string();
}

std::optional<Finding> HugoVersion(const SourceTree& tree, const std::string& directory) {
  Choice choice;
  if (const auto tool = ToolVersion(tree, directory, {"hugo", "gohugo", "hugo-extended"})) {
    choice.Add(tool->value, tool->source);
  }
  const std::string path = JoinPath(directory, ".hugo-version");
  choice.Add(FirstLine(tree, path), {path, ""});
  const std::string netlify = JoinPath(directory, "netlify.toml");
  const json settings = tree.Has(netlify) ? ReadTomlFile(tree, netlify) : json();
  choice.Add(TextAt(settings, "build.environment.HUGO_VERSION"),
             {netlify, "build.environment.HUGO_VERSION"});
  choice.Add(TextAt(settings, "context.production.environment.HUGO_VERSION"),
             {netlify, "context.production.environment.HUGO_VERSION"});
  return choice.Best();
}

LanguageFindings Hugo(const SourceTree& tree, const std::string& directory,
                      const std::string& path) {
  App app = BeginApp(directory, "static", path);
  const json settings = ReadSettings(tree, path);
  app.framework = Certain("hugo", path);
  app.version = HugoVersion(tree, directory);
  AddWebAssets(tree, directory, "", "", app);
  app.build.push_back(Likely("hugo --gc --minify", path));
  const std::string stated = TextAt(settings, "publishDir");
  app.output = stated.empty() ? Likely("public") : Certain(stated, path, "publishDir");
  const auto styles = tree.Below(JoinPath(directory, "assets"), ".scss");
  if (!styles.empty()) {
    app.traits["hugo.extended"] = "true";
  }
  return Site(std::move(app), Claim::kFramework);
}

LanguageFindings Zola(const SourceTree& tree, const std::string& directory,
                      const std::string& path) {
  App app = BeginApp(directory, "static", path);
  app.framework = Certain("zola", path, "base_url");
  app.build.push_back(Likely("zola build", path));
  const std::string stated = TextAt(ReadTomlFile(tree, path), "output_dir");
  app.output = stated.empty() ? Likely("public") : Certain(stated, path, "output_dir");
  return Site(std::move(app), Claim::kFramework);
}

LanguageFindings MdBook(const SourceTree& tree, const std::string& directory,
                        const std::string& path) {
  App app = BeginApp(directory, "static", path);
  const json settings = ReadTomlFile(tree, path);
  SetName(app, TextAt(settings, "book.title"), path, "book.title");
  app.framework = Certain("mdbook", path);
  app.build.push_back(Likely("mdbook build", path));
  const std::string stated = TextAt(settings, "build.build-dir");
  app.output = stated.empty() ? Likely("book") : Certain(stated, path, "build.build-dir");
  return Site(std::move(app), HasAny(tree, directory) ? Claim::kSource : Claim::kFramework);
}

// Python packages that a documentation's settings ask for, when no file lists them.
void InstallPython(const SourceTree& tree, const std::string& directory, std::string packages,
                   App& app) {
  app.package_manager = Likely("pip");
  for (const char* name : {"requirements.txt", "docs/requirements.txt", "requirements-docs.txt"}) {
    if (tree.Has(JoinPath(directory, name))) {
      const std::string path = JoinPath(directory, name);
      app.install.push_back(Certain("pip install --no-cache-dir -r " + std::string(name), path));
      app.package_manager = Certain("pip", path);
      return;
    }
  }
  for (const auto& [lock, manager, command] :
       {std::tuple{"uv.lock", "uv", "uv sync --locked"},
        std::tuple{"poetry.lock", "poetry", "poetry install --no-root"},
        std::tuple{"Pipfile.lock", "pipenv", "pipenv install --deploy"}}) {
    const std::string path = JoinPath(directory, lock);
    if (tree.Has(path)) {
      app.install.push_back(Certain(command, path));
      app.package_manager = Certain(manager, path);
      app.lock_file = Certain(path, path);
      return;
    }
  }
  app.install.push_back(Likely("pip install --no-cache-dir " + std::move(packages)));
}

std::optional<Finding> PythonVersion(const SourceTree& tree, const std::string& directory) {
  Choice choice;
  choice.Add(FirstLine(tree, JoinPath(directory, ".python-version")),
             {JoinPath(directory, ".python-version"), ""});
  choice.Add(FirstMatch(FirstLine(tree, JoinPath(directory, "runtime.txt")), R"(([\d.]+))"),
             {JoinPath(directory, "runtime.txt"), ""});
  if (const auto tool = ToolVersion(tree, directory, {"python"})) {
    choice.Add(tool->value, tool->source);
  }
  return choice.Best();
}

// Many packages have their documentation beside them: it is the application only where there is
// nothing else.
Claim DocumentationClaim(const SourceTree& tree, const std::string& directory) {
  constexpr std::array<std::string_view, 8> kPackages = {
      "pyproject.toml", "setup.py", "package.json", "Cargo.toml",
      "go.mod",         "pom.xml",  "manage.py",    "composer.json"};
  const bool has_other =
      std::any_of(kPackages.begin(), kPackages.end(),
                  [&](std::string_view name) { return tree.Has(JoinPath(directory, name)); });
  return has_other ? Claim::kSource : Claim::kFramework;
}

LanguageFindings MkDocs(const SourceTree& tree, const std::string& directory,
                        const std::string& path) {
  App app = BeginApp(directory, "python", path);
  // Its tags (!!python/name) are kept as text, or the whole is unreadable: then defaults count.
  const json settings = ReadYamlFile(tree, path);
  const json& theme = At(settings, "theme");
  const std::string name = theme.is_object() ? TextAt(theme, "name") : TextOf(theme);
  SetName(app, TextAt(settings, "site_name"), path, "site_name");
  app.framework = Certain("mkdocs", path);
  app.version = PythonVersion(tree, directory);
  InstallPython(tree, directory, name == "material" ? "mkdocs mkdocs-material" : "mkdocs", app);
  app.build.push_back(Likely("mkdocs build", path));
  const std::string stated = TextAt(settings, "site_dir");
  app.output = stated.empty() ? Likely("site") : Certain(stated, path, "site_dir");
  return Site(std::move(app), DocumentationClaim(tree, directory));
}

LanguageFindings Sphinx(const SourceTree& tree, const std::string& directory,
                        const std::string& sources) {
  const std::string path = JoinPath(directory, JoinPath(sources, "conf.py"));
  App app = BeginApp(directory, "python", path);
  const std::string text = TextOfFile(tree, path, "#");
  SetName(app, FirstMatch(text, R"((?m)^project\s*=\s*u?['"]([^'"]+))"), path, "project");
  app.framework = Certain("sphinx", path);
  app.version = PythonVersion(tree, directory);
  std::string packages = "sphinx";
  if (text.find("sphinx_rtd_theme") != std::string::npos) {
    packages += " sphinx-rtd-theme";
  }
  if (text.find("myst_parser") != std::string::npos) {
    packages += " myst-parser";
  }
  if (text.find("\"furo\"") != std::string::npos || text.find("'furo'") != std::string::npos) {
    packages += " furo";
  }
  InstallPython(tree, directory, packages, app);
  const bool has_makefile = tree.Has(JoinPath(directory, "Makefile"));
  const std::string from = sources.empty() ? "." : sources;
  const bool is_separate = has_makefile && sources == "source";
  const std::string output = is_separate ? "build/html" : "_build/html";
  app.output = is_separate ? Likely(output, JoinPath(directory, "Makefile")) : Likely(output);
  app.build.push_back(Likely("sphinx-build -b html " + from + " " + output, path));
  return Site(std::move(app), DocumentationClaim(tree, directory));
}

bool IsSphinx(const SourceTree& tree, const std::string& path) {
  static const RE2 kSigns(R"((?m)^(?:extensions|html_theme|master_doc|project)\s*=)");
  return tree.Has(path) && RE2::PartialMatch(TextOfFile(tree, path), kSigns);
}

// Generators in Python that are known by a file of their own.
struct PythonSite {
  std::string_view name;
  std::string_view packages;  // that are installed when no file lists them
  std::string_view build;
  std::string_view output;
};

LanguageFindings DescribePythonSite(const SourceTree& tree, const std::string& directory,
                                    const std::string& path, const PythonSite& site) {
  App app = BeginApp(directory, "python", path);
  app.framework = Certain(std::string(site.name), path);
  app.version = PythonVersion(tree, directory);
  InstallPython(tree, directory, std::string(site.packages), app);
  app.build.push_back(Likely(std::string(site.build), path));
  app.output = Likely(std::string(site.output));
  return Site(std::move(app), Claim::kFramework);
}

LanguageFindings Pelican(const SourceTree& tree, const std::string& directory,
                         const std::string& path) {
  const std::string text = TextOfFile(tree, path, "#");
  const auto setting = [&](const std::string& name) {
    std::string value = FirstMatch(text, "(?m)^" + name + R"(\s*=\s*u?['"]([^'"]+)['"])");
    while (value.ends_with('/')) {
      value.pop_back();
    }
    return value;
  };
  const std::string stated = setting("OUTPUT_PATH");
  const std::string output = stated.empty() ? "output" : stated;
  const std::string sources = setting("PATH");
  const bool has_more = tree.Has(JoinPath(directory, "publishconf.py"));
  const std::string build = "pelican " + (sources.empty() ? "content" : sources) + " -o " + output +
                            " -s " + (has_more ? "publishconf.py" : "pelicanconf.py");
  LanguageFindings found = DescribePythonSite(tree, directory, path,
                                              {"pelican", "\"pelican[markdown]\"", build, output});
  SetName(found.apps.front().app, setting("SITENAME"), path, "SITENAME");
  return found;
}

// Pelican, Nikola, Lektor, Jupyter Book.
LanguageFindings GeneratedByPython(const SourceTree& tree, const std::string& directory) {
  if (const std::string path = JoinPath(directory, "pelicanconf.py"); tree.Has(path)) {
    return Pelican(tree, directory, path);
  }
  if (const std::string path = JoinPath(directory, "conf.py");
      tree.Has(path) && TextOfFile(tree, path, "#").find("BLOG_TITLE") != std::string::npos) {
    return DescribePythonSite(tree, directory, path,
                              {"nikola", "\"Nikola[extras]\"", "nikola build", "output"});
  }
  const std::string contents = FirstOf(tree, directory, {"_toc.yml", "_toc.yaml"});
  const std::string book = JoinPath(directory, "_config.yml");
  if (!contents.empty() && tree.Has(book)) {
    return DescribePythonSite(
        tree, directory, book,
        {"jupyter-book", "\"jupyter-book<2\"", "jupyter-book build .", "_build/html"});
  }
  for (const std::string& name : tree.In(directory)) {
    if (name.ends_with(".lektorproject")) {
      return DescribePythonSite(tree, directory, JoinPath(directory, name),
                                {"lektor", "lektor", "lektor build --output-path build", "build"});
    }
  }
  return {};
}

LanguageFindings Jekyll(const SourceTree& tree, const std::string& directory,
                        const std::string& path) {
  App app = BeginApp(directory, "ruby", path);
  const json settings = ReadYamlFile(tree, path);
  app.framework = Likely("jekyll", path);
  app.install.push_back(Likely("gem install jekyll"));
  app.build.push_back(Likely("jekyll build", path));
  const std::string stated = TextAt(settings, "destination");
  app.output = stated.empty() ? Likely("_site") : Certain(stated, path, "destination");
  return Site(std::move(app), Claim::kFramework);
}

LanguageFindings Generated(const SourceTree& tree, const std::string& directory) {
  if (LanguageFindings found = GeneratedByPython(tree, directory); !found.apps.empty()) {
    return found;
  }
  if (const std::string path = HugoSettings(tree, directory); !path.empty()) {
    return Hugo(tree, directory, path);
  }
  if (const std::string path = FirstOf(tree, directory, {"config.toml", "zola.toml"});
      !path.empty() && tree.HasDirectory(JoinPath(directory, "content")) &&
      !TextAt(ReadTomlFile(tree, path), "base_url").empty()) {
    return Zola(tree, directory, path);
  }
  if (const std::string path = FirstOf(tree, directory, {"mkdocs.yml", "mkdocs.yaml"});
      !path.empty()) {
    return MkDocs(tree, directory, path);
  }
  if (const std::string path = JoinPath(directory, "book.toml");
      tree.Has(path) && tree.Has(JoinPath(directory, "src/SUMMARY.md"))) {
    return MdBook(tree, directory, path);
  }
  for (const char* sources : {"", "source"}) {
    const bool is_of_parent = NameOf(directory) == "source";
    if (!is_of_parent && IsSphinx(tree, JoinPath(directory, JoinPath(sources, "conf.py")))) {
      return Sphinx(tree, directory, sources);
    }
  }
  const std::string jekyll = FirstOf(tree, directory, {"_config.yml", "_config.yaml"});
  if (!jekyll.empty() && !tree.Has(JoinPath(directory, "Gemfile")) &&
      !tree.Has(JoinPath(directory, "package.json"))) {
    return Jekyll(tree, directory, jekyll);
  }
  return {};
}

}  // namespace

LanguageFindings AnalyseStaticSite(const SourceTree& tree, const std::string& directory) {
  LanguageFindings generated = Generated(tree, directory);
  if (!generated.apps.empty()) {
    return generated;
  }
  const std::string staticfile = JoinPath(directory, "Staticfile");
  std::string root;
  Source source;
  if (tree.Has(staticfile)) {
    root = TextAt(ReadYamlFile(tree, staticfile), "root");
    source = {staticfile, "root"};
    root = root.empty() ? "." : root;
  } else if (tree.Has(JoinPath(directory, "index.html"))) {
    root = ".";
    source = {JoinPath(directory, "index.html"), ""};
  } else {
    for (const char* name : {"public", "static", "www", "html", "dist", "htdocs"}) {
      const std::string page = JoinPath(directory, std::string(name) + "/index.html");
      if (root.empty() && tree.Has(page)) {
        root = name;
        source = {page, ""};
      }
    }
  }
  if (root.empty() || BelongsToAnother(tree, directory)) {
    return {};
  }
  // A template is no page.
  const std::string page = TextOfFile(tree, JoinPath(directory, JoinPath(root, "index.html")));
  if (page.find("{%") != std::string::npos) {
    return {};
  }
  // A directory that its parent hands out begins no site of its own.
  const std::string_view own = NameOf(directory);
  const bool is_root_of_parent = own == "public" || own == "static" || own == "www" ||
                                 own == "html" || own == "dist" || own == "htdocs";
  if (is_root_of_parent && source.field.empty()) {
    return {};
  }
  App app = BeginApp(directory, "static", source.file);
  app.output = Finding(root, source, Confidence::kCertain);
  return Site(std::move(app), Claim::kRunnable);
}

}  // namespace casemate::analysis
