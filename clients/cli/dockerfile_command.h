// `casemate dockerfile`: what is wrong with a Dockerfile, and one for a project that has none.
// Reads and writes files as the user who calls it, runs nothing, and needs no server, policy or
// trail. Called from the main thread.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace casemate::cli {

struct DockerfileLintArgs {
  std::vector<std::string> files;  // none: Dockerfile; "-": standard input
  bool json = false;
  std::string fail_on = "warning";  // a severity
  std::vector<std::string> ignore;
  std::vector<std::string> enable;
  std::vector<std::string> registries;
};

struct DockerfileGenerateArgs {
  std::string directory = ".";
  std::string app;  // its directory or name; empty: the only one
  bool explain = false;
  bool save = false;
  bool overwrite = false;
  bool json = false;
  std::vector<std::string> base_map;
  std::string pin = "local";  // "local", "registry", "none"
};

// All must live until the line is parsed.
void AddDockerfile(CLI::App& app, DockerfileLintArgs& lint, DockerfileGenerateArgs& generate,
                   DockerfileGenerateArgs& explain);

// Returns the exit code: 1 when something at least as severe as `fail_on` was found.
int DockerfileLintCommand(const DockerfileLintArgs& args);
// Returns the exit code: 1 when nothing can be generated, or something is there already.
int DockerfileGenerateCommand(const DockerfileGenerateArgs& args);

}  // namespace casemate::cli
