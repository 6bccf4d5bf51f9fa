// Files that say how a project runs, whatever its language: Procfile, compose files, Dockerfiles.
// Stateless; as thread-safe as the tree.
#pragma once

#include <string>
#include <vector>

#include "tools/analysis/project.h"
#include "tools/analysis/source_tree.h"

namespace casemate::analysis {

// The processes of `directory`/Procfile in its order; empty: there is none.
std::vector<ProcessType> ReadProcfile(const SourceTree& tree, const std::string& directory);
// Of all compose files (compose.yaml, docker-compose.yml, …) of the project.
std::vector<ComposeService> ReadComposeFiles(const SourceTree& tree);
std::vector<ExistingDockerfile> ReadDockerfiles(const SourceTree& tree);
// "postgres" of "postgres:16-alpine" or "bitnami/postgresql"; empty: no service that we know.
std::string ServiceOfImage(std::string_view image);

}  // namespace casemate::analysis
