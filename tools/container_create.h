// The call container_lifecycle with action create: a container for a service, from an allowed
// image, as closed as those of `run` unless the grant opens it, under the guard. Once it has begun
// it lives on without us.
#pragma once

#include <memory>
#include <span>

#include "policies/workspace_root.h"
#include "sandbox/container/containers.h"
#include "sandbox/native/runner.h"
#include "tools/container_lifecycle_args.h"
#include "tools/tool.h"

namespace casemate::tools {

// Opens the workspace and looks the image up. Borrows all but the arguments. Errors: those of
// Containers::FindImage and OpenWorkspace.
Result<std::unique_ptr<PreparedCall>> PrepareCreate(container::Containers& containers,
                                                    sandbox::SandboxRunner& runner,
                                                    std::span<const policies::WorkspaceRoot> roots,
                                                    LifecycleArgs args,
                                                    const std::stop_token& stop);

// The result of an action after which `container` is to run: its state, and what is wrong with it
// when it has ended within a moment. `done`: "created", "started".
ToolResult BegunResult(const container::Engine& engine, const std::string& container,
                       LifecycleAction action, const std::string& done, CallContext& context);
// Of the engine's refusal to begin: with the next step for what it says.
Error CannotBegin(Error error);
// Of an action on a container as it is now; the state is left out of one that is gone.
ToolResult ActionResult(LifecycleAction action, const std::string& text,
                        const container::ContainerDetails& container);

}  // namespace casemate::tools
