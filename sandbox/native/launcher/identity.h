// User namespaces: id maps of a sandbox and of id-mapped workspace mounts. Functions return 0 or an
// errno.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/unique_fd.h"
#include "sandbox/native/launcher/child.h"

namespace casemate::launcher {

// In the launcher, when it maps any id: makes uid and gid 1000 inside `kernel_id` outside, and lets
// the child go on.
int GiveIdentity(pid_t child, std::uint32_t kernel_id, SharedReport& report);

// In the launcher, when it maps any id: makes the sandbox's user the owner of its stdin, stdout and
// stderr, so far as they are pipes; otherwise opening /dev/stdout would be refused.
int GiveStreams(const Request& request, std::uint32_t kernel_id);

// In the child: waits for the above, or writes its own maps, then becomes uid and gid 1000.
int TakeIdentity(ChildContext& context);

// In the launcher, when it maps any id: a detached copy of the mount tree at `directory` in which
// the files of owner `uid`:`gid` appear as those of `kernel_id`, and new files get the owner's ids
// on disk. `attributes` are MOUNT_ATTR_* to add.
int MakeIdMappedTree(int directory, uid_t uid, gid_t gid, std::uint32_t kernel_id,
                     std::uint64_t attributes, int lifeline, UniqueFd* tree);

}  // namespace casemate::launcher
