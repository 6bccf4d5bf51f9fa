// /workspace: private, a host directory, or copy-on-write over one; and the files injected into it.
// Steps run in the child; functions return 0 or an errno.
#pragma once

#include "sandbox/native/launcher/child.h"

namespace casemate::launcher {

// In the launcher, when it maps any id: the id-mapped tree of the request's workspace directory.
int MakeWorkspaceTree(const Request& request, std::uint32_t kernel_id, int lifeline,
                      UniqueFd* tree);

// Before the new root covers host paths: an ordinary user's launcher cannot make the tree outside,
// so the child opens the path itself and checks that it is the directory that policy judged.
int OpenWorkspace(ChildContext& context);

int MountWorkspace(ChildContext& context);

int WriteFiles(ChildContext& context);

}  // namespace casemate::launcher
