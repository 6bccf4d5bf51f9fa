// What a project consists of, as the analysis found it. Plain values; thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/analysis/finding.h"

namespace casemate::analysis {

// What an application is once it is built.
enum class AppKind {
  kService,     // listens on a port
  kStaticSite,  // files that a web server hands out
  kProgram,     // runs and ends, or works without a port
};
// "service", "static_site", "program"
std::string_view ToString(AppKind kind);

struct Dependency {
  std::string name;     // as its package manager calls it
  std::string version;  // as the project asks for it ("^4.18.0", ">=3.2"); empty: any
  Source source;
};

// A variable of the environment that the code, or an example of its configuration, names.
struct EnvironmentVariable {
  std::string name;
  bool is_required = false;  // read without a default, where its lack is an error
  std::string default_value;
  Source source;  // where it was seen first
};

// A Debian package (of bookworm) that something of the project needs.
struct SystemPackage {
  Finding package;  // "libpq5"; the source names the dependency that needs it
  bool is_for_build = false;
};

// A command that the project runs beside or before its main one ("worker", "release"), Procfile(5).
struct ProcessType {
  std::string name;
  Finding command;
};

struct App {
  std::string directory;  // relative to the root of the project; empty: the root itself
  // Where its package manager runs and its lock file lies: a workspace that it is a part of. Equal
  // to `directory` for one that stands alone.
  std::string workspace;
  Finding name;      // [a-z0-9._-]+
  Finding language;  // "javascript", "typescript", "python", … (languages.h)
  AppKind kind = AppKind::kProgram;
  std::optional<Finding> framework;  // "next", "django", "spring-boot", …
  // Of the language's runtime or toolchain, as it is pinned: "20", ">=18 <21", "3.11.4".
  std::optional<Finding> version;
  std::optional<Finding> package_manager;          // "npm", "poetry", "maven", …
  std::optional<Finding> package_manager_version;  // "9.1.0"
  std::optional<Finding> lock_file;                // path from the root of the project
  std::vector<Dependency> dependencies;            // direct ones that it runs with
  std::vector<Finding> install;        // commands that bring dependencies, in `workspace`
  std::vector<Finding> build;          // commands thereafter, in `directory`
  std::optional<Finding> run;          // the command that starts it, in `directory`
  std::vector<ProcessType> processes;  // others beside it
  // What the build leaves to run or to serve, relative to `directory`: "dist", "target/app.jar".
  std::optional<Finding> output;
  std::vector<Finding> ports;                    // that it listens on, the main one first; decimal
  std::vector<EnvironmentVariable> environment;  // by name
  std::optional<Finding> health;                 // path of an HTTP endpoint, "/healthz"
  std::vector<SystemPackage> system_packages;
  std::vector<Finding> native_modules;  // dependencies that are compiled, or carry machine code
  std::vector<Finding> services;        // what it talks to: "postgres", "redis", … (services.h)
  std::vector<Finding> also;            // further languages that its build needs: "javascript"
  // Facts for whoever writes its Dockerfile, named by the language's analyser ("next.output").
  std::map<std::string, std::string> traits;
};

// A service of a compose file, a Dockerfile that is there already.
struct ComposeService {
  std::string name;
  std::string image;               // empty: it is built
  std::string build;               // directory, relative to the root; empty: it is not built
  std::vector<std::string> ports;  // as the file writes them
  Source source;
};
struct ExistingDockerfile {
  std::string path;
  std::string base;                // of its last stage
  std::vector<std::string> ports;  // EXPOSE
  std::string user;                // of its last stage; empty: not set
  std::string command;             // ENTRYPOINT and CMD of its last stage, as written
  std::string health;              // HEALTHCHECK of its last stage, as written
};

struct Analysis {
  std::vector<App> apps;  // by directory
  std::vector<std::string>
      libraries;  // packages of workspaces that are parts of apps only: directories
  std::optional<Finding> monorepo;  // what binds the apps together: "pnpm", "turborepo", "cargo"
  std::vector<ComposeService> compose;
  std::vector<ExistingDockerfile> dockerfiles;
  // What could not be read or was left out, in one sentence each: a person decides whether it
  // matters.
  std::vector<std::string> notes;
  std::size_t files = 0;  // that were seen
};

}  // namespace casemate::analysis
