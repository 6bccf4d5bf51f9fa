// Where a container engine may be, and the first that answers. What the environment says comes
// before what is usual; each candidate knows how it was found, for `casemate doctor` and for
// errors. Thread-safe; no engine is started, and nothing but unix sockets is used.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/container/engine/engine.h"

namespace casemate::container {

struct EngineCandidate {
  std::string socket;  // path
  std::string found;   // "DOCKER_HOST", "docker context `work`", "default place of Docker"
  // The usual place of an engine that need not be there: its absence is no finding.
  bool is_guess = false;
  // It is named, but cannot be used: DOCKER_HOST=tcp://…, a context that does not exist.
  std::optional<Error> error;
};

// What the search looks at; Current() takes it from the process.
struct DiscoveryInput {
  std::string configured;      // path, `containers.socket`; empty: none
  std::string docker_host;     // $DOCKER_HOST
  std::string docker_context;  // $DOCKER_CONTEXT, which comes before the configuration's
  std::string docker_config;   // directory: $DOCKER_CONFIG, else ~/.docker
  std::string runtime_dir;     // $XDG_RUNTIME_DIR

  static DiscoveryInput Current(std::string configured);
};

// In the order in which they are tried, each socket once. A configured path is the only one then.
// Reads the files of docker contexts, and nothing else.
std::vector<EngineCandidate> FindCandidates(const DiscoveryInput& input);

// unix:///path, or nothing else. Errors: kInvalidArgument that names `field`.
Result<std::string> SocketOfUrl(std::string_view url, const std::string& field);

// The first engine that answers. `kind`: "auto", "docker" or "podman"; `socket`: a path, or empty.
// Errors: kInvalidArgument for another kind, or a place that is named but cannot be used;
// kUnavailable, with all that was tried; kCancelled.
Result<std::unique_ptr<Engine>> FindEngine(const std::string& kind, const std::string& socket,
                                           const std::stop_token& stop = {});

}  // namespace casemate::container
