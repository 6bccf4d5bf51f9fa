// The server's configuration: config.yaml (version 1), overridden by CASEMATE_* variables, then by
// flags. Unknown keys are errors that name the nearest valid one. Value type.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "mcp/http/server.h"
#include "policies/opa/options.h"
#include "policies/workspace_root.h"
#include "sandbox/container/run/images.h"
#include "sandbox/native/mode.h"

namespace casemate {

enum class AuthMode {
  kSimple,      // one local principal, no tokens: stdio, unix sockets and loopback only
  kEnterprise,  // bearer tokens
};

struct HttpConfig {
  std::vector<http::Endpoint> endpoints;     // key `http.listen`; empty: stdio only
  http::TlsFiles tls;                        // key `http.tls`; empty: none. Part of each TCP
                                             // endpoint already
  bool trusted_proxy = false;                // key `http.trusted_proxy`
  std::vector<std::string> allowed_origins;  // key `http.allowed_origins`
  std::vector<std::string> allowed_hosts;    // key `http.allowed_hosts`
  http::Limits limits;  // keys `http.max_body_bytes`, `max_connections`, `max_streams`,
                        // `header_timeout_s`, `body_timeout_s`, `idle_timeout_s`, `write_timeout_s`
  bool metrics = false;                     // key `http.metrics`: GET /metrics is there
  std::size_t max_sessions = 1024;          // key `http.max_sessions`
  std::chrono::seconds session_idle{3600};  // key `http.session_idle_s`
};

// How many finished runs keep their full output: what goes beyond any of these is removed.
struct RunsConfig {
  std::size_t keep = 200;      // key `runs.keep`
  std::size_t keep_days = 7;   // key `runs.keep_days`
  std::size_t keep_mb = 1024;  // key `runs.keep_mb`
};

struct JobsConfig {
  std::size_t max_running = 32;  // key `jobs.max_running`
};

// Of the toolset `containers`.
struct ContainersConfig {
  std::string engine = "auto";               // key `containers.engine`: auto, docker or podman
  std::string socket;                        // key `containers.socket`; empty: it is looked for
  std::vector<container::ImageRule> images;  // key `containers.images`; none: no new containers
  std::string user = "65532:65532";          // key `containers.user`
  std::string signatures;  // key `containers.signatures`; empty: the built-in ones
};

struct PackagesConfig {
  std::vector<container::ImageRule> push;  // key `packages.push`: where images may be pushed to
  std::string credentials;                 // key `packages.credentials`: by reference
  std::string ca_file;                     // key `packages.ca_file`: PEM; empty: the system's
};

struct Config {
  std::string state_dir;  // $CASEMATE_STATE_DIR, else $XDG_STATE_HOME/casemate, else
                          // ~/.local/state/casemate
  std::string
      config_file;   // $CASEMATE_CONFIG, else $XDG_CONFIG_HOME/casemate/config.yaml; may not exist
  std::string user;  // key `user`: whom root's server works as (service_user.h)
  std::string policy_file;  // $CASEMATE_POLICY or key `policy_file`: a file or the name of a policy
                            // that ships; empty: the first of those
  std::string policy_shadow;  // key `policy_shadow`: likewise; a candidate that is only noted
  std::vector<policies::WorkspaceRoot>
      workspace_roots;  // key `workspace_roots`: list of paths or {path, writable}
  std::string default_profile = "default";             // key `default_profile`
  std::size_t max_line_bytes = std::size_t{16} << 20;  // key `max_line_bytes`
  std::size_t max_concurrent_calls = 16;               // key `max_concurrent_calls`
  std::size_t warm_sandboxes = 4;                      // key `warm_sandboxes`; 0: none
  sandbox::Mode sandbox_mode =
      sandbox::Mode::kStrict;                    // $CASEMATE_SANDBOX_MODE or key `sandbox.mode`
  std::vector<std::string> toolsets = {"core"};  // key `toolsets`; names are well-formed only
  AuthMode auth_mode = AuthMode::kSimple;        // key `auth.mode`
  HttpConfig http;                               // keys `http.*`
  RunsConfig runs;                               // keys `runs.*`
  JobsConfig jobs;                               // keys `jobs.*`
  ContainersConfig containers;                   // keys `containers.*`
  PackagesConfig packages;                       // keys `packages.*`
  policies::OpaOptions rego;                     // $CASEMATE_OPA and keys `rego.*`
};

// The initialisers let g++ 12 accept designated initialisers that name only some members.
// NOLINTBEGIN(readability-redundant-member-init)
struct ConfigOverrides {
  std::string config_file{};  // empty: not given
  std::string state_dir{};
  std::string policy_file{};
  std::vector<std::string> workspace_roots{};  // added to those of the file
  std::vector<std::string> http_listen{};      // instead of those of the file, as all below
  std::vector<std::string> toolsets{};
  std::string tls_certificate{};
  std::string tls_key{};
  std::string sandbox_mode{};
  std::string default_profile{};
};
// NOLINTEND(readability-redundant-member-init)

// Of `places` for work, how many one principal may take: all in simple mode, where there is only
// one; otherwise three quarters, and at least one less (of one place, that one).
std::size_t ShareOfOne(const Config& config, std::size_t places);

// Reads environment and file. A config file named explicitly must exist.
// Errors: kInvalidArgument "config.yaml:3:1: unknown key `worksapce_roots`; did you mean
// `workspace_roots`?"
Result<Config> LoadConfig(const ConfigOverrides& overrides);

}  // namespace casemate
