// The private file system of a sandbox. Steps run in the child, in the order given here, with the
// new root as working directory from MountRoot on: relative paths are inside it, absolute ones are
// the host's. The new root holds nothing that came from a caller, so no path in it can be a trap.
// Functions return 0 or an errno.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "sandbox/native/launcher/child.h"

namespace casemate::launcher {

int MakeMountsPrivate(ChildContext& context);
int MountRoot(ChildContext& context);
int MountSystem(ChildContext& context);
int MakeEtc(ChildContext& context);
int MakeDev(ChildContext& context);
int MountProc(ChildContext& context);
int MaskProc(ChildContext& context);
int MountTmp(ChildContext& context);  // with a private workspace
int PivotRoot(ChildContext& context);
// From here on the request is known, and absolute paths are inside as well.
int FitTmp(ChildContext& context);  // to the sizes that the request wants
int MountGenerated(ChildContext& context);
// MountWorkspace and WriteFiles of workspace.h come here.
int LockRoot(ChildContext& context);

// Building blocks.
int MakeDirectory(const char* path, mode_t mode);
int MakeFile(const char* path, const char* text, mode_t mode);
int MakeLink(const char* target, const char* path);
int Bind(const char* source, const char* target);
// With everything mounted below it; nosuid, nodev and read-only throughout.
int BindReadOnly(const char* source, const char* target);
// nosuid and nodev. `mode` is octal text. The limits must not be zero: tmpfs takes that as none.
int MountTmpfs(const char* target, std::uint64_t bytes, std::uint64_t inodes, const char* mode);
// Changes the limits of one that is mounted.
int ResizeTmpfs(const char* target, std::uint64_t bytes, std::uint64_t inodes);

}  // namespace casemate::launcher
