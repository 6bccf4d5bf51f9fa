#include <algorithm>
#include <array>

#include "tools/analysis/names.h"
#include "tools/containerize/base_images.h"
#include "tools/containerize/recipes/recipes.h"
#include "tools/containerize/versions.h"

namespace casemate::containerize {

namespace {

using analysis::JoinPath;

constexpr std::array<std::string_view, 6> kPhps = {"8.3", "8.4", "8.2", "8.1", "8.0", "7.4"};
// Extensions that PECL has; all others are in the sources of PHP.
constexpr std::array<std::string_view, 14> kPecl = {
    "redis",  "imagick", "mongodb",  "apcu",     "xdebug",  "amqp", "memcached",
    "swoole", "grpc",    "protobuf", "igbinary", "msgpack", "ds",   "rdkafka"};
constexpr std::string_view kPort = "8080";

class PhpProject {
 public:
  explicit PhpProject(const Project& project) : project_(project), app_(project.app()) {}
  Recipe Make();

 private:
  [[nodiscard]] bool IsServed() const { return project_.Trait("php.server") == "apache"; }
  [[nodiscard]] std::string Image() const;
  [[nodiscard]] std::string Root() const {
    return IsServed() ? "/var/www/html" : std::string(kRoot);
  }
  Stage ExtensionStage(const std::vector<std::string>& extensions);
  Stage BuildStage();
  Stage LastStage(bool has_extensions, bool has_build);
  [[nodiscard]] std::vector<std::string> WritableDirectories() const;
  [[nodiscard]] std::vector<std::string> FrameworkExtensions() const;

  const Project& project_;
  const analysis::App& app_;
  Recipe recipe_;
};

std::string PhpProject::Image() const {
  const std::string chosen = ChooseVersion(project_.Version(), kPhps);
  const std::string version = chosen.empty() ? std::string(kPhps.front()) : chosen;
  return "php:" + version + (IsServed() ? "-apache-" : "-cli-") +
         std::string(DebianOf("php", version));
}

Stage PhpProject::ExtensionStage(const std::vector<std::string>& extensions) {
  Stage stage(Image(), "extensions", "Extensions are compiled where compilers may stay behind.");
  std::vector<std::string> libraries = project_.BuildPackages();
  for (const std::string& name : extensions) {
    if (name == "gd") {
      libraries.insert(libraries.end(), {"libfreetype6-dev", "libjpeg62-turbo-dev", "libpng-dev"});
    } else if (name == "intl") {
      libraries.emplace_back("libicu-dev");
    }
  }
  stage.Packages(libraries, "Libraries that they are linked with.");
  std::string pecl;
  std::string own;
  for (const std::string& name : extensions) {
    const bool is_pecl = std::find(kPecl.begin(), kPecl.end(), name) != kPecl.end();
    (is_pecl ? pecl : own) += " " + name;
  }
  if (own.find(" gd") != std::string::npos) {
    stage.Run("docker-php-ext-configure gd --with-freetype --with-jpeg");
  }
  if (!own.empty()) {
    stage.Run("docker-php-ext-install -j\"$(nproc)\"" + own, "Of PHP's own sources.");
  }
  if (!pecl.empty()) {
    stage.Run("pecl install" + pecl + " \\\n    && docker-php-ext-enable" + pecl, "Of PECL.");
  }
  return stage;
}

Stage PhpProject::BuildStage() {
  Stage stage(Image(), "build", project_.VersionSource("a current release") + ".");
  stage.Packages({"git", "unzip"}, "Composer unpacks archives with these.");
  stage.Copy({"/usr/bin/composer"}, "/usr/local/bin/", "Composer, from its own image.",
             {.stage = "composer"});
  recipe_.stages.insert(recipe_.stages.begin(),
                        Stage("composer:2", "composer", "Composer as its project ships it."));
  if (project_.NeedsJavaScript()) {
    AddNode(recipe_, project_, stage);
  }
  stage.Env({{"COMPOSER_ALLOW_SUPERUSER", "1"}, {"COMPOSER_CACHE_DIR", "/tmp/composer"}});
  stage.WorkDir(Root());
  std::vector<std::string> files =
      project_.Present({"composer.json", "composer.lock", "auth.json"});
  std::erase(files, "auth.json");
  if (project_.Has("auth.json")) {
    recipe_.ignored.emplace_back("auth.json");
    recipe_.notes.emplace_back(
        "auth.json holds credentials and stays out of the image: build with --secret "
        "id=composer,src=auth.json");
  }
  stage.Copy(files, "./",
             "What names the dependencies, and nothing that changes more often: the next step "
             "runs again only when they change.");
  const std::vector<std::string> secrets =
      project_.Has("auth.json")
          ? std::vector<std::string>{"type=secret,id=composer,target=" + Root() + "/auth.json"}
          : std::vector<std::string>{};
  stage.Run(
      "composer install --no-dev --no-interaction --prefer-dist --no-scripts --no-autoloader "
      "--ignore-platform-reqs",
      "The cache keeps downloads between builds and out of the image. Extensions are checked when "
      "all is there.",
      {"/tmp/composer"}, secrets);
  std::vector<const analysis::Finding*> assets;
  for (const analysis::Finding& command : app_.install) {
    if (IsJavaScriptCommand(command.value)) {
      assets.push_back(&command);
    }
  }
  if (!assets.empty() && project_.NeedsJavaScript()) {
    stage.Copy(project_.Present(
                   {"package.json", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", ".npmrc"}),
               "./");
    for (const analysis::Finding* command : assets) {
      stage.Run(command->value, {}, {"/root/.npm"});
    }
  }
  stage.Copy({"."}, "./", "All else, after the dependencies.");
  if (project_.Framework() == "symfony") {
    stage.Env({{"APP_ENV", "prod"}});
  }
  stage.Run("composer dump-autoload --no-dev --optimize",
            "The map of all classes, and what packages do after it.");
  if (project_.Framework() == "symfony" && project_.Has("bin/console")) {
    stage.Run("composer run-script --no-dev post-install-cmd --no-interaction",
              "Its scripts put assets where they are served.");
  }
  for (const analysis::Finding& command : app_.build) {
    stage.Run(command.value);
  }
  if (!assets.empty()) {
    stage.Run("rm -rf node_modules", "Nothing of Node runs later.");
  }
  return stage;
}

// Where frameworks write while they run.
std::vector<std::string> PhpProject::WritableDirectories() const {
  const std::string framework = project_.Framework();
  const std::string root = project_.Trait("php.document_root");
  const std::string place = root == "." ? "" : root;
  if (framework == "laravel" || framework == "lumen") {
    return {"storage", "bootstrap/cache"};
  }
  if (framework == "symfony") {
    return {"var"};
  }
  if (framework == "codeigniter") {
    return project_.HasDirectory("application")
               ? std::vector<std::string>{"application/cache", "application/logs"}
               : std::vector<std::string>{"writable"};
  }
  if (framework == "bedrock") {
    return {JoinPath(place, "app/uploads")};
  }
  if (framework == "wordpress") {
    return {JoinPath(place, "wp-content/uploads")};
  }
  if (framework == "drupal") {
    return {JoinPath(place, "sites/default/files")};
  }
  return {};
}

// Extensions without which a framework does not start, and which its packages leave to the image.
std::vector<std::string> PhpProject::FrameworkExtensions() const {
  const std::string framework = project_.Framework();
  if (framework == "codeigniter" && project_.HasDirectory("writable")) {
    return {"intl"};
  }
  if (framework == "wordpress" || framework == "bedrock") {
    return {"mysqli"};
  }
  if (framework == "drupal") {
    return {"gd", "pdo_mysql"};
  }
  return {};
}

Stage PhpProject::LastStage(bool has_extensions, bool has_build) {
  Stage stage(Image(), "",
              IsServed() ? "Apache with PHP, as the project has no server of its own."
                         : "PHP without what builds need.");
  std::vector<std::string> packages = project_.RuntimePackages();
  for (const std::string& name : FrameworkExtensions()) {
    if (name == "gd") {
      packages.insert(packages.end(), {"libfreetype6", "libjpeg62-turbo", "libpng16-16"});
    } else if (name == "intl") {
      packages.emplace_back("libicu72");
    }
  }
  if (!IsServed()) {
    UseInit(packages, recipe_);
  }
  stage.Packages(
      packages,
      IsServed()
          ? "Libraries that extensions load."
          : "tini is the first process and passes signals on; libraries that extensions load.");
  if (has_extensions) {
    const CopyOptions from{.stage = "extensions"};
    stage.Copy({"/usr/local/lib/php/extensions"}, "/usr/local/lib/php/extensions/",
               "The extensions.", from);
    stage.Copy({"/usr/local/etc/php/conf.d"}, "/usr/local/etc/php/conf.d/", {}, from);
  }
  if (IsServed()) {
    const std::string root = project_.Trait("php.document_root");
    const std::string place = root.empty() || root == "." ? Root() : JoinPath(Root(), root);
    stage.Run("a2enmod rewrite \\\n    && sed -ri 's/^Listen 80$/Listen " + std::string(kPort) +
                  "/' /etc/apache2/ports.conf \\\n" +
                  "    && sed -ri -e 's/:80>/:" + std::string(kPort) + ">/' -e 's!/var/www/html!" +
                  place + "!' /etc/apache2/sites-available/000-default.conf",
              "Apache listens where a user who is not root may, and shows only what is meant to be "
              "seen.");
  }
  stage.WorkDir(Root());
  if (project_.Framework() == "symfony") {
    stage.Env({{"APP_ENV", "prod"}}, "What only development has is not installed.");
  }
  if (has_build) {
    stage.Copy({Root()}, Root() + "/", "The sources with the dependencies.", {.stage = "build"});
  } else {
    stage.Copy({"."}, "./", "The sources.");
  }
  std::string made;
  for (const std::string& directory : WritableDirectories()) {
    made += " " + directory;
  }
  if (!made.empty()) {
    stage.Run("mkdir -p" + made + " \\\n    && chown -R " + std::string(kUser) + made,
              "The only places that it writes to.");
  }
  return stage;
}

Recipe PhpProject::Make() {
  recipe_.ignored = {"**/vendor", "**/node_modules", "**/.phpunit.cache"};
  const bool has_composer = app_.package_manager && app_.package_manager->value == "composer";
  if (!has_composer) {
    std::erase(recipe_.ignored, "**/vendor");
  }
  std::vector<std::string> extensions;
  for (const analysis::Finding& module : app_.native_modules) {
    if (module.value.starts_with("ext-")) {
      extensions.push_back(module.value.substr(4));
    }
  }
  for (const std::string& name : FrameworkExtensions()) {
    if (std::find(extensions.begin(), extensions.end(), name) == extensions.end()) {
      extensions.push_back(name);
    }
  }
  if (project_.Trait("php.server") == "frankenphp" ||
      (app_.run && app_.run->value.find("frankenphp") != std::string::npos)) {
    recipe_.notes.emplace_back(
        "FrankenPHP itself is not in PHP's official images: base this on dunglas/frankenphp");
  }
  if (project_.Trait("php.document_root")
          .find_first_not_of(
              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./") !=
      std::string::npos) {
    recipe_.problem = "the name of the directory that is served holds characters of shells";
    return std::move(recipe_);
  }
  if (has_composer) {
    recipe_.stages.push_back(BuildStage());
  }
  if (!extensions.empty()) {
    recipe_.stages.push_back(ExtensionStage(extensions));
  }
  Stage last = LastStage(!extensions.empty(), has_composer);
  if (IsServed()) {
    recipe_.port = {std::string(kPort), false};
    recipe_.probe = ProbeTool::kPhp;
    recipe_.stop_signal = "SIGWINCH";
    recipe_.command = "apache2-foreground";
  } else {
    Serve(recipe_, project_, last, ProbeTool::kPhp);
    recipe_.command = app_.run ? app_.run->value : "";
  }
  recipe_.stages.push_back(std::move(last));
  return std::move(recipe_);
}

}  // namespace

Recipe PhpRecipe(const Project& project) {
  return PhpProject(project).Make();
}

}  // namespace casemate::containerize
