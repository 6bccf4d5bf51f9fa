// `casemate analyze`: what a project is and how it is built and started. Reads files as the user
// who calls it, runs nothing, and needs no server, policy or trail. Called from the main thread.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace casemate::cli {

struct AnalyzeArgs {
  std::string directory = ".";
  bool json = false;
};

// `args` must live until the line is parsed.
void AddAnalyze(CLI::App& app, AnalyzeArgs& args);

// Returns the exit code: 1 when nothing was found that can be built or started.
int AnalyzeCommand(const AnalyzeArgs& args);

}  // namespace casemate::cli
