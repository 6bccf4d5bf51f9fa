#include <algorithm>
#include <array>

#include "tools/analysis/names.h"
#include "tools/containerize/recipes/recipes.h"
#include "tools/containerize/versions.h"

namespace casemate::containerize {

namespace {

using analysis::JoinPath;

// Long-term releases, for which there are images.
std::string JavaRelease(const std::string& wanted) {
  const std::string number = NumbersOf(wanted, 1);
  for (const char* release : {"8", "11", "17", "21", "25"}) {
    if (!number.empty() && CompareVersions(number, release) <= 0) {
      return release;
    }
  }
  return "21";
}

// These servers write below their own directories, which belong to the group 0.
constexpr const char* kServerUser = "10001:0";

class JvmProject {
 public:
  explicit JvmProject(const Project& project)
      : project_(project),
        app_(project.app()),
        tool_(project.Trait("java.tool")),
        release_(JavaRelease(project.Version())) {}

  Recipe Make();

 private:
  [[nodiscard]] bool HasWrapper() const { return project_.Trait("java.wrapper") == "1"; }
  [[nodiscard]] std::string BuildImage() const;
  [[nodiscard]] std::vector<std::string> Caches() const;
  void CopyManifests(Stage& stage);
  Stage BuildStage();
  Stage ServerStage(const std::string& server);
  Stage PlainStage();

  const Project& project_;
  const analysis::App& app_;
  const std::string tool_;
  const std::string release_;
  Recipe recipe_;
};

std::string JvmProject::BuildImage() const {
  if (HasWrapper()) {
    return "eclipse-temurin:" + release_ + "-jdk";  // the project brings its build tool
  }
  if (tool_ == "maven")
    return "maven:3.9-eclipse-temurin-" + release_;
  if (tool_ == "gradle")
    return "gradle:8-jdk" + release_;
  if (tool_ == "sbt")
    return "sbtscala/scala-sbt:eclipse-temurin-21.0.2_13_1.9.9_3.4.0";
  if (tool_ == "leiningen")
    return "clojure:temurin-" + release_ + "-lein";
  return "clojure:temurin-" + release_ + "-tools-deps";
}

// These tools do not expect company: two builds at once wait for each other.
std::vector<std::string> JvmProject::Caches() const {
  std::vector<std::string> directories = {"/root/.m2"};
  if (tool_ == "gradle") {
    directories = {HasWrapper() ? "/root/.gradle" : "/home/gradle/.gradle"};
  } else if (tool_ == "sbt") {
    directories = {"/root/.cache/coursier", "/root/.sbt", "/root/.ivy2"};
  }
  // Only the last: Buildah 1.28 never releases the lock of one that another follows, and the next
  // step that wants it waits for ever.
  directories.back() += ",sharing=locked";
  return directories;
}

void JvmProject::CopyManifests(Stage& stage) {
  constexpr std::string_view kWhy =
      "What names the dependencies, and nothing that changes more often: the next step runs again "
      "only "
      "when they change.";
  std::vector<std::string> files;
  if (tool_ == "maven") {
    files = project_.Named({"pom.xml"});
  } else if (tool_ == "gradle") {
    files = project_.Named({"*.gradle", "*.gradle.kts", "gradle.properties", "*.lockfile"});
  } else if (tool_ == "sbt") {
    files = project_.Present({"build.sbt"});
  } else {
    files = project_.Present({"project.clj", "deps.edn", "build.clj"});
  }
  std::vector<std::string> top = project_.Present({"mvnw", "gradlew"});
  for (const std::string& file : files) {
    if (analysis::ParentOf(file).empty()) {
      top.push_back(file);
    }
  }
  stage.Copy(top, "./", kWhy);
  for (const std::string& file : files) {
    if (const std::string directory(analysis::ParentOf(file)); !directory.empty()) {
      stage.Copy({file}, directory + "/");
    }
  }
  for (const char* directory : {".mvn", "gradle", "buildSrc", "build-logic", "project"}) {
    const bool is_of_tool = (tool_ == "sbt") == (std::string_view(directory) == "project");
    if (is_of_tool && project_.HasDirectory(directory)) {
      stage.Copy({directory}, std::string(directory) + "/");
    }
  }
}

Stage JvmProject::BuildStage() {
  Stage stage(BuildImage(), "build",
              project_.VersionSource("the long-term release that is usual") + ".");
  stage.Packages(project_.BuildPackages(), "Libraries that the build needs.");
  stage.WorkDir(std::string(kRoot));
  constexpr std::size_t kMaxManifests = 40;  // each directory is a layer
  const bool is_small =
      project_.Named({"pom.xml", "*.gradle", "*.gradle.kts"}).size() <= kMaxManifests;
  if (!app_.install.empty() && is_small) {
    CopyManifests(stage);
    for (const analysis::Finding& command : app_.install) {
      stage.Run(command.value, "The cache keeps downloads between builds and out of the image.",
                Caches());
    }
  }
  CopyRest(stage);
  RunAll(stage, project_, app_.build, {}, Caches());
  return stage;
}

Stage JvmProject::ServerStage(const std::string& server) {
  const std::string war =
      JoinPath(kRoot, project_.FromDirectory(app_.output ? app_.output->value : "target/app.war"));
  const CopyOptions as_user{.stage = "build", .owner = std::string(kUser)};
  if (server == "liberty") {
    Stage stage("icr.io/appcafe/open-liberty:full-java17-openj9-ubi", "",
                "The server that the build names, with all its features.");
    const std::string config = JoinPath(project_.Directory(), "src/main/liberty/config");
    if (project_.HasDirectory(config)) {
      stage.Copy({JoinPath(kRoot, config)}, "/config/", "Its configuration.", as_user);
    }
    recipe_.user = kServerUser;
    stage.Copy({war}, "/config/dropins/", "The application.", as_user);
    recipe_.arguments = {"/opt/ol/wlp/bin/server", "run", "defaultServer"};
    return stage;
  }
  if (server == "wildfly") {
    Stage stage("quay.io/wildfly/wildfly:34.0.1.Final-jdk17", "",
                "The server that the build names.");
    stage.Copy({war}, "/opt/jboss/wildfly/standalone/deployments/", "The application.", as_user);
    recipe_.user = kServerUser;
    recipe_.arguments = {"/opt/jboss/wildfly/bin/standalone.sh", "-b", "0.0.0.0"};
    return stage;
  }
  const bool is_jakarta = server == "tomcat10";
  Stage stage(is_jakarta
                  ? "tomcat:10.1-jre" + std::string(release_ == "8" ? "11" : release_) + "-temurin"
                  : "tomcat:9.0-jre" + release_ + "-temurin",
              "", "A web archive needs a servlet container.");
  stage.WorkDir("/usr/local/tomcat");
  stage.Run("chown -R " + std::string(kUser) + " conf logs temp webapps work",
            "Tomcat unpacks and writes below its own directory.");
  stage.Copy({war}, "webapps/ROOT.war", "The application, at the top of the server.", as_user);
  recipe_.arguments = {"catalina.sh", "run"};
  return stage;
}

Stage JvmProject::PlainStage() {
  Stage stage("eclipse-temurin:" + release_ + "-jre", "",
              "The same Java without compiler and build tool.");
  stage.Packages(project_.RuntimePackages(), "Libraries that it loads.");
  stage.WorkDir(project_.WorkDir());
  const std::string output = app_.output ? app_.output->value : "target";
  if (project_.Trait("java.packaging") == "classes") {
    for (const char* part : {"/classes", "/dependency"}) {
      CopyOutput(stage, project_, output + part,
                 part == std::string_view("/classes") ? "Its classes, and those it uses." : "");
    }
  } else {
    CopyOutput(stage, project_, output, "What the build made.");
  }
  if (project_.Has(JoinPath(project_.Directory(), "config.yml")) && app_.run &&
      app_.run->value.find("config.yml") != std::string::npos) {
    const std::string path = project_.WorkDir() + "/config.yml";
    stage.Copy({path}, path, "Its configuration.", {.stage = "build"});
  }
  recipe_.command = app_.run ? app_.run->value : "";
  return stage;
}

Recipe JvmProject::Make() {
  IgnoreBeside(project_.Named({"pom.xml", "build.sbt", "project.clj", "deps.edn"}), {"target"},
               recipe_);
  IgnoreBeside(project_.Named({"build.gradle", "build.gradle.kts"}), {"build", ".gradle"}, recipe_);
  recipe_.retries = 5;  // it may take its time to start
  recipe_.stages.push_back(BuildStage());
  if (tool_ == "tools.deps" && project_.Trait("java.packaging") == "classes") {
    recipe_.problem = "nothing makes a jar of it: add an uberjar to build.clj";
    return std::move(recipe_);
  }
  const std::string server = project_.Trait("java.server");
  Stage last = server.empty() ? PlainStage() : ServerStage(server);
  std::vector<std::pair<std::string, std::string>> variables = {
      {"JAVA_TOOL_OPTIONS", "-XX:MaxRAMPercentage=75.0"}};
  Serve(recipe_, project_, last, ProbeTool::kBash, variables);
  recipe_.stages.push_back(std::move(last));
  return std::move(recipe_);
}

}  // namespace

Recipe JvmRecipe(const Project& project) {
  return JvmProject(project).Make();
}

}  // namespace casemate::containerize
