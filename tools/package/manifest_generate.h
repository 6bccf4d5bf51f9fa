// A manifest for a project that has none, from the analysis of what is in it: applications with how
// they are built and started, a container for each that listens. What the analysis guesses is left
// out, for a person to add. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "tools/analysis/project.h"

namespace casemate::package {

struct GeneratedManifest {
  std::string text;                // JSON, indented, ends with a newline
  std::vector<std::string> notes;  // what a person should know, in one sentence each
};

// `name`: of the project; letters that a name cannot have become "-". Errors: kNotFound when the
// project holds no application.
Result<GeneratedManifest> GenerateManifest(const analysis::Analysis& analysis,
                                           const std::string& name);

// What a name can be made of, from any text; "project" if nothing is left.
std::string AsName(std::string_view text);

}  // namespace casemate::package
