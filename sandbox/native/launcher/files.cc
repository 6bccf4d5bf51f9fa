// The injected files. The workspace may be a host directory prepared by an attacker: no link in it
// is followed, no step leaves it, and nothing but a regular file is written to.
#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>
#include <string_view>

#include "sandbox/native/launcher/syscalls.h"
#include "sandbox/native/launcher/workspace.h"

namespace casemate::launcher {
namespace {

constexpr std::uint64_t kStayInside =
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

int OpenDirectory(int parent, const char* name) {
  return sys::OpenAt2(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, kStayInside);
}

// Goes one level down, making the directory if it is missing.
int Descend(UniqueFd* directory, const char* name) {
  UniqueFd next(OpenDirectory(directory->get(), name));
  if (!next.valid() && errno == ENOENT) {
    if (::mkdirat(directory->get(), name, 0755) != 0) {
      return LastError();
    }
    next.Reset(OpenDirectory(directory->get(), name));
  }
  if (!next.valid()) {
    return LastError();
  }
  *directory = std::move(next);
  return 0;
}

int WriteAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0) {
      return LastError();
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int WriteOne(int directory, const char* name, std::string_view content, mode_t mode) {
  // Non-blocking: a FIFO of that name must not hang the launch.
  const UniqueFd file(sys::OpenAt2(directory, name,
                                   O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode,
                                   kStayInside));
  struct stat status = {};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) {
    return LastError();
  }
  if (!S_ISREG(status.st_mode)) {
    return EEXIST;
  }
  if (status.st_size != 0 && ::ftruncate(file.get(), 0) != 0) {
    return LastError();
  }
  if (const int error = WriteAll(file.get(), content); error != 0) {
    return error;
  }
  return ErrorOf(::fchmod(file.get(), mode));
}

// `path` was checked by Request: absolute, short enough, no empty or dotted component.
int Inject(const char* path, std::string_view content, mode_t mode) {
  char buffer[4096];
  std::strncpy(buffer, path, sizeof(buffer) - 1);
  buffer[sizeof(buffer) - 1] = '\0';
  constexpr std::string_view kRun = "/run/casemate/";
  const bool in_run = std::string_view(path).starts_with(kRun);
  const char* base = in_run ? "run/casemate" : "workspace";
  char* name = buffer + (in_run ? kRun.size() : std::strlen("/workspace/"));
  UniqueFd directory(::open(base, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory.valid()) {
    return LastError();
  }
  for (char* slash = std::strchr(name, '/'); slash != nullptr; slash = std::strchr(name, '/')) {
    *slash = '\0';
    if (const int error = Descend(&directory, name); error != 0) {
      return error;
    }
    name = slash + 1;
  }
  return WriteOne(directory.get(), name, content, mode);
}

}  // namespace

int WriteFiles(ChildContext& context) {
  const Request& request = context.request;
  for (std::uint32_t i = 0; i < request.spec().files.count; ++i) {
    const wire::FileEntry& file = request.File(i);
    if (const int error =
            Inject(request.Text(file.path), request.Bytes(file.content), file.mode & 0777);
        error != 0) {
      return error;
    }
  }
  return 0;
}

}  // namespace casemate::launcher
