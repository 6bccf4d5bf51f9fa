// BuildRequest: what a build is asked for, and the query of POST /build that asks for it. Closed by
// default: no network for commands, no image fetched anew. A value; nothing here is checked against
// policy, which whoever makes one has done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sandbox/container/build/build_events.h"
#include "sandbox/container/build/context.h"
#include "sandbox/container/engine/types.h"

namespace casemate::container {

// Of the commands that a build runs. What the engine itself fetches (FROM, ADD of a URL, a frontend
// named by `# syntax=`) it fetches in either case.
enum class BuildNetwork : std::uint8_t {
  kNone,
  kDefault,  // the engine's network for builds; never the host's
};

enum class BuilderChoice : std::uint8_t {
  kAuto,    // BuildKit, and the legacy builder where the engine has no BuildKit
  kLegacy,  // which holds limits that BuildKit does not
};

struct BuildUlimit {
  std::string name;  // "nofile"
  std::int64_t soft = 0;
  std::int64_t hard = 0;
};

// The initialisers let g++ 12 accept designated initialisers that name only some members.
// NOLINTBEGIN(readability-redundant-member-init)
struct BuildRequest {
  std::string target{};             // stage; empty: the last
  std::vector<std::string> tags{};  // "name:tag"
  Labels build_args{};              // values of ARG
  Labels labels{};                  // of the image
  BuildNetwork network = BuildNetwork::kNone;
  ContainerLimits limits{};            // of each command; 0: none
  bool allow_unheld_limits = false;    // go on where the builder cannot hold one of them
  std::vector<BuildUlimit> ulimits{};  // with the legacy builder and Podman
  bool no_cache = false;
  bool pull = false;  // fetch base images anew
  BuilderChoice builder = BuilderChoice::kAuto;
  std::size_t max_log_bytes = std::size_t{16} << 20;  // that the sink is told
  std::int64_t idle_ms = 0;  // a build that says nothing for so long is given up; 0: any time
};
// NOLINTEND(readability-redundant-member-init)

// Errors: kInvalidArgument, with the field.
Result<void> CheckBuildRequest(const BuildRequest& request);
// Those of `limits` that a builder cannot hold: "memory", "cpu", "pids". BuildKit in Docker holds
// none, the others memory and cpu.
std::vector<std::string> UnheldLimits(Builder builder, const ContainerLimits& limits);
// kPermissionDenied when it would not stay within the network it is given: newer Podman obeys
// `RUN --network=host` whatever the request says, and runs Dockerfiles named *.in through cpp(1).
Result<void> CheckForPodman(const BuildRequest& request, const BuildContext& context);
// "?dockerfile=…&…", escaped. `builder` decides how it is said.
std::string BuildQuery(const BuildRequest& request, const BuildContext& context, Builder builder);

}  // namespace casemate::container
