#include "sandbox/container/build/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace casemate::container {

namespace {

constexpr std::size_t kShownPathBytes = 200;
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

std::string ShownPath(std::string_view path) {
  const bool cut = path.size() > kShownPathBytes;
  const std::string_view end = path.substr(cut ? path.size() - kShownPathBytes : 0);
  return (cut ? "\"…" : "\"") + EscapeControls(ToValidUtf8(end), false) + '"';
}

Error ContextError(std::string_view what, std::string_view path, int err) {
  const bool denied = err == EACCES || err == EPERM;
  const bool changed = err == ENOENT || err == ENOTDIR || err == ELOOP || err == EXDEV;
  Error error = ErrnoError(std::string(what) + ' ' + ShownPath(path), err);
  error.code = denied    ? ErrorCode::kPermissionDenied
               : changed ? ErrorCode::kInvalidArgument
                         : ErrorCode::kInternal;
  error.field = "context";
  error.remedy = denied    ? "make it readable, or exclude it in .dockerignore"
                 : changed ? "it changed while it was read: build again when nothing writes to it"
                           : "exclude it in .dockerignore, or mend the file system";
  return error;
}

}  // namespace casemate::container
