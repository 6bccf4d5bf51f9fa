// `casemate manifest`: the manifest of a project, written, checked, hashed and compared. Reads and
// writes files as the user who calls it, asks a registry with `pin` alone, runs nothing, and needs
// no server, policy or trail. Called from the main thread.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace casemate::cli {

struct ManifestArgs {
  std::string action;      // "init", "validate", "hash", "graph", "diff", "pin", "schema"
  std::string path = ".";  // a manifest, or the directory that holds casemate.json
  std::string other;       // with diff: the newer one
  std::string name;        // with init: of the project; empty: the directory's
  std::string image;       // with pin
  bool plain_http = false;
  bool save = false;
  bool overwrite = false;
  bool canonical = false;
  std::string format = "text";  // with graph: text, dot, json
  bool json = false;
};

// `args` must live until the line is parsed.
void AddManifest(CLI::App& app, ManifestArgs& args);
// Returns the exit code: 1 when the manifest is wrong, the two differ, or there is one already.
int ManifestCommand(const ManifestArgs& args);

}  // namespace casemate::cli
