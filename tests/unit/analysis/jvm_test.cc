#include "tests/unit/analysis/project_files.h"

namespace casemate::analysis {

using test::ProjectFiles;
using test::ValueOf;

namespace {

constexpr const char* kMain =
    "package com.acme;\npublic class App {\n  public static void main(String[] args) {}\n}\n";

}  // namespace

TEST_CASE("the release that javac is told counts more than other properties of Maven") {
  const App app = ProjectFiles{
      {"pom.xml",
       "<project><artifactId>a</artifactId><version>1</version><properties>"
       "<java.version>11</java.version><jdk>17</jdk>"
       "<maven.compiler.release>${jdk}</maven.compiler.release>"
       "</properties></project>"},
      {"src/main/java/com/acme/App.java",
       kMain}}.OneApp();
  CHECK(ValueOf(app.version) == "17");
  REQUIRE(app.version->alternatives.size() == 1);
  CHECK(app.version->alternatives[0].value == "11");
}

TEST_CASE("poms that are each other's parents, and properties that name themselves, end") {
  const Analysis analysis = ProjectFiles{
      {"pom.xml",
       "<project><parent><artifactId>b</artifactId>"
       "<relativePath>b/pom.xml</relativePath></parent><artifactId>a</artifactId>"
       "<version>${x}</version><properties><x>${x}</x></properties></project>"},
      {"b/pom.xml",
       "<project><parent><artifactId>a</artifactId></parent>"
       "<artifactId>b</artifactId></project>"},
      {"src/main/java/com/acme/App.java",
       kMain}}.Analyse();
  CHECK(analysis.apps.size() == 1);
}

TEST_CASE("projects of Gradle that depend on each other in a circle are read once") {
  const App app = ProjectFiles{{"settings.gradle", "include 'a', 'b'\n"},
                               {"a/build.gradle",
                                "plugins { id 'application' }\n"
                                "application { mainClass = 'com.acme.App' }\n"
                                "dependencies { implementation project(':b') }\n"},
                               {"b/build.gradle",
                                "dependencies {\n  implementation project(':a')\n"
                                "  implementation 'io.javalin:javalin:6.1.3'\n}\n"}}
                      .OneApp();
  CHECK(app.directory == "a");
  CHECK(ValueOf(app.framework) == "javalin");
  CHECK(ValueOf(app.run) == "build/install/a/bin/a");
}

TEST_CASE("what a comment of Gradle says does not count") {
  const App app = ProjectFiles{{"settings.gradle.kts", "rootProject.name = \"x\" // \"y\"\n"},
                               {"build.gradle.kts",
                                "plugins {\n  id(\"org.springframework.boot\") version \"3.2.0\"\n"
                                "  // id(\"war\")\n}\n/* jvmToolchain(8) */\n"
                                "repositories { maven { url = uri(\"https://repo.acme.com\") } }\n"
                                "kotlin { jvmToolchain(21) }\n"}}
                      .OneApp();
  CHECK(ValueOf(app.version) == "21");
  CHECK(ValueOf(app.run) == "java -jar build/libs/x.jar");
}

TEST_CASE("a port of application.yml that is a placeholder is its default") {
  const App app =
      ProjectFiles{{"pom.xml",
                    "<project><artifactId>a</artifactId><version>1</version><dependencies>"
                    "<dependency><groupId>org.springframework.boot</groupId>"
                    "<artifactId>spring-boot-starter-web</artifactId></dependency>"
                    "</dependencies></project>"},
                   {"src/main/java/com/acme/App.java", kMain},
                   {"src/main/resources/application.yml",
                    "server:\n  port: ${WEB_PORT:8123}\nkey: ${API_KEY}\n"}}
          .OneApp();
  CHECK(app.ports.front().value == "8123");
  REQUIRE(app.environment.size() == 2);
  CHECK(app.environment[0].name == "API_KEY");
  CHECK(app.environment[0].is_required);
  CHECK_FALSE(app.environment[1].is_required);
}

}  // namespace casemate::analysis
