// Who asks. Value type.
#pragma once

#include <string>
#include <vector>

namespace casemate::policies {

struct Principal {
  std::string id = "local";
  std::string tenant = "local";
  std::vector<std::string> roles = {"owner"};
  // Id of the bearer token that said so, for the record; empty: none was needed. The initialiser
  // lets g++ 12 accept a list that leaves it out.
  std::string token{};  // NOLINT(readability-redundant-member-init)
};

}  // namespace casemate::policies
