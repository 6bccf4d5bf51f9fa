// The server's configuration: config.yaml (version 1), overridden by CASEMATE_* variables, then by
// flags. Unknown keys are errors that name the nearest valid one. Value type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "policies/workspace_root.h"

namespace casemate {

struct Config {
  std::string state_dir;  // $CASEMATE_STATE_DIR, else $XDG_STATE_HOME/casemate, else
                          // ~/.local/state/casemate
  std::string
      config_file;  // $CASEMATE_CONFIG, else $XDG_CONFIG_HOME/casemate/config.yaml; may not exist
  std::string policy_file;  // $CASEMATE_POLICY or key `policy_file`; empty: the shipped policy
  std::vector<policies::WorkspaceRoot>
      workspace_roots;  // key `workspace_roots`: list of paths or {path, writable}
  std::string default_profile = "default";             // key `default_profile`
  std::size_t max_line_bytes = std::size_t{16} << 20;  // key `max_line_bytes`
  std::size_t max_concurrent_calls = 16;               // key `max_concurrent_calls`
};

// The initialisers let g++ 12 accept designated initialisers that name only some members.
// NOLINTBEGIN(readability-redundant-member-init)
struct ConfigOverrides {
  std::string config_file{};  // empty: not given
  std::string state_dir{};
  std::string policy_file{};
  std::vector<std::string> workspace_roots{};
};
// NOLINTEND(readability-redundant-member-init)

// Reads environment and file. A config file named explicitly must exist.
// Errors: kInvalidArgument "config.yaml:3:1: unknown key `worksapce_roots`; did you mean
// `workspace_roots`?"
Result<Config> LoadConfig(const ConfigOverrides& overrides);

}  // namespace casemate
