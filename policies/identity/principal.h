// Who asks. Value type.
#pragma once

#include <string>
#include <vector>

namespace casemate::policies {

struct Principal {
  std::string id = "local";
  std::string tenant = "local";
  std::vector<std::string> roles = {"owner"};
};

}  // namespace casemate::policies
