// sbt, Leiningen and tools.deps. Their files are programs or data of their languages: what they say
// is read by the forms in which it is commonly written.
#include <re2/re2.h>

#include <algorithm>

#include "tools/analysis/languages/jvm.h"
#include "tools/analysis/names.h"

namespace casemate::analysis {

namespace {

std::string TextOfFile(const SourceTree& tree, const std::string& path, std::string_view comment) {
  const std::string* text = tree.Read(path);
  std::string plain;
  for (const std::string& line : SplitLines(text == nullptr ? std::string() : *text)) {
    // A comment sign within a string is part of an address.
    const std::size_t at = line.find(comment);
    const bool is_quoted = at != std::string::npos && at > 0 && line[at - 1] == ':';
    plain += is_quoted ? line : line.substr(0, at);
    plain += '\n';
  }
  return plain;
}

std::string FirstOf(const std::string& text, const char* pattern) {
  std::string found;
  RE2::PartialMatch(text, RE2(pattern), &found);
  return found;
}

JvmBuild Start(const std::string& directory, const char* file, const char* tool,
               const char* language) {
  JvmBuild build;
  build.directory = directory;
  build.workspace = directory;
  build.file = JoinPath(directory, file);
  build.tool = tool;
  build.language = language;
  build.can_run = true;
  return build;
}

void Say(const JvmBuild& build, std::vector<Finding>& commands, std::string command) {
  commands.emplace_back(std::move(command), Source{build.file, ""}, Confidence::kLikely);
}

// Coordinates of Clojars and Maven Central: "ring" is "ring:ring".
void AddClojureDependencies(const std::string& text, const RE2& pattern, JvmBuild& build) {
  re2::StringPiece rest(text);
  std::string name;
  std::string version;
  while (RE2::FindAndConsume(&rest, pattern, &name, &version)) {
    const std::size_t slash = name.find('/');
    std::string coordinates = name.substr(0, slash);
    coordinates += ':';
    coordinates += slash == std::string::npos ? name : name.substr(slash + 1);
    build.dependencies.push_back({std::move(coordinates), version, {build.file, name}});
  }
}

Claimed AnalyseLeiningen(const SourceTree& tree, const std::string& directory) {
  JvmBuild build = Start(directory, "project.clj", "leiningen", "clojure");
  const std::string text = TextOfFile(tree, build.file, ";");
  static const RE2 kEntry(R"re(\[([\w.\-/]+)\s+"([^"]*)")re");
  AddClojureDependencies(text, kEntry, build);
  build.name = FirstOf(text, R"(\(defproject\s+([\w.\-/]+))");
  const std::string version = FirstOf(text, R"re(\(defproject\s+[\w.\-/]+\s+"([^"]*)")re");
  build.main_class = FirstOf(text, R"(:main\s+(?:\^:skip-aot\s+|\^\{[^}]*\}\s*)?([\w.\-]+))");
  const std::string jar = FirstOf(text, R"re(:uberjar-name\s+"([^"]+)")re");
  // lein's own template sets it, by the names of the profiles.
  const bool has_profile_path = text.find(":target-path \"target/%s\"") != std::string::npos;
  build.output = std::string(has_profile_path ? "target/uberjar/" : "target/") +
                 (jar.empty() ? build.name + "-" + version + "-standalone.jar" : jar);
  Say(build, build.install, "lein deps");
  const bool is_ring = FirstOf(text, R"(:ring\s+\{[^}]*(:handler))") == ":handler";
  build.can_run = !build.main_class.empty() || is_ring;
  Say(build, build.build, build.main_class.empty() ? "lein ring uberjar" : "lein uberjar");
  build.run = "java -jar " + build.output;
  return DescribeJvm(tree, std::move(build));
}

Claimed AnalyseToolsDeps(const SourceTree& tree, const std::string& directory) {
  JvmBuild build = Start(directory, "deps.edn", "tools.deps", "clojure");
  const std::string text = TextOfFile(tree, build.file, ";");
  static const RE2 kEntry(R"re(([\w.\-/]+)\s+\{:mvn/version\s+"([^"]*)")re");
  AddClojureDependencies(text, kEntry, build);
  build.name = directory.empty() ? "app" : std::string(NameOf(directory));
  const std::string script = TextOfFile(tree, JoinPath(directory, "build.clj"), ";");
  const std::string alias =
      FirstOf(text, R"re(:([\w-]+)\s*\{[^{}]*(?:\{[^{}]*\}[^{}]*)*:main-opts\s+\[\s*"-m")re");
  const std::string function =
      FirstOf(text, R"re(:([\w-]+)\s*\{[^{}]*(?:\{[^{}]*\}[^{}]*)*:exec-fn\s)re");
  build.main_class = FirstOf(text, R"re(:main-opts\s+\[\s*"-m"\s+"([\w.\-]+)")re");
  if (script.find("(defn uber") != std::string::npos) {
    const std::string lib = FirstOf(script, R"(\(def\s+lib\s+'(?:[\w.\-]+/)?([\w.\-]+)\))");
    const std::string version = FirstOf(script, R"re(\(def\s+version\s+"([^"]+)"\))re");
    const std::string jar = FirstOf(script, R"re(uber-file\s+"([^"%]+\.jar)")re");
    build.output = !jar.empty()  ? jar
                   : lib.empty() ? "target/app-standalone.jar"
                                 : "target/" + lib + (version.empty() ? "" : "-" + version) +
                                       "-standalone.jar";
    build.name = lib.empty() ? build.name : lib;
    Say(build, build.install, "clojure -P && clojure -T:build -P");
    Say(build, build.build, "clojure -T:build uber");
    build.run = "java -jar " + build.output;
  } else if (!alias.empty()) {
    Say(build, build.install, "clojure -P -M:" + alias);
    build.packaging = "classes";
    build.run = "clojure -M:" + alias;
  } else if (!function.empty()) {
    Say(build, build.install, "clojure -P -X:" + function);
    build.packaging = "classes";
    build.run = "clojure -X:" + function;
  } else {
    for (const std::string& file : tree.Below(JoinPath(directory, "src"), ".clj")) {
      const std::string source = TextOfFile(tree, file, ";");
      if (source.find("(defn -main") != std::string::npos) {
        build.main_class = FirstOf(source, R"(\(ns\s+(?:\^\S+\s+)?([\w.\-]+))");
        break;
      }
    }
    Say(build, build.install, "clojure -P");
    build.packaging = "classes";
    build.run = "clojure -M -m " + build.main_class;
    build.can_run = !build.main_class.empty();
  }
  return DescribeJvm(tree, std::move(build));
}

void AddSbtDependencies(const std::string& text, JvmBuild& build) {
  static const RE2 kEntry(R"re("([\w.\-]+)"\s*%%?%?\s*"([\w.\-]+)"\s*%\s*([^,\n)]*))re");
  re2::StringPiece rest(text);
  std::string group;
  std::string artifact;
  std::string tail;
  while (RE2::FindAndConsume(&rest, kEntry, &group, &artifact, &tail)) {
    std::string lower = Lower(tail);
    if (lower.find("% test") == std::string::npos && lower.find("%test") == std::string::npos) {
      std::string name = group;
      name += ":" + artifact;
      std::erase_if(tail, [](char c) { return c == '"' || c == ' '; });
      build.dependencies.push_back({name, tail, {build.file, name}});
    }
  }
}

// Whether it is made with the Play framework.
bool AddPlay(const std::string& text, const std::string& plugins, JvmBuild& build) {
  const bool is_scala = plugins.find("\"sbt-plugin\"") != std::string::npos &&
                        text.find("PlayScala") != std::string::npos;
  const bool is_java = text.find("PlayJava") != std::string::npos;
  if (!is_scala && !is_java) {
    return false;
  }
  build.dependencies.push_back({"org.playframework:play",
                                {},
                                {JoinPath(build.directory, "project/plugins.sbt"), "sbt-plugin"}});
  build.language = is_scala ? "scala" : "java";
  return true;
}

void AddSbtVersions(const SourceTree& tree, const std::string& text, JvmBuild& build) {
  const std::string properties = JoinPath(build.directory, "project/build.properties");
  const std::string version =
      FirstOf(TextOfFile(tree, properties, "#"), R"(sbt\.version\s*=\s*(\S+))");
  if (!version.empty()) {
    build.tool_version = Finding(version, {properties, "sbt.version"}, Confidence::kCertain);
  }
  build.version.Add(JavaRelease(FirstOf(
                        text, R"re("-(?:-release|release|java-output-version)[":,\s]+"?(\d+)")re")),
                    {build.file, "scalacOptions"});
}

// The name of the jar that sbt-assembly makes.
std::string AssemblyJar(const std::string& text, const std::string& program) {
  for (const char* pattern :
       {R"re(assembly\s*/?\s*assemblyJarName(?:\s+in\s+assembly)?\s*:=\s*s?"([^"$]+)")re",
        R"re(assemblyJarName(?:\s+in\s+assembly)?\s*:=\s*"([^"$]+)")re"}) {
    if (std::string stated = FirstOf(text, pattern); !stated.empty()) {
      return stated;
    }
  }
  const std::string version = FirstOf(text, R"re(\bversion\s*:=\s*"([^"]+)")re");
  return program + "-assembly-" + (version.empty() ? "0.1.0-SNAPSHOT" : version) + ".jar";
}

void AddAssembly(const std::string& text, const std::string& program, JvmBuild& build) {
  std::string scala = FirstOf(text, R"re(scalaVersion\s*:=\s*"([\d.]+)")re");
  // Scala 2 is told apart by its minor version, Scala 3 as a whole.
  scala = scala.starts_with("2.") ? scala.substr(0, scala.find('.', 2)) : scala;
  build.output = "target/scala-" + (scala.empty() ? "2.12" : scala) + "/";
  build.output += AssemblyJar(text, program);
  Say(build, build.build, "sbt assembly");
  build.run = "java -jar " + build.output;
}

// What sbt-native-packager leaves; without it, sbt itself starts the program.
void AddStage(const std::string& text, const std::string& program, bool is_packaged,
              JvmBuild& build) {
  build.packaging = "distribution";
  build.output = is_packaged ? "target/universal/stage" : "";
  Say(build, build.build, is_packaged ? "sbt stage" : "sbt compile");
  const std::string script = FirstOf(text, R"re(executableScriptName\s*:=\s*"([^"]+)")re");
  build.run =
      is_packaged ? "target/universal/stage/bin/" + (script.empty() ? program : script) : "sbt run";
}

Claimed DescribeSbt(const SourceTree& tree, const std::string& directory) {
  JvmBuild build = Start(directory, "build.sbt", "sbt", "scala");
  const std::string text = TextOfFile(tree, build.file, "//");
  std::string all = text;
  for (const std::string& path : tree.Below(JoinPath(directory, "project"), ".scala")) {
    all += TextOfFile(tree, path, "//");
  }
  const std::string plugins = TextOfFile(tree, JoinPath(directory, "project/plugins.sbt"), "//");
  AddSbtDependencies(all, build);
  const bool is_play = AddPlay(text, plugins, build);
  build.sources = {JoinPath(directory, "src/main"), JoinPath(directory, "app")};
  build.name = FirstOf(text, R"re(\bname\s*:=\s*"([^"]+)")re");
  build.name = !build.name.empty() ? build.name
               : directory.empty() ? "app"
                                   : std::string(NameOf(directory));
  const std::string program = PlainName(build.name, directory);
  AddSbtVersions(tree, text, build);
  Say(build, build.install, "sbt update");
  const bool has_assembly = plugins.find("sbt-assembly") != std::string::npos;
  if (has_assembly) {
    AddAssembly(text, program, build);
  } else {
    AddStage(text, program, is_play || plugins.find("sbt-native-packager") != std::string::npos,
             build);
  }
  build.main_class = FirstOf(text, R"re(mainClass[^\n]*Some\("([\w.]+)"\))re");
  const bool has_main =
      !build.main_class.empty() || is_play || !FindMainClass(tree, directory).empty();
  build.can_run = has_main || has_assembly || build.output.find("stage") != std::string::npos;
  return DescribeJvm(tree, std::move(build));
}

}  // namespace

LanguageFindings AnalyseSbt(const SourceTree& tree, const std::string& directory) {
  LanguageFindings findings;
  if (tree.Has(JoinPath(directory, "build.sbt"))) {
    findings.apps.push_back(DescribeSbt(tree, directory));
  }
  return findings;
}

LanguageFindings AnalyseClojure(const SourceTree& tree, const std::string& directory) {
  LanguageFindings findings;
  if (tree.Has(JoinPath(directory, "project.clj"))) {
    findings.apps.push_back(AnalyseLeiningen(tree, directory));
  } else if (tree.Has(JoinPath(directory, "deps.edn"))) {
    findings.apps.push_back(AnalyseToolsDeps(tree, directory));
  }
  return findings;
}

}  // namespace casemate::analysis
