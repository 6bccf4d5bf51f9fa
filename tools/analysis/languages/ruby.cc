// Ruby: Bundler's projects (Rails, Sinatra, Hanami, Grape, Rack, sites that are generated), Rack
// applications without a Gemfile, and plain scripts.
// Traits: "ruby.without" (groups that are not installed, by space), "rails.version" (as locked),
// "rails.api_only" = "true", "rails.bootsnap" = "true".
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <utility>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/languages/findings.h"
#include "tools/analysis/languages/languages.h"
#include "tools/analysis/names.h"
#include "tools/analysis/needs.h"

namespace casemate::analysis {

namespace {

constexpr auto kFrameworks = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"rails", "rails"},
    {"hanami", "hanami"},
    {"padrino", "padrino"},
    {"jekyll", "jekyll"},
    {"github-pages", "jekyll"},
    {"bridgetown", "bridgetown"},
    {"middleman", "middleman"},
    {"nanoc", "nanoc"},
    {"rage-rb", "rage"},
    {"grape", "grape"},
    {"sinatra", "sinatra"},
    {"roda", "roda"},
    {"cuba", "cuba"},
    {"camping", "camping"},
    {"rack", "rack"},
    {"railties", "rails"},
});

constexpr auto kWorkers = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"sidekiq", "bundle exec sidekiq"},
    {"good_job", "bundle exec good_job start"},
    {"solid_queue", "bin/jobs"},
    {"resque", "bundle exec rake resque:work"},
    {"delayed_job_active_record", "bundle exec rake jobs:work"},
    {"karafka", "bundle exec karafka server"},
});

struct Gemfile {
  std::string path;
  std::string text;
  std::string lock_path;
  std::string lock;
};

CodePatterns Patterns() {
  CodePatterns patterns;
  patterns.suffixes = {".rb", ".ru", "database.yml", "cable.yml", "storage.yml", "redis.yml"};
  // Of a default that is computed only its being there is known.
  patterns.environment = {
      {R"re(ENV\.fetch\(?\s*['"]([A-Za-z_]\w*)['"]\s*\)?\s*(?:\{|do\b)\s*['"]([^'"\n]*)['"])re"},
      {R"re(ENV\.fetch\(?\s*['"]([A-Za-z_]\w*)['"]\s*\)?\s*(?:\{|do\b)\s*(\d[\w.]*|true\b|false\b))re"},
      {R"re(ENV\.fetch\(?\s*['"]([A-Za-z_]\w*)['"]\s*\)?\s*(?:\{|do\b)\s*()(?:[^\s'"\dtf]|t[^r]|f[^a]))re"},
      {R"re(ENV\.fetch\(\s*['"]([A-Za-z_]\w*)['"]\s*,\s*['"]?([^'")\n]*)['"]?\s*\))re"},
      {R"re(ENV\[\s*['"]([A-Za-z_]\w*)['"]\s*\]\s*\|\|=?\s*['"]([^'"\n]*)['"])re"},
      {R"re(ENV\[\s*['"]([A-Za-z_]\w*)['"]\s*\]\s*\|\|=?\s*(\d[\w.]*|true\b|false\b))re"},
      {R"re(ENV\[\s*['"]([A-Za-z_]\w*)['"]\s*\]\s*\|\|=?\s*()(?:[^\s'"=\dtf]|t[^r]|f[^a]))re"},
      {R"re(ENV\[\s*['"]([A-Za-z_]\w*)['"]\s*\])re"},
      {R"re(ENV\.fetch\(?\s*['"]([A-Za-z_][A-Za-z0-9_]*)['"]\s*(?:\)[ \t]*(?:[^ \t{d]|$)|\n|$))re",
       true},
  };
  patterns.ports = {
      R"re(\bset\s*\(?:port,\s*(?:\(?ENV[^\n]*?)?(\d{2,5}))re",
      R"re((?m)^\s*port\s*\(?\s*(?:ENV[^\n]*?)?(\d{2,5}))re",
      R"re(bind\s*\(?\s*['"]tcp://[^:'"]+:(?:#\{ENV[^\n]*?)?(\d{2,5}))re",
      R"re(ENV(?:\.fetch\(|\[)\s*['"]PORT['"][\])]?\s*(?:,|\|\||\)\s*\{|\{)\s*['"]?(\d{2,5}))re",
      R"re((?:TCPServer\.new|TCPServer\.open)\(?\s*(?:['"][^'"]*['"],\s*)?(\d{2,5}))re",
      R"re(\bPort:\s*(\d{2,5}))re",
  };
  patterns.comments = {"#"};
  return patterns;
}

// Gems of groups that only development needs are left out.
bool IsForDevelopment(std::string_view groups) {
  static const RE2 kGroup(R"(:?(?:development|test)\b)");
  static const RE2 kOther(R"(:(?:production|default|assets)\b)");
  const re2::StringPiece text(groups.data(), groups.size());
  return RE2::PartialMatch(text, kGroup) && !RE2::PartialMatch(text, kOther);
}

void NoteLeftOut(const std::set<std::string>& without, App& app) {
  std::string list;
  for (const std::string& group : without) {
    list += (list.empty() ? "" : " ") + group;
  }
  if (!list.empty()) {
    app.traits["ruby.without"] = list;
  }
}

void ReadGems(const Gemfile& gemfile, App& app) {
  static const RE2 kGem(R"re(^gem\s*\(?\s*['"]([^'"]+)['"]\s*(?:,\s*['"]([^'"]+)['"])?(.*)$)re");
  static const RE2 kBlock(
      R"re(^(group|platforms?|source|install_if|if|unless|path|git|case)\b(.*)$)re");
  std::vector<bool> blocks;  // whether each block that is open holds gems of development only
  std::set<std::string> without;
  for (const std::string& line : SplitLines(gemfile.text)) {
    const std::string words(Trim(line));
    std::string name;
    std::string version;
    std::string rest;
    if (RE2::FullMatch(words, kGem, &name, &version, &rest)) {
      const std::size_t group = rest.find("group");
      const bool is_left_out = std::find(blocks.begin(), blocks.end(), true) != blocks.end() ||
                               (group != std::string::npos && IsForDevelopment(rest.substr(group)));
      if (!is_left_out) {
        AddDependency(app, name, version, gemfile.path);
      }
    } else if (RE2::FullMatch(words, kBlock, &name, &rest) &&
               (words.ends_with("do") || words.find(" do |") != std::string::npos || name == "if" ||
                name == "unless" || name == "case")) {
      blocks.push_back(name == "group" && IsForDevelopment(rest));
      for (const char* each : {"development", "test"}) {
        if (blocks.back() && rest.find(each) != std::string::npos) {
          without.insert(each);
        }
      }
    } else if (words == "end" && !blocks.empty()) {
      blocks.pop_back();
    }
  }
  NoteLeftOut(without, app);
}

std::string LockedVersion(const Gemfile& gemfile, std::string_view gem) {
  return FirstMatch(gemfile.lock,
                    "(?m)^    " + RE2::QuoteMeta(std::string(gem)) + R"( \(([^)]+)\)$)");
}

void FindVersion(const SourceTree& tree, const std::string& directory, const Gemfile& gemfile,
                 App& app) {
  Choice choice;
  for (const char* name : {".ruby-version", ".rbenv-version"}) {
    std::string pinned = FirstLine(tree, JoinPath(directory, name));
    if (pinned.starts_with("ruby-")) {
      pinned.erase(0, 5);
    }
    choice.Add(pinned, {JoinPath(directory, name), ""});
  }
  if (const auto tool = ToolVersion(tree, directory, {"ruby"})) {
    choice.Add(tool->value, tool->source);
  }
  choice.Add(FirstMatch(gemfile.text, R"re((?m)^\s*ruby\s*\(?\s*['"]([^'"]+)['"])re"),
             {gemfile.path, "ruby"});
  choice.Add(FirstMatch(gemfile.lock, R"((?m)^RUBY VERSION\s+ruby (\d+\.\d+\.\d+))"),
             {gemfile.lock_path, "RUBY VERSION"});
  app.version = choice.Best();
}

void FindBundler(const SourceTree& tree, const Gemfile& gemfile, App& app) {
  if (gemfile.path.empty()) {
    return;
  }
  app.package_manager = Certain("bundler", gemfile.path);
  const std::string version = FirstMatch(gemfile.lock, R"((?m)^BUNDLED WITH\s+([\d.]+\w*))");
  if (!version.empty()) {
    app.package_manager_version = Certain(version, gemfile.lock_path, "BUNDLED WITH");
  }
  const auto without = app.traits.find("ruby.without");
  if (tree.Has(gemfile.lock_path)) {
    app.lock_file = Certain(gemfile.lock_path, gemfile.lock_path);
    app.install.push_back(Likely("bundle config set --local deployment true", gemfile.lock_path));
  }
  if (without != app.traits.end()) {
    app.install.push_back(Likely("bundle config set --local without '" + without->second + "'",
                                 gemfile.path, "group"));
  }
  app.install.push_back(Likely("bundle install", gemfile.path));
}

// Of "7.1.3", "~> 7.0.4": 701, 700. 0: unknown.
int MajorAndMinor(const std::string& version) {
  int major = 0;
  int minor = 0;
  RE2::PartialMatch(version, R"((\d{1,4})(?:\.(\d{1,2}))?)", &major, &minor);
  if (major == 0) {
    RE2::PartialMatch(version, R"((\d{1,4}))", &major);
  }
  return major * 100 + minor;
}

bool HasAssets(const SourceTree& tree, const std::string& directory, const App& app,
               int rails_version) {
  const bool has_pipeline = std::any_of(
      app.dependencies.begin(), app.dependencies.end(), [](const Dependency& dependency) {
        constexpr std::array<std::string_view, 11> kPipelines = {
            "sprockets-rails",  "sprockets",         "propshaft",        "webpacker",
            "shakapacker",      "vite_rails",        "sass-rails",       "importmap-rails",
            "jsbundling-rails", "cssbundling-rails", "tailwindcss-rails"};
        return std::find(kPipelines.begin(), kPipelines.end(), dependency.name) != kPipelines.end();
      });
  return has_pipeline || (rails_version < 700 && rails_version > 0 &&
                          tree.HasDirectory(JoinPath(directory, "app/assets")));
}

void AddRequired(App& app, std::string name, const std::string& file) {
  CodeFacts facts;
  facts.environment.push_back({std::move(name), true, {}, {file, ""}});
  AddCodeFacts(std::move(facts), app);
}

void FindDatabase(const SourceTree& tree, const std::string& directory, App& app) {
  const std::string path = JoinPath(directory, "config/database.yml");
  for (const std::string& adapter :
       AllMatches(TextOfFile(tree, path, "#"), R"((?m)^\s*adapter:\s*["']?(\w+))")) {
    if (adapter == "postgresql" || adapter == "postgis") {
      AddService(app, Likely("postgres", path, "adapter"));
    } else if (adapter == "mysql2" || adapter == "trilogy") {
      AddService(app, Likely("mysql", path, "adapter"));
    } else if (adapter == "sqlite3") {
      AddService(app, Likely("sqlite", path, "adapter"));
    }
  }
}

void DescribeRails(const SourceTree& tree, const std::string& directory, const Gemfile& gemfile,
                   App& app) {
  std::string locked = LockedVersion(gemfile, "rails");
  if (locked.empty()) {
    const auto gem = std::find_if(app.dependencies.begin(), app.dependencies.end(),
                                  [](const Dependency& other) { return other.name == "rails"; });
    locked = gem == app.dependencies.end() ? "" : gem->version;
  }
  const int version = MajorAndMinor(locked);
  if (!locked.empty()) {
    app.traits["rails.version"] = locked;
  }
  const std::string settings = JoinPath(directory, "config/application.rb");
  const bool is_api =
      RE2::PartialMatch(TextOfFile(tree, settings, "#"), R"(config\.api_only\s*=\s*true)");
  if (is_api) {
    app.traits["rails.api_only"] = "true";
  }
  if (DependsOn(app, "bootsnap")) {
    app.traits["rails.bootsnap"] = "true";
  }
  const std::string module = FirstMatch(TextOfFile(tree, settings), R"((?m)^module (\w+))");
  if (!module.empty()) {
    app.name = Certain(PlainName(module, directory), settings, "module");
  }
  AddWebAssets(tree, directory, "", "", app);
  if (!is_api && HasAssets(tree, directory, app, version)) {
    app.build.push_back(
        Likely(std::string(version >= 701 ? "SECRET_KEY_BASE_DUMMY=1" : "SECRET_KEY_BASE=1") +
                   " RAILS_ENV=production bundle exec rails assets:precompile",
               gemfile.path));
  }
  const std::string credentials = JoinPath(directory, "config/credentials.yml.enc");
  if (tree.Has(credentials)) {
    AddRequired(app, "RAILS_MASTER_KEY", credentials);
  } else {
    AddRequired(app, "SECRET_KEY_BASE", settings);
  }
  FindDatabase(tree, directory, app);
  const std::string routes = JoinPath(directory, "config/routes.rb");
  const std::string health =
      FirstMatch(TextOfFile(tree, routes, "#"),
                 R"re(get\s*\(?\s*["']/?([\w/-]+)["'][^\n]*rails/health#show)re");
  if (!health.empty()) {
    app.health = Certain("/" + health, routes, "rails/health#show");
  }
  app.run = Likely("bundle exec rails server -b 0.0.0.0", gemfile.path, "rails");
  GuessPort(app, "3000");
}

void DescribeSite(const std::string& framework, const std::string& file, App& app) {
  struct Site {
    std::string_view framework;
    std::string_view build;
    std::string_view output;
  };
  constexpr Site kSites[] = {{"jekyll", "bundle exec jekyll build", "_site"},
                             {"bridgetown", "bundle exec bridgetown build", "output"},
                             {"middleman", "bundle exec middleman build", "build"},
                             {"nanoc", "bundle exec nanoc compile", "output"}};
  for (const Site& site : kSites) {
    if (site.framework == framework) {
      app.kind = AppKind::kStaticSite;
      app.build.push_back(Likely(std::string(site.build), file));
      app.output = Likely(std::string(site.output));
      app.ports.clear();
      GuessPort(app, "80");
    }
  }
}

std::string PortOf(const App& app, const char* standby) {
  return app.ports.empty() ? standby : app.ports.front().value;
}

// Servers that start what config.ru says. Rack 3 has no rackup of its own any more.
struct RackServer {
  std::string_view gem;
  const char* command;
  const char* port;
};

const RackServer* RackServerOf(const App& app) {
  static constexpr RackServer kServers[] = {
      {"puma", "puma -b tcp://0.0.0.0:", "9292"},
      {"unicorn", "unicorn -l 0.0.0.0:", "8080"},
      {"falcon", "falcon serve -b http://0.0.0.0:", "9292"},
      {"thin", "thin -R config.ru -a 0.0.0.0 start -p ", "3000"},
      {"passenger", "passenger start -a 0.0.0.0 -p ", "3000"},
      {"iodine", "iodine -b 0.0.0.0 -p ", "3000"},
  };
  const auto* const found =
      std::find_if(std::begin(kServers), std::end(kServers),
                   [&](const RackServer& server) { return DependsOn(app, server.gem); });
  return found == std::end(kServers) ? nullptr : found;
}

std::string ScriptIn(const SourceTree& tree, const std::string& directory) {
  for (const char* name :
       {"app.rb", "main.rb", "server.rb", "bot.rb", "application.rb", "web.rb", "index.rb",
        "run.rb", "api.rb", "bin/server", "lib/main.rb", "src/main.rb"}) {
    if (tree.Has(JoinPath(directory, name))) {
      return name;
    }
  }
  std::vector<std::string> scripts;
  for (const std::string& name : tree.In(directory)) {
    if (name.ends_with(".rb")) {
      scripts.push_back(name);
    }
  }
  return scripts.size() == 1 ? scripts.front() : "";
}

void FindRun(const SourceTree& tree, const std::string& directory, App& app) {
  const std::string framework = app.framework ? app.framework->value : "";
  const std::string bundle = app.package_manager ? "bundle exec " : "";
  const std::string rackup = JoinPath(directory, "config.ru");
  const std::string script = ScriptIn(tree, directory);
  std::string port = "9292";
  if (framework == "hanami") {
    port = PortOf(app, "2300");
    app.run = Likely("bundle exec hanami server --host=0.0.0.0 --port=${PORT:-" + port + "}");
  } else if (framework == "padrino") {
    port = PortOf(app, "3000");
    app.run = Likely("bundle exec padrino start -h 0.0.0.0 -p ${PORT:-" + port + "}");
  } else if (framework == "rage") {
    port = PortOf(app, "3000");
    app.run = Likely("bundle exec rage s -b 0.0.0.0 -p ${PORT:-" + port + "}");
  } else if (tree.Has(JoinPath(directory, "config/puma.rb")) && tree.Has(rackup)) {
    port = PortOf(app, "9292");
    app.run = Likely(bundle + "puma -C config/puma.rb", JoinPath(directory, "config/puma.rb"));
  } else if (const RackServer* server = RackServerOf(app); server != nullptr && tree.Has(rackup)) {
    port = PortOf(app, server->port);
    app.run = Likely(bundle + server->command + "${PORT:-" + port + "}", rackup);
  } else if (tree.Has(rackup)) {
    port = PortOf(app, "9292");
    app.run = Likely(bundle + "rackup -o 0.0.0.0 -p ${PORT:-" + port + "}", rackup);
  } else if (framework == "sinatra" && !script.empty()) {
    port = PortOf(app, "4567");
    app.run = Likely(bundle + "ruby " + script + " -o 0.0.0.0 -p ${PORT:-" + port + "}",
                     JoinPath(directory, script));
  } else {
    if (!script.empty()) {
      app.run = Likely(bundle + "ruby " + script, JoinPath(directory, script));
    } else if (const std::string rakefile = JoinPath(directory, "Rakefile");
               DependsOn(app, "rake") &&
               RE2::PartialMatch(TextOfFile(tree, rakefile, "#"), R"(\btask\s*\(?:?default\b)")) {
      app.run = Guess(bundle + "rake");
    }
    app.kind = app.ports.empty() ? AppKind::kProgram : AppKind::kService;
    return;
  }
  app.kind = AppKind::kService;
  GuessPort(app, port);
}

void FindFramework(const SourceTree& tree, const std::string& directory, App& app) {
  for (const auto& [gem, name] : kFrameworks) {
    if (DependsOn(app, gem)) {
      // Rack itself is a part of others, and of libraries.
      const bool is_rack = gem == "rack";
      if (!is_rack || tree.Has(JoinPath(directory, "config.ru"))) {
        app.framework = Certain(std::string(name), "Gemfile", std::string(gem));
        app.framework->source.file = app.dependencies.front().source.file;
        return;
      }
    }
  }
  if (tree.Has(JoinPath(directory, "config.ru"))) {
    app.framework = Likely("rack", JoinPath(directory, "config.ru"));
  }
}

void FindWorker(const std::string& directory, const SourceTree& tree, App& app) {
  for (const auto& [gem, command] : kWorkers) {
    if (DependsOn(app, gem) && !tree.Has(JoinPath(directory, "Procfile"))) {
      const bool is_there = !command.starts_with("bin/") || tree.Has(JoinPath(directory, command));
      app.processes.push_back(
          {"worker", Likely(is_there ? std::string(command) : "bundle exec rake solid_queue:start",
                            "Gemfile", std::string(gem))});
      return;
    }
  }
}

Gemfile ReadGemfile(const SourceTree& tree, const std::string& directory) {
  Gemfile gemfile;
  for (const auto& [name, lock] :
       {std::pair{"Gemfile", "Gemfile.lock"}, {"gems.rb", "gems.locked"}}) {
    if (gemfile.path.empty() && tree.Has(JoinPath(directory, name))) {
      gemfile.path = JoinPath(directory, name);
      gemfile.lock_path = JoinPath(directory, lock);
      gemfile.text = TextOfFile(tree, gemfile.path, "#");
      gemfile.lock = TextOfFile(tree, gemfile.lock_path);
    }
  }
  return gemfile;
}

bool HasGemspec(const SourceTree& tree, const std::string& directory) {
  const std::vector<std::string> names = tree.In(directory);
  return std::any_of(names.begin(), names.end(),
                     [](const std::string& name) { return name.ends_with(".gemspec"); });
}

// Scripts below a project with a Gemfile are a part of it.
bool LiesInAnother(const SourceTree& tree, const std::string& directory) {
  for (std::string_view above = directory; !above.empty();) {
    above = ParentOf(above);
    if (tree.Has(JoinPath(above, "Gemfile")) || HasGemspec(tree, std::string(above))) {
      return true;
    }
  }
  return false;
}

}  // namespace

LanguageFindings AnalyseRuby(const SourceTree& tree, const std::string& directory) {
  const Gemfile gemfile = ReadGemfile(tree, directory);
  const std::string rackup = JoinPath(directory, "config.ru");
  const bool has_gemspec = HasGemspec(tree, directory);
  const std::string script = ScriptIn(tree, directory);
  const bool is_known = !gemfile.path.empty() || tree.Has(rackup);
  if (!is_known && !has_gemspec && (script.empty() || LiesInAnother(tree, directory))) {
    return {};
  }
  Claimed claimed;
  App& app = claimed.app;
  app = BeginApp(
      directory, "ruby",
      is_known ? (gemfile.path.empty() ? rackup : gemfile.path) : JoinPath(directory, script));
  ReadGems(gemfile, app);
  FindVersion(tree, directory, gemfile, app);
  FindBundler(tree, gemfile, app);
  FindFramework(tree, directory, app);
  AddCodeFacts(ScanCode(tree, directory, Patterns()), app);
  std::erase_if(app.environment, [](const EnvironmentVariable& variable) {
    return variable.name == "BUNDLE_GEMFILE";  // Bundler's own
  });
  AddNeeds(Ecosystem::kRubyGems, app);
  FindWorker(directory, tree, app);
  const std::string framework = app.framework ? app.framework->value : "";
  if (framework == "rails" &&
      (tree.Has(rackup) || tree.HasDirectory(JoinPath(directory, "config")))) {
    app.kind = AppKind::kService;
    DescribeRails(tree, directory, gemfile, app);
  } else {
    FindRun(tree, directory, app);
    DescribeSite(framework, gemfile.path, app);
    if (app.kind == AppKind::kStaticSite) {
      app.run.reset();
    }
  }
  claimed.claim = !is_known             ? Claim::kSource
                  : app.framework       ? Claim::kFramework
                  : app.run.has_value() ? Claim::kRunnable
                                        : Claim::kManifest;
  // A Gemfile that only brings tools for other languages, or a gem.
  claimed.is_library = app.kind == AppKind::kProgram && (!app.run || has_gemspec);
  if (claimed.is_library) {
    claimed.claim = Claim::kManifest;
  }
  LanguageFindings findings;
  findings.apps.push_back(std::move(claimed));
  return findings;
}

}  // namespace casemate::analysis
