#include "sandbox/native/launcher/expected.h"

#include <cstring>
#include <type_traits>

namespace casemate::launcher {
namespace {

// What a sandbox is locked by. The rest of a spec is only read once its call is there.
wire::LaunchSpec Lockable(const wire::LaunchSpec& spec) {
  wire::LaunchSpec lockable = spec;
  lockable.total_bytes = 0;
  lockable.hold = 0;
  lockable.must_hold = 0;
  lockable.argv = {};
  lockable.env = {};
  lockable.files = {};
  lockable.workspace_path = {};
  lockable.workspace_dev = 0;
  lockable.workspace_ino = 0;
  lockable.seccomp = {sizeof(wire::LaunchSpec), spec.seccomp.length};
  return lockable;
}

// Files and workspaces need rights to mount.
bool CanLockFor(const wire::LaunchSpec& spec) {
  return Workspace{spec.workspace} == Workspace::kPrivate && spec.files.count == 0;
}

}  // namespace

bool Expected::Fits(const Request& request) const {
  static_assert(std::has_unique_object_representations_v<wire::LaunchSpec>);
  const wire::LaunchSpec lockable = Lockable(request.spec());
  return CanLockFor(request.spec()) &&
         std::memcmp(&lockable, &learned_.spec, sizeof(lockable)) == 0 &&
         std::memcmp(learned_.filter, request.Text(request.spec().seccomp),
                     lockable.seccomp.length) == 0;
}

void Expected::Learn(const Request& request) {
  if (Fits(request)) {
    alike_ = alike_ < kEnough ? alike_ + 1 : alike_;
    return;
  }
  const std::string_view filter = request.Bytes(request.spec().seccomp);
  const bool can_lock = CanLockFor(request.spec()) && filter.size() <= kMaxFilterBytes;
  alike_ = can_lock ? 1 : 0;
  learned_.spec = Lockable(request.spec());
  if (can_lock) {
    std::memcpy(learned_.filter, filter.data(), filter.size());
  } else {
    learned_.spec.seccomp = {};
  }
}

}  // namespace casemate::launcher
