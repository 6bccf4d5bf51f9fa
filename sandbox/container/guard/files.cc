#include "sandbox/container/guard/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sandbox/container/guard/protocol.h"
#include "sandbox/container/guard/transfer.h"

namespace casemate::container::guard {
namespace {

constexpr std::size_t kChunk = 65536;
constexpr mode_t kDirectoryMode = 0755;

bool Refuse(int err) {
  errno = err;
  return false;
}

// The directory in which the last name of `path` lies, made where it is missing; `path` is moved to
// that name. -1: errno says why.
int OpenParent(char*& path) {
  const char* start = ".";
  if (path[0] == '/') {
    if (std::strncmp(path, kCodeDirectory, std::strlen(kCodeDirectory)) != 0) {
      errno = EACCES;
      return -1;
    }
    path += std::strlen(kCodeDirectory);
    start = kCodeDirectory;
  }
  int at = open(start, O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (char* slash = std::strchr(path, '/'); at >= 0 && slash != nullptr;
       slash = std::strchr(path, '/')) {
    *slash = '\0';
    if (std::strcmp(path, "..") == 0) {
      close(at);
      errno = EACCES;
      return -1;
    }
    if (mkdirat(at, path, kDirectoryMode) != 0 && errno != EEXIST) {
      const int err = errno;
      close(at);
      errno = err;
      return -1;
    }
    const int next = openat(at, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const int err = errno;
    close(at);
    errno = err;
    at = next;
    path = slash + 1;
  }
  return at;
}

bool CopyIn(int from, int to, std::uint64_t size) {
  static char chunk[kChunk];
  while (size > 0) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(size, sizeof chunk));
    if (!ReadAll(from, chunk, part) || !WriteAll(to, chunk, part)) {
      return false;
    }
    size -= part;
  }
  return true;
}

}  // namespace

bool TakeFile(int fd) {
  static char path[kMaxPath + 1];
  FileHead head;
  if (!ReadAll(fd, &head, sizeof head)) {
    return false;
  }
  if (head.path_size == 0 || head.path_size > kMaxPath || (head.mode & ~0777U) != 0) {
    return Refuse(EPROTO);
  }
  if (!ReadAll(fd, path, head.path_size)) {
    return false;
  }
  path[head.path_size] = '\0';
  char* name = path;
  const int parent = OpenParent(name);
  if (parent < 0) {
    return false;
  }
  // What is there is replaced, never written through.
  if (unlinkat(parent, name, 0) != 0 && errno != ENOENT) {
    const int err = errno;
    close(parent);
    return Refuse(err);
  }
  const int file =
      openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, head.mode);
  int err = errno;
  close(parent);
  if (file < 0) {
    return Refuse(err);
  }
  const bool copied = CopyIn(fd, file, head.size) && fchmod(file, head.mode) == 0;
  err = errno;
  close(file);
  return copied || Refuse(err);
}

}  // namespace casemate::container::guard
