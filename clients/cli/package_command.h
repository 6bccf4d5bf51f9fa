// `casemate package`: the tool `build` for a project of this user, through policy and trail like
// any other call. Called from the main thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
}

namespace casemate::cli {

class ToolCalls;

struct PackageArgs {
  std::string path = ".";  // a manifest, or the directory that holds casemate.json
  std::vector<std::string> containers;
  std::string format = "oci";
  bool no_cache = false;
  bool verify = false;
  bool push = false;
  bool json = false;
};

// Makes the stack, in which `directory` is a workspace root; see WithCalls (containers_commands.h).
using WithProjectCalls = std::function<Result<void>(const std::string& directory,
                                                    const std::function<void(ToolCalls&)>& body)>;

// `args` must live until the line is parsed.
void AddPackage(CLI::App& app, PackageArgs& args);
// Returns the exit code: 1 when something could not be packaged, pushed or made again.
int PackageCommand(const PackageArgs& args, const WithProjectCalls& with_calls);

}  // namespace casemate::cli
