// Build: an image from a context by the engine's own builder: BuildKit in Docker, its legacy
// builder where there is no BuildKit, Podman's. What each of them tells becomes the same events.
// Blocks until the build is over; thread-safe.
#pragma once

#include <stop_token>

#include "base/result.h"
#include "sandbox/container/build/build_events.h"
#include "sandbox/container/build/build_request.h"
#include "sandbox/container/build/context.h"
#include "sandbox/container/engine/engine.h"

namespace casemate::container {

// A build that fails is a result that says so. `sink` may be empty; the request must have been
// allowed. `stop` closes the connection: Docker ends the build, Podman when the
// command that is under way has ended.
// Errors: kInvalidArgument for the request, the context, and what the engine objects to;
// kPermissionDenied for limits that the builder cannot hold, and a Dockerfile that would leave its
// network; kUnavailable when the engine is absent or broke off; kCancelled; kInternal for answers
// that are none.
Result<BuildResult> Build(const Engine& engine, const BuildContext& context,
                          const BuildRequest& request, const BuildSink& sink,
                          const std::stop_token& stop);

}  // namespace casemate::container
