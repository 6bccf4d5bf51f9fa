// `casemate artifact`: what was made here, its bill of materials and its provenance. Reads and
// changes the artifact store of the state directory as its owner, who sees everybody's. Called from
// the main thread.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "tools/artifacts/artifact_store.h"

namespace CLI {
class App;
}

namespace casemate::cli {

struct ArtifactListArgs {
  std::string name;  // empty: all
  bool json = false;
};
struct ArtifactGetArgs {
  std::string id;
  std::string output;  // FILE.tar or a directory; empty: nothing is written
  std::string format = "oci";
  bool sbom = false;
  bool provenance = false;
  bool public_key = false;
  bool json = false;
};
struct ArtifactVerifyArgs {
  std::string id;
  bool json = false;
};
struct ArtifactRmArgs {
  std::string id;
};
struct ArtifactPruneArgs {
  std::int64_t max_mb = -1;        // -1: any
  std::int64_t max_age_days = -1;  // -1: any
  bool json = false;
};
using ArtifactArgs = std::variant<ArtifactListArgs, ArtifactGetArgs, ArtifactVerifyArgs,
                                  ArtifactRmArgs, ArtifactPruneArgs>;

struct ArtifactFlags {
  ArtifactListArgs list;
  ArtifactGetArgs get;
  ArtifactVerifyArgs verify;
  ArtifactRmArgs rm;
  ArtifactPruneArgs prune;
};
// `flags` must live until the line is parsed.
void AddArtifact(CLI::App& app, ArtifactFlags& flags);
// Which of the subcommands was given.
ArtifactArgs ArtifactWork(const CLI::App& app, ArtifactFlags flags);

// Returns the exit code: 1 when there is no such artifact, or it is not whole. `state_dir`: where
// the installation's key lies.
int ArtifactCommand(const ArtifactArgs& args, artifacts::ArtifactStore& store,
                    const std::string& state_dir);

}  // namespace casemate::cli
