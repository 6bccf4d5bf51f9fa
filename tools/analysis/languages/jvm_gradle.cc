// Gradle, in Groovy or Kotlin. Its files are programs, which are not run: what they say is read by
// the forms in which it is commonly written.
#include <re2/re2.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "tools/analysis/documents.h"
#include "tools/analysis/languages/jvm.h"
#include "tools/analysis/names.h"

namespace casemate::analysis {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxProjects = 100;

// Without comments: strings may hold "//", as addresses do.
std::string WithoutComments(const std::string& text) {
  std::string plain;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      quote = c == quote || c == '\n' ? '\0' : quote;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '/' && i + 1 < text.size() && (text[i + 1] == '/' || text[i + 1] == '*')) {
      const bool is_line = text[i + 1] == '/';
      const std::size_t end = text.find(is_line ? "\n" : "*/", i + 2);
      i = end == std::string::npos ? text.size() : end + (is_line ? 0 : 1);
      plain += is_line ? '\n' : ' ';
      continue;
    }
    plain += c;
  }
  return plain;
}

std::string BuildFileOf(const SourceTree& tree, std::string_view directory, const char* stem) {
  for (const char* suffix : {".gradle", ".gradle.kts"}) {
    std::string path = JoinPath(directory, std::string(stem) + suffix);
    if (tree.Has(path)) {
      return path;
    }
  }
  return {};
}

std::string TextOfFile(const SourceTree& tree, const std::string& path) {
  const std::string* text = path.empty() ? nullptr : tree.Read(path);
  return text == nullptr ? std::string() : WithoutComments(*text);
}

// The content of every block that is called `name`.
std::string BlocksOf(const std::string& text, const std::string& name) {
  std::string content;
  const RE2 head("\\b" + name + R"(\s*(?:\([^)]*\)\s*)?\{)");
  re2::StringPiece rest(text);
  while (RE2::FindAndConsume(&rest, head)) {
    int depth = 1;
    std::size_t end = 0;
    while (end < rest.size() && depth > 0) {
      depth += rest[end] == '{' ? 1 : rest[end] == '}' ? -1 : 0;
      ++end;
    }
    content.append(rest.data(), end);
    content += '\n';
  }
  return content;
}

std::string FirstOf(const std::string& text, std::initializer_list<const char*> patterns) {
  for (const char* pattern : patterns) {
    std::string found;
    if (RE2::PartialMatch(text, RE2(pattern), &found)) {
      return found;
    }
  }
  return {};
}

// Names of a version catalogue as code writes them: "spring-boot" as "spring.boot".
std::string Accessor(std::string name) {
  std::replace_if(name.begin(), name.end(), [](char c) { return c == '-' || c == '_'; }, '.');
  return name;
}

struct Catalogue {
  std::map<std::string, Dependency> libraries;
  std::map<std::string, std::string> plugins;
};

Catalogue ReadCatalogue(const SourceTree& tree, const std::string& workspace) {
  Catalogue catalogue;
  const std::string path = JoinPath(workspace, "gradle/libs.versions.toml");
  const json document = ReadTomlFile(tree, path);
  if (const json& libraries = At(document, "libraries"); libraries.is_object()) {
    for (const auto& [key, entry] : libraries.items()) {
      std::string name = entry.is_object() ? TextAt(entry, "module") : TextOf(entry);
      if (name.empty()) {
        name = TextAt(entry, "group") + ":" + TextAt(entry, "name");
      }
      const std::size_t second = name.find(':', name.find(':') + 1);
      std::string version =
          second == std::string::npos ? TextAt(entry, "version") : name.substr(second + 1);
      if (const std::string reference = TextAt(entry, "version.ref"); !reference.empty()) {
        version = TextOf(At(document, {"versions", reference}));
      }
      catalogue.libraries[Accessor(key)] = {
          name.substr(0, second), version, {path, "libraries." + key}};
    }
  }
  if (const json& plugins = At(document, "plugins"); plugins.is_object()) {
    for (const auto& [key, entry] : plugins.items()) {
      const std::string id = entry.is_object() ? TextAt(entry, "id") : TextOf(entry);
      catalogue.plugins[Accessor(key)] = id.substr(0, id.find(':'));
    }
  }
  return catalogue;
}

class GradleBuild {
 public:
  GradleBuild(const SourceTree& tree, const std::string& directory) : tree_(tree) {
    build_.directory = directory;
    build_.file = BuildFileOf(tree, directory, "build");
    build_.tool = "gradle";
    build_.workspace = directory;
    for (std::string at = directory;; at = std::string(ParentOf(at))) {
      if (const std::string settings = BuildFileOf(tree, at, "settings"); !settings.empty()) {
        build_.workspace = at;
        settings_ = TextOfFile(tree, settings);
        break;
      }
      if (at.empty()) {
        break;
      }
    }
    catalogue_ = ReadCatalogue(tree, build_.workspace);
    text_ = TextOfFile(tree, build_.file);
    if (directory != build_.workspace) {
      const std::string root = TextOfFile(tree, BuildFileOf(tree, build_.workspace, "build"));
      text_ += "\n" + BlocksOf(root, "subprojects") + BlocksOf(root, "allprojects");
    }
    ReadPlugins();
  }

  Claimed Describe() {
    AddName();
    AddDependencies();
    AddLanguage();
    AddVersion();
    AddPackaging();
    AddWrapper();
    AddCommands();
    return DescribeJvm(tree_, std::move(build_));
  }

  [[nodiscard]] bool IsForPhones() const {
    return HasPlugin("com.android.application") || HasPlugin("com.android.library");
  }

 private:
  void ReadPlugins();
  void AddName();
  void AddDependencies();
  void AddDependenciesOf(const std::string& text, const std::string& file);
  [[nodiscard]] std::vector<std::string> ProjectsUsedBy(const std::string& text) const;
  void AddLanguage();
  void AddVersion();
  bool AddMainClass();
  [[nodiscard]] std::string ArchivePath(const char* usual_suffix) const;
  void AddBootArchive();
  void AddDistribution();
  void AddJar(const char* task, const char* usual_suffix);
  void AddPackaging();
  void AddWrapper();
  void AddCommands();
  [[nodiscard]] bool HasPlugin(std::string_view prefix) const {
    return std::any_of(plugins_.begin(), plugins_.end(), [&](const std::string& id) {
      return id == prefix || id.starts_with(std::string(prefix) + ".");
    });
  }

  const SourceTree& tree_;
  JvmBuild build_;
  std::string settings_;
  std::string text_;
  Catalogue catalogue_;
  std::set<std::string> plugins_;
  std::set<std::string> projects_;
  std::string jar_name_;  // with its version
  std::string task_;
};

void GradleBuild::ReadPlugins() {
  static const RE2 kId(R"re(\bid\s*\(?\s*["']([\w.-]+)["']\)?([^\n]*))re");
  static const RE2 kApply(R"re(apply\s*(?:\(\s*)?plugin\s*[:=]\s*["']([\w.-]+)["'])re");
  static const RE2 kKotlin(R"re(\bkotlin\s*\(\s*"([\w.]+)"\s*\)\s*([^\n]*))re");
  static const RE2 kAlias(R"re(alias\s*\(?\s*libs\.plugins\.([\w.]+)\s*\)?([^\n]*))re");
  static const RE2 kBare(R"re((?m)^\s*`?(application|java|war|java-library|groovy|scala)`?\s*$)re");
  const auto read = [&](const std::string& text, const RE2& pattern, const auto& take) {
    re2::StringPiece rest(text);
    std::string name;
    std::string tail;
    while (pattern.NumberOfCapturingGroups() == 2
               ? RE2::FindAndConsume(&rest, pattern, &name, &tail)
               : RE2::FindAndConsume(&rest, pattern, &name)) {
      if (tail.find("apply false") == std::string::npos &&
          tail.find("apply(false)") == std::string::npos) {
        take(name);
      }
    }
  };
  const std::string blocks = BlocksOf(text_, "plugins");
  read(blocks, kId, [&](const std::string& id) { plugins_.insert(id); });
  read(text_, kApply, [&](const std::string& id) { plugins_.insert(id); });
  read(blocks, kKotlin,
       [&](const std::string& id) { plugins_.insert("org.jetbrains.kotlin." + id); });
  read(blocks, kBare, [&](const std::string& id) { plugins_.insert(id); });
  read(blocks, kAlias, [&](const std::string& name) {
    const auto at = catalogue_.plugins.find(name);
    if (at != catalogue_.plugins.end()) {
      plugins_.insert(at->second);
    }
  });
  // Plugins of the project's own are build files, too.
  const std::set<std::string> stated = plugins_;
  for (const std::string& id : stated) {
    for (const char* place : {"buildSrc/src/main/kotlin", "buildSrc/src/main/groovy",
                              "build-logic/src/main/kotlin", "build-logic/src/main/groovy"}) {
      const std::string own =
          TextOfFile(tree_, BuildFileOf(tree_, JoinPath(build_.workspace, place), id.c_str()));
      if (!own.empty()) {
        text_ += "\n" + own;
        const std::string inner = BlocksOf(own, "plugins");
        read(inner, kId, [&](const std::string& other) { plugins_.insert(other); });
        read(inner, kBare, [&](const std::string& other) { plugins_.insert(other); });
      }
    }
  }
}

void GradleBuild::AddName() {
  const bool is_root = build_.directory == build_.workspace;
  build_.name =
      is_root ? FirstOf(settings_, {R"re(rootProject\.name\s*=\s*["']([^"']+)["'])re"}) : "";
  if (build_.name.empty()) {
    build_.name = build_.directory.empty() ? "app" : std::string(NameOf(build_.directory));
  }
  const std::string base = FirstOf(
      text_,
      {R"re((?:archivesBaseName|archivesName|archiveBaseName)(?:\.set\(|\s*=)\s*["']([^"'$]+)["'])re"});
  std::string version = FirstOf(text_, {R"re((?m)^\s*version\s*=?\s*["']([^"'$]+)["'])re"});
  if (version.empty()) {
    const std::string* properties = tree_.Read(JoinPath(build_.workspace, "gradle.properties"));
    version = properties == nullptr ? std::string()
                                    : FirstOf(*properties, {R"((?m)^version\s*=\s*(\S+))"});
  }
  jar_name_ = (base.empty() ? build_.name : base) + (version.empty() ? "" : "-" + version);
}

// Its own, and those of projects beside it that it is built from, each taken once.
void GradleBuild::AddDependencies() {
  AddDependenciesOf(text_, build_.file);
  std::vector<std::string> open = ProjectsUsedBy(text_);  // the next one last
  while (!open.empty()) {
    const std::string place = std::move(open.back());
    open.pop_back();
    const std::string file = BuildFileOf(tree_, place, "build");
    if (file.empty() || projects_.size() >= kMaxProjects || !projects_.insert(place).second) {
      continue;
    }
    build_.sources.push_back(JoinPath(place, "src/main"));
    const std::string text = TextOfFile(tree_, file);
    AddDependenciesOf(text, file);
    std::vector<std::string> inner = ProjectsUsedBy(text);
    std::move(inner.begin(), inner.end(), std::back_inserter(open));
  }
}

void GradleBuild::AddDependenciesOf(const std::string& text, const std::string& file) {
  static const RE2 kText(
      R"re(\b(?:implementation|api|compile|runtimeOnly|runtime|compileOnly|providedRuntime|developmentOnly|annotationProcessor|kapt|ksp)\s*\(?\s*["']([\w.-]+:[\w.-]+)(?::([^"'@]*))?[^"']*["'])re");
  static const RE2 kParts(
      R"re(\b(?:implementation|api|compile|runtimeOnly|runtime)\s*\(?\s*group\s*[:=]\s*["']([\w.-]+)["']\s*,\s*name\s*[:=]\s*["']([\w.-]+)["'])re");
  static const RE2 kLibrary(
      R"re(\b(?:implementation|api|runtimeOnly|compileOnly)\s*\(?\s*libs\.([\w.]+))re");
  const auto add = [&](std::string name, std::string version, Source source) {
    build_.dependencies.push_back({std::move(name), std::move(version), std::move(source)});
  };
  re2::StringPiece rest(text);
  std::string name;
  std::string other;
  while (RE2::FindAndConsume(&rest, kText, &name, &other)) {
    add(name, other, {file, "dependencies." + name});
  }
  rest = re2::StringPiece(text);
  while (RE2::FindAndConsume(&rest, kParts, &name, &other)) {
    name += ":";
    name += other;
    add(name, "", {file, "dependencies." + name});
  }
  rest = re2::StringPiece(text);
  while (RE2::FindAndConsume(&rest, kLibrary, &name)) {
    if (const auto at = catalogue_.libraries.find(name); at != catalogue_.libraries.end()) {
      build_.dependencies.push_back(at->second);
    }
  }
}

// Directories of the projects that a build file names, the last one first.
std::vector<std::string> GradleBuild::ProjectsUsedBy(const std::string& text) const {
  static const RE2 kProject(
      R"re(\b(?:implementation|api|compile|runtimeOnly)\s*\(?\s*(?:project\s*\(\s*(?:path\s*[:=]\s*)?["']:([\w:.-]+)["']|projects\.([\w.]+)))re");
  std::vector<std::string> places;
  re2::StringPiece rest(text);
  std::string path;
  std::string accessor;
  while (RE2::FindAndConsume(&rest, kProject, &path, &accessor)) {
    std::string place = path.empty() ? accessor : path;
    std::replace(place.begin(), place.end(), path.empty() ? '.' : ':', '/');
    places.push_back(JoinPath(build_.workspace, place));
    path.clear();
    accessor.clear();
  }
  std::reverse(places.begin(), places.end());
  return places;
}

void GradleBuild::AddLanguage() {
  const auto has = [&](const char* place, const char* suffix) {
    return !tree_.Below(JoinPath(build_.directory, place), suffix).empty();
  };
  build_.sources.insert(build_.sources.begin(), JoinPath(build_.directory, "src"));
  const bool has_java = has("src/main/java", ".java");
  if (HasPlugin("org.jetbrains.kotlin") || HasPlugin("kotlin") || has("src/main/kotlin", ".kt")) {
    build_.language = has_java && !has("src/main", ".kt") ? "java" : "kotlin";
  } else if (HasPlugin("scala") || has("src/main/scala", ".scala")) {
    build_.language = "scala";
  } else if (has("src/main/groovy", ".groovy") && !has_java) {
    build_.language = "groovy";
  }
}

void GradleBuild::AddVersion() {
  struct Form {
    const char* field;
    const char* regex;
  };
  static constexpr Form kForms[] = {
      {"toolchain.languageVersion", R"re(JavaLanguageVersion\.of\(\s*["']?(\d+)["']?\s*\))re"},
      {"jvmToolchain", R"re(jvmToolchain\s*\(?\s*(?:\{[^}]*of\()?(\d+))re"},
      {"options.release", R"re(options\.release(?:\.set\(|\s*=)\s*(\d+))re"},
      {"targetCompatibility",
       R"re(targetCompatibility\s*(?:=|\(|\s)\s*(?:JavaVersion\.)?["']?((?:VERSION_)?[\d._]+)["']?)re"},
      {"sourceCompatibility",
       R"re(sourceCompatibility\s*(?:=|\(|\s)\s*(?:JavaVersion\.)?["']?((?:VERSION_)?[\d._]+)["']?)re"},
      {"jvmTarget",
       R"re(jvmTarget(?:\.set\(|\s*=)\s*(?:JvmTarget\.)?(?:JVM_)?["']?([\d._]+)["']?)re"},
  };
  std::string root;
  if (build_.directory != build_.workspace) {
    root = TextOfFile(tree_, BuildFileOf(tree_, build_.workspace, "build"));
  }
  for (const Form& form : kForms) {
    build_.version.Add(JavaRelease(FirstOf(text_, {form.regex})), {build_.file, form.field});
  }
  // A version that is named elsewhere: gradle.properties, an `ext` block.
  const std::string name =
      FirstOf(text_, {R"re(JavaLanguageVersion\.of\(\s*(?:project\.)?([A-Za-z]\w*)\s*\))re",
                      R"re(jvmToolchain\(\s*([A-Za-z]\w*)\s*\))re"});
  if (const std::string* properties = tree_.Read(JoinPath(build_.workspace, "gradle.properties"));
      !name.empty() && properties != nullptr) {
    build_.version.Add(
        JavaRelease(FirstOf(*properties, {("(?m)^" + name + R"(\s*=\s*(\d+))").c_str()})),
        {JoinPath(build_.workspace, "gradle.properties"), name});
  }
}

// Whether the build itself names the class that it starts.
bool GradleBuild::AddMainClass() {
  build_.main_class =
      FirstOf(text_, {R"re(mainClass(?:Name)?(?:\.set\(|\s*=|\s)\s*["']([\w.$-]+)["'])re",
                      R"re(["']Main-Class["']\s*(?:\]\s*=|:|to|,)\s*["']([\w.$]+)["'])re",
                      R"re(mainVerticle\w*\s*=\s*["']([\w.$]+)["'])re"});
  const bool is_stated = !build_.main_class.empty();
  if (!is_stated) {
    build_.main_class = FindMainClass(tree_, build_.directory);
  }
  return is_stated;
}

std::string GradleBuild::ArchivePath(const char* usual_suffix) const {
  const std::string stated =
      FirstOf(text_, {R"re(archiveFileName(?:\.set\(|\s*=)\s*["']([^"'$]+\.[jw]ar)["'])re",
                      R"re(archiveName\s*=?\s*["']([^"'$]+\.[jw]ar)["'])re"});
  return "build/libs/" + (stated.empty() ? jar_name_ + usual_suffix : stated);
}

// Of Spring Boot.
void GradleBuild::AddBootArchive() {
  const bool is_war = HasPlugin("war");
  task_ = is_war ? "bootWar" : "bootJar";
  build_.packaging = is_war ? "war" : "jar";
  build_.output = ArchivePath(is_war ? ".war" : ".jar");
  const bool is_disabled = RE2::PartialMatch(
      BlocksOf(text_, "bootJar") + FirstOf(text_, {R"((bootJar\.enabled\s*=\s*false))"}),
      R"(enabled\s*=\s*false)");
  build_.can_run =
      !is_disabled && (!build_.main_class.empty() || build_.directory == build_.workspace);
}

void GradleBuild::AddDistribution() {
  task_ = "installDist";
  build_.packaging = "distribution";
  const std::string name = FirstOf(text_, {R"re(applicationName\s*=\s*["']([\w.-]+)["'])re"});
  const std::string program = name.empty() ? build_.name : name;
  build_.output = "build/install/" + program;
  build_.run = build_.output + "/bin/" + program;
}

void GradleBuild::AddJar(const char* task, const char* usual_suffix) {
  task_ = task;
  build_.output = ArchivePath(usual_suffix);
}

void GradleBuild::AddPackaging() {
  const bool has_stated_class = AddMainClass();
  const bool has_shadow = HasPlugin("com.github.johnrengelman.shadow") ||
                          HasPlugin("com.gradleup.shadow") || HasPlugin("io.github.goooler.shadow");
  build_.can_run = true;
  if (HasPlugin("org.springframework.boot")) {
    AddBootArchive();
  } else if (HasPlugin("io.quarkus")) {
    task_ = "build -x test";
    build_.packaging = "quarkus";
    build_.output = "build/quarkus-app";
    build_.run = "java -jar build/quarkus-app/quarkus-run.jar";
    return;
  } else if (HasPlugin("io.ktor.plugin")) {
    AddJar("buildFatJar", "-all.jar");
  } else if (has_shadow && !build_.main_class.empty()) {
    AddJar("shadowJar", "-all.jar");
  } else if (HasPlugin("application") || HasPlugin("io.micronaut.application")) {
    AddDistribution();
  } else if (HasPlugin("war")) {
    task_ = "war";
    build_.packaging = "war";
    build_.output = ArchivePath(".war");
    return;
  } else if (has_stated_class) {
    AddJar("jar", ".jar");
  } else {
    build_.can_run = false;
    return;
  }
  if (build_.run.empty()) {
    build_.run = "java -jar " + build_.output;
  }
  if (HasDependency(build_, "io.dropwizard:") &&
      tree_.Has(JoinPath(build_.directory, "config.yml"))) {
    build_.run += " server config.yml";
  }
}

void GradleBuild::AddWrapper() {
  build_.has_wrapper = tree_.Has(JoinPath(build_.workspace, "gradlew"));
  const std::string path = JoinPath(build_.workspace, "gradle/wrapper/gradle-wrapper.properties");
  if (const std::string* text = tree_.Read(path); text != nullptr) {
    const std::string version = FirstOf(*text, {R"(gradle-(\d[\w.-]*?)-(?:bin|all)\.zip)"});
    if (!version.empty()) {
      build_.tool_version = Finding(version, {path, "distributionUrl"}, Confidence::kCertain);
    }
  }
  if (!build_.tool_version) {
    if (const auto pinned = ToolVersion(tree_, build_.directory, {"gradle"})) {
      build_.tool_version = Finding(pinned->value, pinned->source, pinned->confidence);
    }
  }
  // Of the wrapper of old days, which itself cannot run on newer releases of Java.
  if (build_.version.empty() && build_.tool_version &&
      RE2::FullMatch(build_.tool_version->value, R"([1-5](?:\..*)?)")) {
    build_.version.Add("8", build_.tool_version->source, Confidence::kLikely);
  }
  const std::string lock = JoinPath(build_.directory, "gradle.lockfile");
  if (tree_.Has(lock)) {
    build_.lock_file = Finding(lock, {lock, ""}, Confidence::kCertain);
  }
}

void GradleBuild::AddCommands() {
  const std::string up = UpTo(build_.directory, build_.workspace);
  const Source source{build_.file, ""};
  const std::string at_root = build_.has_wrapper ? "./gradlew" : "gradle";
  const std::string here = build_.has_wrapper && !up.empty() ? up + "gradlew" : at_root;
  build_.install.emplace_back(at_root + " --no-daemon dependencies", source, Confidence::kLikely);
  build_.build.emplace_back(here + " --no-daemon " + task_, source, Confidence::kLikely);
}

bool IncludesProjects(const SourceTree& tree, const std::string& settings) {
  static const RE2 kInclude(R"re((?m)^\s*include\s*\(?\s*["'])re");
  return RE2::PartialMatch(TextOfFile(tree, settings), kInclude);
}

}  // namespace

LanguageFindings AnalyseGradle(const SourceTree& tree, const std::string& directory) {
  LanguageFindings findings;
  const std::string settings = BuildFileOf(tree, directory, "settings");
  if (!settings.empty() && IncludesProjects(tree, settings)) {
    findings.monorepo = Finding("gradle", {settings, "include"}, Confidence::kCertain);
  }
  const bool is_of_build = NameOf(directory) == "buildSrc" || NameOf(directory) == "build-logic";
  if (BuildFileOf(tree, directory, "build").empty() || is_of_build) {
    return findings;
  }
  GradleBuild build(tree, directory);
  if (!build.IsForPhones()) {
    Claimed claimed = build.Describe();
    // The root of several projects mostly has nothing of its own.
    const bool is_empty_root = claimed.is_library && findings.monorepo;
    if (!is_empty_root) {
      findings.apps.push_back(std::move(claimed));
    }
  }
  return findings;
}

}  // namespace casemate::analysis
