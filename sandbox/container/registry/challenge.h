// What a registry asks for in WWW-Authenticate (RFC 9110, 11.6.1). Plain values and pure functions;
// thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace casemate::registry {

// NOLINTBEGIN(readability-redundant-member-init)
struct Challenge {
  std::string scheme;                                             // in lower case: "bearer"
  std::vector<std::pair<std::string, std::string>> parameters{};  // names in lower case

  // The first with that name, or empty.
  [[nodiscard]] std::string_view Find(std::string_view name) const;
};
// NOLINTEND(readability-redundant-member-init)

// Those of one header, in their order. What cannot be read ends it: those before it count. Bounded.
std::vector<Challenge> ParseChallenges(std::string_view header);

}  // namespace casemate::registry
