// Maven: a pom.xml with its parents and the modules beside it, as far as they lie in the project.
#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "tools/analysis/documents.h"
#include "tools/analysis/languages/jvm.h"
#include "tools/analysis/names.h"

namespace casemate::analysis {

using nlohmann::json;

namespace {

// Of a path that leads out of the project: one that no file of it has.
std::string Located(std::string_view directory, std::string_view path) {
  return ResolvePath(directory, path).value_or("..");
}

constexpr int kMaxParents = 8;
constexpr std::size_t kMaxModules = 200;

// One plugin of a build, with where it is configured.
struct Plugin {
  std::string name;  // "group:artifact"
  json element;
  std::string file;
};

struct Pom {
  std::string file;
  json root;
};

std::vector<std::string> ModulesOf(const json& root, const std::string& directory) {
  std::vector<std::string> modules;
  std::vector<const json*> lists{&Child(root, "modules")};
  for (const json* profile : Children(Child(root, "profiles"), "profile")) {
    lists.push_back(&Child(*profile, "modules"));
  }
  for (const json* list : lists) {
    for (const json* module : Children(*list, "module")) {
      std::string place = Located(directory, TextAt(*module, "text"));
      if (place.ends_with(".xml")) {
        place = std::string(ParentOf(place));
      }
      modules.push_back(std::move(place));
    }
  }
  return modules;
}

// A project of Maven with all that it inherits from files of the tree.
class Project {
 public:
  Project(const SourceTree& tree, const std::string& directory) {
    std::string file = JoinPath(directory, "pom.xml");
    for (int i = 0; i < kMaxParents && tree.Has(file); ++i) {
      json root = ReadXmlFile(tree, file);
      if (TextAt(root, "tag") != "project") {
        break;
      }
      poms_.push_back({file, root});
      const json& parent = Child(root, "parent");
      if (parent.is_null()) {
        break;
      }
      outer_parent_ = parent;
      const json& stated = Child(parent, "relativePath");
      const std::string path = stated.is_null() ? "../pom.xml" : TextAt(stated, "text");
      if (path.empty()) {
        break;
      }
      file = Located(ParentOf(file), path);
      file = file.ends_with(".xml") ? file : JoinPath(file, "pom.xml");
      const json above = tree.Has(file) ? ReadXmlFile(tree, file) : json();
      if (ChildText(above, "artifactId") != ChildText(parent, "artifactId")) {
        break;
      }
      outer_parent_ = nullptr;
    }
  }

  [[nodiscard]] bool IsThere() const { return !poms_.empty(); }
  [[nodiscard]] const json& root() const { return poms_.front().root; }
  [[nodiscard]] const std::vector<Pom>& poms() const { return poms_; }
  // The parent that lies in a repository; null: none.
  [[nodiscard]] const json& outer_parent() const { return outer_parent_; }

  // A property with the file that sets it.
  [[nodiscard]] std::optional<Candidate> Property(const std::string& name) const {
    for (const Pom& pom : poms_) {
      const std::string value = ChildText(Child(pom.root, "properties"), name);
      if (!value.empty()) {
        return Candidate{Expand(value, 4), {pom.file, "properties." + name}, Confidence::kCertain};
      }
    }
    return std::nullopt;
  }

  // "${java.version}" as its value.
  [[nodiscard]] std::string Expand(std::string text, int depth) const {
    static const RE2 kReference(R"(\$\{([\w.-]+)\})");
    std::string name;
    while (depth-- > 0 && RE2::PartialMatch(text, kReference, &name)) {
      std::string value = ValueOf(name);
      const std::string whole = "${" + name + "}";
      text.replace(text.find(whole), whole.size(), value);
    }
    return text;
  }

  [[nodiscard]] std::string Own(const std::string& tag) const {
    for (const Pom& pom : poms_) {
      const std::string value = ChildText(pom.root, tag);
      if (!value.empty()) {
        return Expand(value, 4);
      }
      if (&pom == &poms_.front() && tag == "version") {
        const std::string inherited = ChildText(Child(pom.root, "parent"), tag);
        if (!inherited.empty()) {
          return Expand(inherited, 4);
        }
      }
    }
    return {};
  }

  [[nodiscard]] std::vector<Plugin> Plugins() const {
    std::vector<Plugin> plugins;
    std::vector<Plugin> managed;
    for (const Pom& pom : poms_) {
      std::vector<const json*> builds{&Child(pom.root, "build")};
      for (const json* profile : Children(Child(pom.root, "profiles"), "profile")) {
        builds.push_back(&Child(*profile, "build"));
      }
      for (const json* build : builds) {
        Collect(Child(*build, "plugins"), pom.file, plugins);
        Collect(Child(Child(*build, "pluginManagement"), "plugins"), pom.file, managed);
      }
    }
    // What is only managed above configures what is used here.
    for (const Plugin& plugin : managed) {
      const bool is_used = std::any_of(plugins.begin(), plugins.end(),
                                       [&](const Plugin& p) { return p.name == plugin.name; });
      if (is_used || plugin.name == "org.apache.maven.plugins:maven-compiler-plugin") {
        plugins.push_back(plugin);
      }
    }
    return plugins;
  }

  [[nodiscard]] std::vector<Dependency> Dependencies() const {
    std::vector<Dependency> found;
    for (const Pom& pom : poms_) {
      for (const json* entry : Children(Child(pom.root, "dependencies"), "dependency")) {
        const std::string scope = ChildText(*entry, "scope");
        if (scope == "test" || scope == "system" || scope == "import") {
          continue;
        }
        const std::string name = Expand(ChildText(*entry, "groupId"), 4) + ":" +
                                 Expand(ChildText(*entry, "artifactId"), 4);
        found.push_back(
            {name, Expand(ChildText(*entry, "version"), 4), {pom.file, "dependencies." + name}});
      }
    }
    return found;
  }

 private:
  [[nodiscard]] std::string ValueOf(const std::string& name) const {
    if (name == "project.version" || name == "version" || name == "revision") {
      for (const Pom& pom : poms_) {
        const std::string revision = ChildText(Child(pom.root, "properties"), name);
        const std::string own = ChildText(pom.root, "version");
        const std::string value = !revision.empty() ? revision
                                  : !own.empty()    ? own
                                                 : ChildText(Child(pom.root, "parent"), "version");
        if (!value.empty() && value.find("${" + name) == std::string::npos) {
          return value;
        }
      }
      return {};
    }
    if (name == "project.artifactId" || name == "artifactId" || name == "project.name") {
      return ChildText(root(), "artifactId");
    }
    if (name == "project.groupId" || name == "project.parent.groupId") {
      const std::string own = ChildText(root(), "groupId");
      return own.empty() ? ChildText(Child(root(), "parent"), "groupId") : own;
    }
    for (const Pom& pom : poms_) {
      const std::string value = ChildText(Child(pom.root, "properties"), name);
      if (!value.empty()) {
        return value;
      }
    }
    return {};
  }

  static void Collect(const json& list, const std::string& file, std::vector<Plugin>& plugins) {
    for (const json* entry : Children(list, "plugin")) {
      std::string group = ChildText(*entry, "groupId");
      group = group.empty() ? "org.apache.maven.plugins" : group;
      plugins.push_back({group + ":" + ChildText(*entry, "artifactId"), *entry, file});
    }
  }

  std::vector<Pom> poms_;
  json outer_parent_;
};

// The text of `tag` in a plugin's configuration or in that of one of its executions, at any depth.
// NOLINTNEXTLINE(misc-no-recursion): documents are bounded in depth
std::string FindText(const json& element, std::string_view tag) {
  for (const json& child : At(element, "children")) {
    if (TextAt(child, "tag") == tag && !TextAt(child, "text").empty()) {
      return TextAt(child, "text");
    }
    if (std::string inner = FindText(child, tag); !inner.empty()) {
      return inner;
    }
  }
  return {};
}

class MavenBuild {
 public:
  MavenBuild(const SourceTree& tree, const std::string& directory, const Project& project)
      : tree_(tree), project_(project), plugins_(project.Plugins()) {
    build_.directory = directory;
    build_.file = JoinPath(directory, "pom.xml");
    build_.tool = "maven";
    build_.name = ChildText(project.root(), "artifactId");
    FindWorkspace();
  }

  Claimed Describe() {
    AddDependencies();
    AddLanguage();
    AddVersion();
    AddPackaging();
    AddCommands();
    return DescribeJvm(tree_, std::move(build_));
  }

 private:
  void FindWorkspace();
  void AddDependencies();
  void AddLanguage();
  void AddVersion();
  void AddPackaging();
  void AddSigns();
  [[nodiscard]] std::string StatedMainClass() const;
  void AddJar(const std::string& name);
  [[nodiscard]] std::string BootJar(const std::string& name) const;
  [[nodiscard]] std::string ShadedJar(const std::string& name) const;
  [[nodiscard]] std::string AssembledJar(const std::string& name) const;
  void AddClasses();
  [[nodiscard]] std::string Arguments() const;
  void AddCommands();
  [[nodiscard]] const Plugin* Find(std::string_view artifact) const {
    for (const Plugin& plugin : plugins_) {
      if (plugin.name.ends_with(":" + std::string(artifact))) {
        return &plugin;
      }
    }
    return nullptr;
  }
  [[nodiscard]] std::string Setting(std::string_view artifact, std::string_view tag) const {
    for (const Plugin& plugin : plugins_) {
      if (!plugin.name.ends_with(":" + std::string(artifact))) {
        continue;
      }
      if (std::string text = FindText(plugin.element, tag); !text.empty()) {
        return project_.Expand(text, 4);
      }
    }
    return {};
  }

  const SourceTree& tree_;
  const Project& project_;
  std::vector<Plugin> plugins_;
  JvmBuild build_;
  std::string goal_ = "package";
};

// Upwards as long as a pom names this one among its modules.
void MavenBuild::FindWorkspace() {
  build_.workspace = build_.directory;
  std::string at = build_.directory;
  while (!at.empty()) {
    at = std::string(ParentOf(at));
    const std::string path = JoinPath(at, "pom.xml");
    if (!tree_.Has(path)) {
      continue;
    }
    const std::vector<std::string> modules = ModulesOf(ReadXmlFile(tree_, path), at);
    if (std::find(modules.begin(), modules.end(), build_.workspace) != modules.end()) {
      build_.workspace = at;
    }
  }
}

// Its own, and those of modules beside it that it depends on.
void MavenBuild::AddDependencies() {
  build_.dependencies = project_.Dependencies();
  build_.sources = {JoinPath(build_.directory, "src/main")};
  if (build_.workspace == build_.directory) {
    return;
  }
  std::map<std::string, std::string> modules;  // directory by artifact
  for (const std::string& path : tree_.Below(build_.workspace, "pom.xml")) {
    if (NameOf(path) == "pom.xml" && modules.size() < kMaxModules) {
      modules.emplace(ChildText(ReadXmlFile(tree_, path), "artifactId"), ParentOf(path));
    }
  }
  std::set<std::string> known{build_.directory};
  for (std::size_t i = 0; i < build_.dependencies.size(); ++i) {
    const std::string name = build_.dependencies[i].name;
    const auto at = modules.find(name.substr(name.find(':') + 1));
    if (at != modules.end() && known.insert(at->second).second) {
      const Project other(tree_, at->second);
      if (other.IsThere()) {
        const auto more = other.Dependencies();
        build_.dependencies.insert(build_.dependencies.end(), more.begin(), more.end());
        build_.sources.push_back(JoinPath(at->second, "src/main"));
      }
    }
  }
}

void MavenBuild::AddLanguage() {
  const auto has = [&](const char* place, const char* suffix) {
    return !tree_.Below(JoinPath(build_.directory, place), suffix).empty();
  };
  if (has("src/main/kotlin", ".kt") ||
      (Find("kotlin-maven-plugin") != nullptr && !has("src/main/java", ".java"))) {
    build_.language = "kotlin";
  } else if (has("src/main/scala", ".scala")) {
    build_.language = "scala";
  } else if (has("src/main/groovy", ".groovy") && !has("src/main/java", ".java")) {
    build_.language = "groovy";
  }
}

void MavenBuild::AddVersion() {
  const auto add = [&](const std::string& text, Source source,
                       Confidence confidence = Confidence::kCertain) {
    build_.version.Add(JavaRelease(text), std::move(source), confidence);
  };
  for (const char* tag : {"release", "target", "source"}) {
    add(Setting("maven-compiler-plugin", tag),
        {build_.file, std::string("maven-compiler-plugin.") + tag});
    if (const auto value = project_.Property(std::string("maven.compiler.") + tag)) {
      add(value->value, value->source);
    }
  }
  for (const char* name :
       {"java.version", "jdk.version", "java.release", "kotlin.compiler.jvmTarget"}) {
    if (const auto value = project_.Property(name)) {
      add(value->value, value->source);
    }
  }
  add(Setting("maven-toolchains-plugin", "version"), {build_.file, "maven-toolchains-plugin"});
  add(Setting("kotlin-maven-plugin", "jvmTarget"), {build_.file, "kotlin-maven-plugin.jvmTarget"});
  const json& parent = project_.outer_parent();
  if (ChildText(parent, "artifactId") == "spring-boot-starter-parent") {
    const std::string version = ChildText(parent, "version");
    const bool is_old = version.starts_with("1.") || version.starts_with("2.");
    Choice pins;
    AddJavaPins(tree_, build_.directory, pins);
    if (pins.empty()) {
      add(is_old ? "8" : "17", {build_.file, "parent"}, Confidence::kLikely);
    }
  }
}

void MavenBuild::AddPackaging() {
  const std::string packaging = ChildText(project_.root(), "packaging");
  std::string name = project_.Expand(ChildText(Child(project_.root(), "build"), "finalName"), 4);
  if (name.empty()) {
    name = build_.name + "-" + project_.Own("version");
  }
  if (Find("quarkus-maven-plugin") != nullptr) {
    const auto type = project_.Property("quarkus.package.type");
    const auto jar = project_.Property("quarkus.package.jar.type");
    const bool is_uber = (type && type->value == "uber-jar") || (jar && jar->value == "uber-jar");
    build_.packaging = is_uber ? "jar" : "quarkus";
    build_.output = is_uber ? "target/" + name + "-runner.jar" : "target/quarkus-app";
    build_.run = "java -jar " + (is_uber ? build_.output : "target/quarkus-app/quarkus-run.jar");
    build_.can_run = true;
    return;
  }
  const bool is_boot = Find("spring-boot-maven-plugin") != nullptr;
  if (packaging == "war") {
    build_.packaging = "war";
    build_.output = "target/" + name + ".war";
    build_.run = is_boot ? "java -jar " + build_.output : std::string();
    build_.can_run = true;
    AddSigns();
    return;
  }
  AddJar(name);
}

// What deploys a war, or manages what it is compiled against, tells which server it is meant for.
void MavenBuild::AddSigns() {
  for (const Plugin& plugin : plugins_) {
    build_.signs.push_back(plugin.name);
  }
  const auto add = [&](const json& element) {
    build_.signs.push_back(ChildText(element, "groupId") + ":" + ChildText(element, "artifactId"));
  };
  for (const Pom& pom : project_.poms()) {
    add(Child(pom.root, "parent"));
    const json& managed = Child(Child(pom.root, "dependencyManagement"), "dependencies");
    for (const json* entry : Children(managed, "dependency")) {
      add(*entry);
    }
  }
}

// The class that a plugin or a property names; empty: none does.
std::string MavenBuild::StatedMainClass() const {
  for (const char* artifact :
       {"spring-boot-maven-plugin", "maven-shade-plugin", "maven-assembly-plugin",
        "maven-jar-plugin", "exec-maven-plugin", "jib-maven-plugin"}) {
    if (std::string stated = Setting(artifact, "mainClass"); !stated.empty()) {
      return stated;
    }
  }
  if (std::string stated = Setting("maven-shade-plugin", "Main-Class"); !stated.empty()) {
    return stated;
  }
  for (const char* property :
       {"start-class", "exec.mainClass", "mainClass", "main.class", "main.verticle"}) {
    if (const auto value = project_.Property(property); value && !value->value.empty()) {
      return value->value;
    }
  }
  return {};
}

std::string MavenBuild::BootJar(const std::string& name) const {
  const std::string classifier = Setting("spring-boot-maven-plugin", "classifier");
  return "target/" + name + (classifier.empty() ? "" : "-" + classifier) + ".jar";
}

std::string MavenBuild::ShadedJar(const std::string& name) const {
  const std::string file = Setting("maven-shade-plugin", "outputFile");
  if (!file.empty()) {
    const std::size_t at = file.rfind("target/");
    return at == std::string::npos ? file : file.substr(at);
  }
  const std::string own = Setting("maven-shade-plugin", "finalName");
  std::string jar = "target/" + (own.empty() ? name : own);
  if (Setting("maven-shade-plugin", "shadedArtifactAttached") == "true") {
    const std::string suffix = Setting("maven-shade-plugin", "shadedClassifierName");
    jar += "-" + (suffix.empty() ? "shaded" : suffix);
  }
  return jar + ".jar";
}

std::string MavenBuild::AssembledJar(const std::string& name) const {
  const std::string own = Setting("maven-assembly-plugin", "finalName");
  const std::string kind = Setting("maven-assembly-plugin", "descriptorRef");
  const bool is_plain = Setting("maven-assembly-plugin", "appendAssemblyId") == "false";
  return "target/" + (own.empty() ? name : own) + (is_plain || kind.empty() ? "" : "-" + kind) +
         ".jar";
}

// Classes beside the jars that they need, where no jar can be started.
void MavenBuild::AddClasses() {
  const bool has_libraries = Find("maven-dependency-plugin") != nullptr &&
                             !Setting("maven-dependency-plugin", "goal").empty();
  build_.packaging = "classes";
  build_.output = "target";
  goal_ = has_libraries ? goal_ : "package dependency:copy-dependencies -DincludeScope=runtime";
  build_.run = "java -cp target/classes:target/dependency/* " + build_.main_class;
}

// What the program has to be started with.
std::string MavenBuild::Arguments() const {
  if (HasDependency(build_, "io.dropwizard:")) {
    for (const char* config : {"config.yml", "config.yaml", "configuration.yml"}) {
      if (tree_.Has(JoinPath(build_.directory, config))) {
        return std::string(" server ") + config;
      }
    }
  }
  return {};
}

void MavenBuild::AddJar(const std::string& name) {
  const std::string stated = StatedMainClass();
  const std::string found = FindMainClass(tree_, build_.directory);
  build_.main_class = stated.empty() ? found : stated;
  const bool has_class = !build_.main_class.empty();
  const Plugin* assembly = Find("maven-assembly-plugin");
  std::string jar = "target/" + name + ".jar";
  if (Find("spring-boot-maven-plugin") != nullptr) {
    // A parent's plugin applies to libraries, too, which have nothing to start.
    build_.can_run = has_class || project_.poms().size() == 1;
    jar = BootJar(name);
  } else if (Find("vertx-maven-plugin") != nullptr || (HasDependency(build_, "io.micronaut:") &&
                                                       Find("micronaut-maven-plugin") != nullptr)) {
    build_.can_run = true;  // by a launcher that the plugin puts into the jar
  } else if (Find("maven-shade-plugin") != nullptr && has_class) {
    build_.can_run = true;
    jar = ShadedJar(name);
  } else if (assembly != nullptr && !stated.empty()) {
    build_.can_run = true;
    jar = AssembledJar(name);
    goal_ = FindText(assembly->element, "goal").empty() ? "package assembly:single" : "package";
  } else if (has_class) {
    build_.can_run = true;
    if (Setting("maven-jar-plugin", "mainClass").empty()) {
      AddClasses();
      return;
    }
  }
  build_.output = jar;
  build_.run = "java -jar " + jar + Arguments();
}

void MavenBuild::AddCommands() {
  const std::string properties =
      JoinPath(build_.workspace, ".mvn/wrapper/maven-wrapper.properties");
  std::string program = "mvn";
  const bool is_alone = build_.directory == build_.workspace;
  const std::string up = UpTo(build_.directory, build_.workspace);
  if (tree_.Has(JoinPath(build_.workspace, "mvnw"))) {
    build_.has_wrapper = true;
    program = is_alone ? "./mvnw" : up + "mvnw";
  }
  if (const std::string* text = tree_.Read(properties); text != nullptr) {
    static const RE2 kVersion(R"(apache-maven-(\d[\w.-]*?)-bin)");
    std::string version;
    if (RE2::PartialMatch(*text, kVersion, &version)) {
      build_.tool_version = Finding(version, {properties, "distributionUrl"}, Confidence::kCertain);
    }
  }
  if (!build_.tool_version) {
    if (const auto pinned = ToolVersion(tree_, build_.directory, {"maven"})) {
      build_.tool_version = Finding(pinned->value, pinned->source, pinned->confidence);
    }
  }
  const Source source{build_.file, ""};
  if (is_alone) {
    build_.install.emplace_back(program + " -B dependency:go-offline", source, Confidence::kLikely);
    build_.build.emplace_back(program + " -B -DskipTests " + goal_, source, Confidence::kLikely);
    return;
  }
  // Modules beside it are built with it, for which the whole has to be known.
  const std::string module =
      build_.directory.substr(build_.workspace.empty() ? 0 : build_.workspace.size() + 1);
  build_.build.emplace_back(
      program + " -B -f " + up + "pom.xml -pl " + module + " -am -DskipTests " + goal_, source,
      Confidence::kLikely);
}

}  // namespace

LanguageFindings AnalyseMaven(const SourceTree& tree, const std::string& directory) {
  LanguageFindings findings;
  const std::string file = JoinPath(directory, "pom.xml");
  if (!tree.Has(file)) {
    return findings;
  }
  const Project project(tree, directory);
  if (!project.IsThere()) {
    return findings;
  }
  if (!ModulesOf(project.root(), directory).empty()) {
    findings.monorepo = Finding("maven", {file, "modules"}, Confidence::kCertain);
  }
  if (ChildText(project.root(), "packaging") != "pom") {
    findings.apps.push_back(MavenBuild(tree, directory, project).Describe());
  }
  return findings;
}

}  // namespace casemate::analysis
