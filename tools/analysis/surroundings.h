// What lies around an application and says how it runs, whatever its language: Procfile,
// .env.example, Dockerfiles, compose files, its own and those of the directories above it.
// Stateless; as thread-safe as the tree.
#pragma once

#include <string>

#include "tools/analysis/project.h"
#include "tools/analysis/source_tree.h"

namespace casemate::analysis {

// The command that an image starts, as one line; empty when it is about files of the image.
std::string CommandOf(const ExistingDockerfile& file);
// Completes `analysis.apps`; `compose` and `dockerfiles` are there already.
void ApplySurroundings(const SourceTree& tree, Analysis& analysis);

}  // namespace casemate::analysis
