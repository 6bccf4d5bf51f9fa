// PHP: Composer's projects (Laravel, Symfony, Slim, …), WordPress, and plain pages.
// Traits: "php.document_root" (what the web server hands out, relative to the application; "." for
// all of it), "php.extensions" (by space, without those that every PHP brings), "php.server"
// ("apache", "frankenphp", "roadrunner", "swoole", "own": the program listens itself).
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

struct Framework {
  std::string_view package;
  std::string_view name;
  std::string_view document_root;
};
// The more telling first: Laravel and Drupal are built of parts of Symfony.
constexpr auto kFrameworks = std::to_array<Framework>({
    {"laravel/framework", "laravel", "public"},
    {"laravel/lumen-framework", "lumen", "public"},
    {"roots/wordpress", "wordpress", "web"},
    {"johnpbloch/wordpress", "wordpress", ""},
    {"johnpbloch/wordpress-core", "wordpress", ""},
    {"drupal/core-recommended", "drupal", "web"},
    {"drupal/core", "drupal", "web"},
    {"magento/product-community-edition", "magento", "pub"},
    {"craftcms/cms", "craft", "web"},
    {"statamic/cms", "laravel", "public"},
    {"symfony/framework-bundle", "symfony", "public"},
    {"symfony/symfony", "symfony", "web"},
    {"codeigniter4/framework", "codeigniter", "public"},
    {"codeigniter/framework", "codeigniter", ""},
    {"cakephp/cakephp", "cakephp", "webroot"},
    {"yiisoft/yii2", "yii", "web"},
    {"hyperf/framework", "hyperf", ""},
    {"hyperf/http-server", "hyperf", ""},
    {"mezzio/mezzio", "mezzio", "public"},
    {"laminas/laminas-mvc", "laminas", "public"},
    {"slim/slim", "slim", "public"},
    {"spiral/framework", "spiral", "public"},
    {"leafs/leaf", "leaf", "public"},
    {"mikecao/flight", "flight", ""},
    {"flightphp/core", "flight", ""},
    {"react/http", "reactphp", ""},
    {"workerman/webman-framework", "webman", "public"},
    {"workerman/workerman", "workerman", ""},
});

// What php itself and its official images bring.
constexpr std::array<std::string_view, 23> kBuiltIn = {
    "ctype",    "curl",       "date",     "dom",       "fileinfo", "filter",    "hash", "iconv",
    "json",     "libxml",     "mbstring", "openssl",   "pcre",     "pdo",       "phar", "posix",
    "readline", "reflection", "session",  "simplexml", "spl",      "tokenizer", "xml"};

constexpr std::array<std::string_view, 6> kDocumentRoots = {"public", "web",         "webroot",
                                                            "pub",    "public_html", "htdocs"};

CodePatterns Patterns() {
  CodePatterns patterns;
  patterns.suffixes = {".php", ".yaml"};
  patterns.environment = {
      {R"re(\benv\(\s*['"]([A-Z][A-Z0-9_]*)['"]\s*(?:,\s*['"]?([^'"(),]*)['"]?)?)re"},
      {R"re(\bgetenv\(\s*['"]([A-Z][A-Z0-9_]*)['"]\s*(?:,\s*true)?\)\s*(?:(?:\?:|\?\?|\|\|)\s*['"]?([^'"();]*))?)re"},
      {R"re(\$_ENV\[\s*['"]([A-Z][A-Z0-9_]*)['"]\s*\]\s*(?:\?\?\s*['"]?([^'"();]*))?)re"},
      {R"re(%env\((?:[a-zA-Z_]+:)*([A-Z][A-Z0-9_]*)\)%)re", true},
  };
  patterns.ports = {
      R"re((?:SocketServer|Worker|SocketHttpServer|Server)\(\s*['"](?:[a-z]+://)?[\d.]+(?::|['"],\s*)(\d{2,5}))re",
      R"re(['"]port['"]\s*=>\s*(\d{4,5}),\s*['"]sock_type['"])re"};
  patterns.comments = {"//", "# ", "*", "/*"};
  return patterns;
}

bool HasAnyOf(const SourceTree& tree, const std::string& directory,
              std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return tree.Has(JoinPath(directory, name)); });
}

bool IsWordPress(const SourceTree& tree, const std::string& directory) {
  return HasAnyOf(tree, directory,
                  {"wp-login.php", "wp-settings.php", "wp-config.php", "wp-config-sample.php"}) ||
         tree.HasDirectory(JoinPath(directory, "wp-content/themes"));
}

bool IsPhpPlace(const SourceTree& tree, const std::string& directory) {
  return HasAnyOf(tree, directory,
                  {"composer.json", "index.php", "public/index.php", "htdocs/index.php"}) ||
         IsWordPress(tree, directory);
}

// Pages below another application of PHP are a part of it.
bool LiesInAnother(const SourceTree& tree, const std::string& directory) {
  for (std::string_view above = directory; !above.empty();) {
    above = ParentOf(above);
    if (IsPhpPlace(tree, std::string(above))) {
      return true;
    }
  }
  return false;
}

void ReadComposer(const std::string& path, const json& composer, App& app) {
  if (const json& require = At(composer, "require"); require.is_object()) {
    for (const auto& [name, version] : require.items()) {
      if (name != "php" && !name.starts_with("php-") && !name.starts_with("composer-")) {
        app.dependencies.push_back({name, TextOf(version), {path, "require." + name}});
      }
    }
  }
  SetName(app, TextAt(composer, "name"), path, "name");
  if (TextAt(composer, "name").starts_with("laravel/laravel") ||
      TextAt(composer, "name") == "symfony/skeleton") {
    app.name = Likely(PlainName(app.directory.empty() ? app.name.value : "", app.directory));
  }
}

void FindVersion(const SourceTree& tree, const std::string& directory, const json& composer,
                 App& app) {
  const std::string path = JoinPath(directory, "composer.json");
  Choice choice;
  choice.Add(FirstLine(tree, JoinPath(directory, ".php-version")),
             {JoinPath(directory, ".php-version"), ""});
  if (const auto tool = ToolVersion(tree, directory, {"php"})) {
    choice.Add(tool->value, tool->source);
  }
  choice.Add(TextAt(composer, "config.platform.php"), {path, "config.platform.php"});
  choice.Add(TextAt(composer, "require.php"), {path, "require.php"});
  if (app.lock_file) {
    const json lock = ReadJsonFile(tree, app.lock_file->value);
    choice.Add(TextAt(lock, "platform.php"), {app.lock_file->value, "platform.php"});
  }
  app.version = choice.Best();
}

void FindExtensions(App& app) {
  std::string list;
  for (const Dependency& dependency : app.dependencies) {
    const std::string name =
        dependency.name.starts_with("ext-") ? Lower(dependency.name.substr(4)) : "";
    if (!name.empty() && std::find(kBuiltIn.begin(), kBuiltIn.end(), name) == kBuiltIn.end()) {
      list += (list.empty() ? "" : " ") + name;
    }
  }
  if (!list.empty()) {
    app.traits["php.extensions"] = list;
  }
}

// Settings that an example of the environment shows, for the drivers that they name.
std::string Setting(const std::string& text, const std::string& name) {
  return FirstMatch(text, "(?m)^\\s*" + name + "=[\"']?([A-Za-z0-9+]+)");
}

void FindDrivers(const SourceTree& tree, const std::string& directory, App& app) {
  for (const char* name : {".env.example", ".env", ".env.dist"}) {
    const std::string path = JoinPath(directory, name);
    const std::string text = TextOfFile(tree, path, "#");
    for (const char* key : {"DB_CONNECTION", "DATABASE_URL"}) {
      const std::string driver = Setting(text, key);
      std::string extension;
      if (driver.starts_with("pgsql") || driver.starts_with("postgres")) {
        AddService(app, Likely("postgres", path, key));
        extension = "ext-pdo_pgsql";
      } else if (driver.starts_with("mysql") || driver.starts_with("mariadb")) {
        AddService(app, Likely("mysql", path, key));
        extension = "ext-pdo_mysql";
      } else if (driver.starts_with("sqlite")) {
        AddService(app, Likely("sqlite", path, key));
      }
      if (!extension.empty() && !DependsOn(app, extension)) {
        app.dependencies.push_back({extension, "*", {path, key}});
      }
    }
    for (const char* key : {"CACHE_DRIVER", "CACHE_STORE", "QUEUE_CONNECTION", "SESSION_DRIVER",
                            "BROADCAST_DRIVER", "MESSENGER_TRANSPORT_DSN", "REDIS_URL"}) {
      const std::string driver = Setting(text, key);
      if (driver == "redis" || driver == "rediss") {
        AddService(app, Likely("redis", path, key));
      } else if (driver == "amqp" || driver == "amqps" || driver == "rabbitmq") {
        AddService(app, Likely("rabbitmq", path, key));
      } else if (driver == "memcached") {
        AddService(app, Likely("memcached", path, key));
      }
    }
  }
}

void FindDocumentRoot(const SourceTree& tree, const std::string& directory, const json& composer,
                      std::string_view conventional, App& app) {
  std::string root = TextAt(composer, "extra.drupal-scaffold.locations.web-root");
  while (root.starts_with("./")) {
    root.erase(0, 2);
  }
  while (root.ends_with('/')) {
    root.pop_back();
  }
  if (root.empty() && !conventional.empty() &&
      tree.HasDirectory(JoinPath(directory, conventional))) {
    root = conventional;
  }
  for (const std::string_view name : kDocumentRoots) {
    if (root.empty() && !tree.Has(JoinPath(directory, "index.php")) &&
        tree.Has(JoinPath(directory, std::string(name) + "/index.php"))) {
      root = name;
    }
  }
  if (root.empty()) {
    root = conventional.empty() || tree.Has(JoinPath(directory, "index.php")) ? "." : conventional;
  }
  app.traits["php.document_root"] = root.empty() ? "." : root;
}

void ServeItself(App& app, std::string server, Finding command, std::string port) {
  app.kind = AppKind::kService;
  app.traits["php.server"] = std::move(server);
  app.run = std::move(command);
  if (!port.empty()) {
    GuessPort(app, std::move(port));
  }
}

void ServeByScript(const SourceTree& tree, const std::string& directory,
                   const std::string& framework, App& app) {
  std::string file = "server.php";
  for (const char* name : {"server.php", "app.php", "main.php", "bin/server.php", "start.php",
                           "public/index.php", "index.php"}) {
    if (tree.Has(JoinPath(directory, name))) {
      file = name;
      break;
    }
  }
  ServeItself(
      app, "own",
      Likely("php " + file + (framework == "workerman" ? " start" : ""), JoinPath(directory, file)),
      "8080");
}

// A script of Composer that runs a program, and no server for development.
bool FindStartScript(const std::string& path, const json& composer, App& app) {
  const json& start = At(composer, "scripts.start");
  const std::string command = TextOf(start.is_array() && !start.empty() ? start.back() : start);
  if (command.starts_with("php ") && command.find(" -S ") == std::string::npos &&
      command.find("serve") == std::string::npos) {
    app.run = Certain(command, path, "scripts.start");
    app.kind = app.ports.empty() ? AppKind::kProgram : AppKind::kService;
    app.traits["php.server"] = "own";
    return true;
  }
  return false;
}

// Servers that are written in PHP, or that a dependency chooses: true when there is one.
bool FindOwnServer(const SourceTree& tree, const std::string& directory, const json& composer,
                   App& app) {
  const std::string path = JoinPath(directory, "composer.json");
  const std::string framework = app.framework ? app.framework->value : "";
  if (DependsOn(app, "laravel/octane")) {
    const std::string config = TextOfFile(tree, JoinPath(directory, "config/octane.php"));
    std::string server = FirstMatch(config, R"(OCTANE_SERVER['"],\s*['"](\w+))");
    server = server.empty() ? "roadrunner" : server;
    ServeItself(app, server,
                Likely("php artisan octane:start --server=" + server +
                           " --host=0.0.0.0 --port=${PORT:-8000}",
                       path, "require.laravel/octane"),
                "8000");
  } else if (framework == "hyperf") {
    ServeItself(app, "swoole", Likely("php bin/hyperf.php start", path), "9501");
  } else if (framework == "webman") {
    ServeItself(app, "own", Likely("php start.php start", path), "8787");
  } else if (framework == "spiral" || tree.Has(JoinPath(directory, ".rr.yaml"))) {
    ServeItself(app, "roadrunner", Likely("rr serve", JoinPath(directory, ".rr.yaml")), "8080");
  } else if (DependsOn(app, "runtime/frankenphp-symfony")) {
    ServeItself(app, "frankenphp", Likely("frankenphp run --config /etc/caddy/Caddyfile"), "80");
  } else if (framework == "reactphp" || framework == "workerman") {
    ServeByScript(tree, directory, framework, app);
  } else {
    return framework.empty() && FindStartScript(path, composer, app);
  }
  return true;
}

void ServePages(App& app) {
  app.kind = AppKind::kService;
  app.traits["php.server"] = "apache";
  app.run = Guess("apache2-foreground");
  GuessPort(app, "80");
}

std::optional<Finding> FindProgram(const SourceTree& tree, const std::string& directory,
                                   const json& composer) {
  const std::string path = JoinPath(directory, "composer.json");
  const json& bin = At(composer, "bin");
  const std::string stated = TextOf(bin.is_array() && !bin.empty() ? bin.front() : bin);
  if (!stated.empty()) {
    return Certain("php " + stated, path, "bin");
  }
  const bool is_library = TextAt(composer, "type") == "library";
  for (const char* name : {"bin/console", "main.php", "app.php", "bot.php", "run.php", "cli.php",
                           "server.php", "src/main.php"}) {
    if (!is_library && tree.Has(JoinPath(directory, name))) {
      return Likely("php " + std::string(name), JoinPath(directory, name));
    }
  }
  return std::nullopt;
}

void FindHealth(const SourceTree& tree, const std::string& directory, App& app) {
  const std::string path = JoinPath(directory, "bootstrap/app.php");
  const std::string stated = FirstMatch(TextOfFile(tree, path), R"(health:\s*['"]([^'"]+))");
  if (!stated.empty()) {
    app.health = Certain(stated, path, "health");
  }
}

void FindCommands(const SourceTree& tree, const std::string& directory, App& app) {
  const std::string path = JoinPath(directory, "composer.json");
  const std::string lock = JoinPath(directory, "composer.lock");
  app.package_manager = Certain("composer", path);
  if (tree.Has(lock)) {
    app.lock_file = Certain(lock, lock);
  }
  app.install.push_back(
      Likely("composer install --no-dev --no-interaction --prefer-dist --optimize-autoloader",
             tree.Has(lock) ? lock : path));
  AddWebAssets(tree, directory, "", "build", app);
  if (app.also.empty()) {
    AddWebAssets(tree, directory, "", "production", app);
  }
}

void FindFramework(App& app, std::string_view& document_root) {
  for (const Framework& framework : kFrameworks) {
    const auto found =
        std::find_if(app.dependencies.begin(), app.dependencies.end(),
                     [&](const Dependency& other) { return other.name == framework.package; });
    if (found != app.dependencies.end()) {
      app.framework = Certain(std::string(framework.name), found->source.file, found->source.field);
      document_root = framework.document_root;
      return;
    }
  }
}

// CodeIgniter 3 and WordPress are often whole in the repository, without a package manager.
void FindFrameworkInFiles(const SourceTree& tree, const std::string& directory, App& app) {
  if (app.framework) {
    return;
  }
  if (IsWordPress(tree, directory)) {
    app.framework = Likely("wordpress", JoinPath(directory, "wp-content"));
    AddService(app, Likely("mysql"));
    if (!DependsOn(app, "ext-mysqli")) {
      app.dependencies.push_back({"ext-mysqli", "*", {}});
    }
  } else if (tree.Has(JoinPath(directory, "artisan"))) {
    app.framework = Likely("laravel", JoinPath(directory, "artisan"));
  } else if (tree.HasDirectory(JoinPath(directory, "system/core")) &&
             tree.HasDirectory(JoinPath(directory, "application"))) {
    app.framework = Likely("codeigniter", JoinPath(directory, "system/core/CodeIgniter.php"));
  } else if (tree.Has(JoinPath(directory, "spark"))) {
    app.framework = Likely("codeigniter", JoinPath(directory, "spark"));
  }
}

bool HasPages(const SourceTree& tree, const std::string& directory) {
  return tree.Has(JoinPath(directory, "index.php")) ||
         std::any_of(kDocumentRoots.begin(), kDocumentRoots.end(), [&](std::string_view root) {
           return tree.Has(JoinPath(directory, std::string(root) + "/index.php"));
         });
}

// Of a default that is computed, or none, only its being there is known.
void ForgetComputed(App& app) {
  for (EnvironmentVariable& variable : app.environment) {
    if (variable.default_value == "null" || variable.default_value == "dirname") {
      variable.default_value.clear();
    }
  }
}

}  // namespace

LanguageFindings AnalysePhp(const SourceTree& tree, const std::string& directory) {
  const std::string manifest = JoinPath(directory, "composer.json");
  const bool has_manifest = tree.Has(manifest);
  if (!IsPhpPlace(tree, directory) || (!has_manifest && LiesInAnother(tree, directory))) {
    return {};
  }
  const json composer = has_manifest ? ReadJsonFile(tree, manifest) : json();
  Claimed claimed;
  App& app = claimed.app;
  std::string marker = manifest;
  for (const char* page : {"htdocs/index.php", "public/index.php", "index.php"}) {
    const std::string path = JoinPath(directory, page);
    marker = !has_manifest && tree.Has(path) ? path : marker;
  }
  app = BeginApp(directory, "php", marker);
  std::string_view conventional_root;
  if (has_manifest) {
    ReadComposer(manifest, composer, app);
    FindCommands(tree, directory, app);
    FindFramework(app, conventional_root);
  } else {
    AddWebAssets(tree, directory, "", "build", app);
  }
  FindVersion(tree, directory, composer, app);
  FindFrameworkInFiles(tree, directory, app);
  FindHealth(tree, directory, app);
  AddCodeFacts(ScanCode(tree, directory, Patterns()), app);
  // Symfony's bundle for debugging asks for it, which no production has.
  std::erase_if(app.environment, [](const EnvironmentVariable& variable) {
    return variable.name == "VAR_DUMPER_SERVER";
  });
  ForgetComputed(app);
  FindDrivers(tree, directory, app);
  AddNeeds(Ecosystem::kPackagist, app);
  FindExtensions(app);
  const std::string type = TextAt(composer, "type");
  const bool is_part = !type.empty() && type != "project" && type != "library";
  claimed.claim = app.framework ? Claim::kFramework : Claim::kRunnable;
  if (DependsOn(app, "laravel/horizon")) {
    app.processes.push_back({"worker", Likely("php artisan horizon", manifest)});
  }
  if (!is_part && FindOwnServer(tree, directory, composer, app)) {
    FindDocumentRoot(tree, directory, composer, conventional_root, app);
  } else if (!is_part && (HasPages(tree, directory) || (app.framework && type != "library"))) {
    FindDocumentRoot(tree, directory, composer, conventional_root, app);
    ServePages(app);
  } else if (auto program = is_part ? std::nullopt : FindProgram(tree, directory, composer)) {
    app.run = std::move(program);
    app.kind = app.ports.empty() ? AppKind::kProgram : AppKind::kService;
  } else {
    claimed.claim = Claim::kManifest;
    claimed.is_library = true;
  }
  LanguageFindings findings;
  findings.apps.push_back(std::move(claimed));
  return findings;
}

}  // namespace casemate::analysis
