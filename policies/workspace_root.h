// A host directory below which workspaces may lie; named by the configuration. Value type.
#pragma once

#include <string>

namespace casemate::policies {

struct WorkspaceRoot {
  std::string path;  // canonical absolute host directory
  bool writable = true;
};

}  // namespace casemate::policies
