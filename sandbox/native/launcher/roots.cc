#include "sandbox/native/launcher/roots.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cstring>
#include <string_view>

#include "sandbox/native/launcher/receive.h"
#include "sandbox/native/launcher/syscalls.h"
#include "sandbox/native/launcher/text.h"

namespace casemate::launcher {
namespace {

constexpr std::uint64_t kDirectory = O_PATH | O_DIRECTORY | O_CLOEXEC;

template <std::size_t kSize>
bool IsAbsolute(const char (&path)[kSize]) {
  return path[0] == '/' && ::strnlen(path, kSize) < kSize;
}

// The path by which the kernel knows the open directory. False: it has none any more.
bool CanonicalPath(int directory, char* path, std::size_t size) {
  char link[32];
  FormatInto(link, sizeof(link), "/proc/self/fd/%d", directory);
  const ssize_t length = ::readlink(link, path, size - 1);
  if (length <= 0 || static_cast<std::size_t>(length) >= size - 1 || path[0] != '/') {
    return false;
  }
  path[length] = '\0';
  return !std::string_view(path).ends_with(" (deleted)");
}

}  // namespace

int Roots::Receive(int socket) {
  if (has_come_) {
    return EALREADY;
  }
  has_come_ = true;
  wire::RootEntry entry;
  while (true) {
    const ssize_t length = ::recv(socket, &entry, sizeof(entry), 0);
    if (length < 0 && errno == EINTR) {
      continue;
    }
    if (length == 0) {
      return 0;
    }
    if (length != static_cast<ssize_t>(sizeof(entry)) || !IsAbsolute(entry.path) ||
        count_ == wire::kMaxRoots) {
      count_ = 0;
      return EPROTO;
    }
    char* const path = ::strdup(entry.path);
    if (path == nullptr) {
      count_ = 0;
      return ENOMEM;
    }
    std::size_t size = std::strlen(path);
    while (size > 0 && path[size - 1] == '/') {
      --size;  // of "/" nothing is left: everything lies below it
    }
    roots_[count_++] = {path, size, entry.writable != 0};
  }
}

const Roots::Root* Roots::RootOf(const char* path) const {
  const Root* innermost = nullptr;
  for (std::size_t i = 0; i < count_; ++i) {
    const Root& root = roots_[i];
    // By components: /srv/app-secrets is not below /srv/app.
    const bool is_below = std::strncmp(path, root.path, root.length) == 0 &&
                          (path[root.length] == '\0' || path[root.length] == '/');
    if (is_below && (innermost == nullptr || root.length > innermost->length)) {
      innermost = &root;
    }
  }
  return innermost;
}

int Roots::Check(int directory, Workspace kind) const {
  char path[wire::kPathBytes];
  const Root* root = CanonicalPath(directory, path, sizeof(path)) ? RootOf(path) : nullptr;
  if (root == nullptr) {
    return EACCES;
  }
  return kind == Workspace::kReadWrite && !root->is_writable ? EROFS : 0;
}

// By a look-up that never leaves the root: 0 when that look-up succeeds or leaves it, so that links
// out of a root tell nothing about what they point to.
int Roots::ReasonBeneath(const char* tidy) const {
  const Root* root = RootOf(tidy);
  if (root == nullptr) {
    return 0;
  }
  const UniqueFd base(::open(root->path, static_cast<int>(kDirectory)));
  const char* relative = tidy + root->length;
  while (*relative == '/') {
    ++relative;
  }
  if (!base.valid() || *relative == '\0') {
    return 0;
  }
  const UniqueFd found(
      sys::OpenAt2(base.get(), relative, kDirectory, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS));
  if (found.valid()) {
    return 0;
  }
  const int reason = LastError();
  const bool is_inside = reason == ENOENT || reason == ENOTDIR || reason == EACCES ||
                         reason == ELOOP || reason == ENAMETOOLONG;
  return is_inside ? reason : 0;
}

void Roots::Open(int socket) const {
  wire::OpenRequest request;
  if (::recv(socket, &request, sizeof(request), MSG_DONTWAIT) !=
          static_cast<ssize_t>(sizeof(request)) ||
      !IsAbsolute(request.path) || !IsAbsolute(request.tidy)) {
    return;
  }
  wire::OpenReply reply;
  const UniqueFd directory(::open(request.path, static_cast<int>(kDirectory)));
  const bool is_inside = directory.valid() &&
                         CanonicalPath(directory.get(), reply.path, sizeof(reply.path)) &&
                         RootOf(reply.path) != nullptr;
  if (!is_inside) {
    // Whoever may not use it is not told where it is.
    std::memset(reply.path, 0, sizeof(reply.path));
    reply.reason = directory.valid() ? 0 : ReasonBeneath(request.tidy);
  }
  const int fd = directory.get();
  static_cast<void>(SendWithFds(socket, &reply, sizeof(reply), &fd, is_inside ? 1 : 0));
}

}  // namespace casemate::launcher
