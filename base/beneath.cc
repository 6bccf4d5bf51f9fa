#include "base/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace casemate {

namespace {

constexpr int kMaxTries = 1000;

}  // namespace

UniqueFd OpenBeneath(int root, const std::string& path, int flags, InnerLinks links) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  if (links == InnerLinks::kRefuse) {
    how.flags |= O_NOFOLLOW;
    how.resolve |= RESOLVE_NO_SYMLINKS;
  }
  long fd = -1;
  // EAGAIN: something was renamed meanwhile, and the kernel could not be sure.
  for (int tries = 0; tries < kMaxTries; ++tries) {
    fd = syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how));
    if (fd >= 0 || (errno != EINTR && errno != EAGAIN)) {
      break;
    }
  }
  return UniqueFd(static_cast<int>(fd));
}

}  // namespace casemate
