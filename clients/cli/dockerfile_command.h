// `casemate dockerfile lint`: what is wrong with a Dockerfile. Reads files as the user who calls
// it, runs nothing, and needs no server, policy or trail. Called from the main thread.
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

// `args` must live until the line is parsed.
void AddDockerfile(CLI::App& app, DockerfileLintArgs& args);

// Returns the exit code: 1 when something at least as severe as `fail_on` was found.
int DockerfileLintCommand(const DockerfileLintArgs& args);

}  // namespace casemate::cli
