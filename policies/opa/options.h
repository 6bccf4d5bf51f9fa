// What the configuration says about Rego. Value type.
#pragma once

#include <cstdint>
#include <string>

namespace casemate::policies {

// Defaults are those of the configuration. The initialisers let g++ 12 accept designated ones that
// name only some members.
// NOLINTBEGIN(readability-redundant-member-init)
struct OpaOptions {
  std::string bundle{};            // key `rego.bundle`; empty: no Rego
  std::string opa{};               // CASEMATE_OPA or key `rego.opa`; empty: see OpaProgram::Find
  std::string verification_key{};  // key `rego.verification_key`: public key (PEM, P-256) or empty
  std::int64_t budget_ms = 25;     // key `rego.budget_ms`: for one decision, 1 to 1000
};
// NOLINTEND(readability-redundant-member-init)

}  // namespace casemate::policies
