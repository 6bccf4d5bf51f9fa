// Dockerfile and .dockerignore of one application, from the analysis of its project: multi-stage,
// dependencies before sources, run by a user who is not root. Pure but for the digests that it asks
// for; as thread-safe as the tree.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "tools/analysis/project.h"
#include "tools/analysis/source_tree.h"
#include "tools/containerize/base_images.h"

namespace casemate::containerize {

struct GenerateOptions {
  std::string app;       // its directory or its name; empty: the only one there is
  bool explain = false;  // comments that give the reason for each instruction
  BaseMap base_map;
  DigestSource digests;  // empty: images are named by their tags
};

struct BaseImage {
  std::string name;       // as its registry names it
  std::string reference;  // as the Dockerfile names it: by the base map, with the digest
  std::string digest;     // empty: nobody could tell it
};

struct Generated {
  std::string app;              // its name
  std::string directory;        // of it, from the root of the tree
  std::string context;          // directory that is given to the build
  std::string dockerfile_path;  // from the root of the tree
  std::string dockerfile;
  std::string ignore_path;
  std::string ignore;
  std::string language;
  std::vector<BaseImage> images;
  std::string user;
  std::string port;     // empty: it listens on none
  std::string command;  // how it is started, as the exec form has it
  bool has_healthcheck = false;
  std::vector<std::string> notes;  // what a person should know, in one sentence each
};

// Errors: kInvalidArgument names `app` when it is none of the project's or must be chosen,
// kNotFound when the project holds nothing that can be built, kUnavailable when there is no recipe
// for it.
Result<Generated> GenerateDockerfile(const analysis::SourceTree& tree,
                                     const analysis::Analysis& analysis,
                                     const GenerateOptions& options);

// {"app", "directory", "context", "dockerfile_path", "dockerfile", …}, as docs/dockerfile.md lists
// them.
nlohmann::json GeneratedJson(const Generated& generated);
nlohmann::json GeneratedSchema();

}  // namespace casemate::containerize
