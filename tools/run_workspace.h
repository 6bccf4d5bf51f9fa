// The host directory that a call names as its workspace: opened once, judged by the path of what
// was opened, and mounted by that same descriptor, so that nothing can be swapped in between
// (attack: symlink-swap race). Owned by one call.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "policies/grant.h"
#include "policies/profiles/profile.h"
#include "policies/workspace_root.h"
#include "sandbox/native/runner.h"
#include "sandbox/native/spec.h"

namespace casemate::tools {

struct OpenedWorkspace {
  UniqueFd directory;  // O_PATH; not valid when outside of every root
  // What policy judges: canonical when below a root. Otherwise only the caller's own words, tidied,
  // whether or not anything is there: a refusal must not tell what exists outside of the roots.
  std::string path;
  const policies::WorkspaceRoot* root = nullptr;  // of the span given to OpenWorkspace
};

// The innermost root that is `path` or one of its parents, by whole components; null: none.
const policies::WorkspaceRoot* RootOf(std::string_view path,
                                      std::span<const policies::WorkspaceRoot> roots);

// `path` is absolute; `roots` are those that the runner's launcher was started with. Errors:
// kInvalidArgument for "args.workspace" when it lies below a root and is no directory there;
// kUnavailable when the launcher cannot tell.
Result<OpenedWorkspace> OpenWorkspace(sandbox::SandboxRunner& runner, const std::string& path,
                                      std::span<const policies::WorkspaceRoot> roots);

// How it is mounted: what the profile asks for, and never more than what is granted.
// Errors: kPermissionDenied when the grant covers no host workspace.
Result<sandbox::WorkspaceKind> MountKind(policies::WorkspaceMode asked,
                                         policies::WorkspaceAccess granted);

// "private", "host_read_write", "host_read_only", "host_overlay"
std::string_view ToString(sandbox::WorkspaceKind kind);

}  // namespace casemate::tools
