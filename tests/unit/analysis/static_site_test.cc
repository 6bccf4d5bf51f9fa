#include "tests/unit/analysis/project_files.h"

namespace casemate::analysis {

using test::ProjectFiles;
using test::ValueOf;

TEST_CASE("static sites: pages of an application are its own") {
  for (const char* manifest : {"package.json", "go.mod", "requirements.txt", "pom.xml"}) {
    const ProjectFiles files{{"public/index.html", "<p>"}, {"templates/index.html", "<p>"}};
    files.Put(manifest, manifest == std::string("package.json")
                            ? R"({"scripts": {"start": "node a.js"}})"
                            : "");
    for (const App& app : files.Analyse().apps) {
      CHECK(app.language.value != "static");
    }
  }
}

TEST_CASE("static sites: the directory that is handed out is told") {
  CHECK(ValueOf(ProjectFiles{{"index.html", ""}}.OneApp().output) == ".");
  CHECK(ValueOf(ProjectFiles{{"public/index.html", ""}}.OneApp().output) == "public");
  CHECK(ValueOf(ProjectFiles{{"Staticfile", "root: www\n"}}.OneApp().output) == "www");
}

TEST_CASE(
    "shell: a script is an application by its interpreter or its name, and only without a "
    "manifest") {
  CHECK(ValueOf(ProjectFiles{{"start.sh", "#!/bin/bash\n"}}.OneApp().run) == "bash start.sh");
  CHECK(ValueOf(ProjectFiles{{"start.sh", "echo\n"}}.OneApp().run) == "sh start.sh");
  CHECK(ValueOf(ProjectFiles{{"start.sh", "[[ -n $1 ]]\n"}}.OneApp().run) == "bash start.sh");
  CHECK(ProjectFiles{{"start.sh", "#!/usr/bin/awk -f\n"}}.Analyse().apps.empty());
  CHECK(ProjectFiles{{"backup.sh", "echo\n"}}.Analyse().apps.empty());
  CHECK(ProjectFiles{{"scripts/start.sh", "#!/bin/sh\n"}}.Analyse().apps.empty());
}

}  // namespace casemate::analysis
