#include "sandbox/native/launcher/cgroup_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/unique_fd.h"
#include "sandbox/native/launcher/syscalls.h"
#include "sandbox/native/launcher/text.h"

namespace casemate::launcher {
namespace {

bool ParseNumber(const char* text, std::uint64_t* value) {
  if (std::isdigit(static_cast<unsigned char>(*text)) == 0) {
    return false;
  }
  *value = std::strtoull(text, nullptr, 10);
  return true;
}

bool IsListed(int base, const char* group, pid_t pid) {
  std::FILE* list = OpenProcessList(base, group);
  if (list == nullptr) {
    return false;
  }
  bool found = false;
  int listed = 0;
  // NOLINTNEXTLINE(cert-err34-c): the kernel wrote these numbers
  while (!found && std::fscanf(list, "%d", &listed) == 1) {
    found = listed == pid;
  }
  static_cast<void>(std::fclose(list));
  return found;
}

void KillAllIn(int base, const char* group) {
  if (WriteGroupFile(base, group, "cgroup.kill", "1") == 0) {
    return;
  }
  std::FILE* list = OpenProcessList(base, group);
  if (list == nullptr) {
    return;
  }
  int pid = 0;
  // NOLINTNEXTLINE(cert-err34-c): the kernel wrote these numbers
  while (std::fscanf(list, "%d", &pid) == 1) {
    // The pid may be someone else's by now. What the descriptor names can no longer change, so it
    // is the right one if the group still lists it.
    const UniqueFd process(sys::PidfdOpen(pid));
    if (process.valid() && IsListed(base, group, pid)) {
      static_cast<void>(sys::PidfdSignal(process.get(), SIGKILL));
    }
  }
  static_cast<void>(std::fclose(list));
}

bool RemoveGroup(int parent, const char* name) {
  if (::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) {
    return true;
  }
  KillAllIn(parent, name);
  return ::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

}  // namespace

void RunName(std::uint64_t id, char (&name)[kRunNameBytes]) {
  FormatInto(name, sizeof(name), "run-%llu", static_cast<unsigned long long>(id));
}

int OpenGroupFile(int base, const char* group, const char* file, int flags) {
  char path[192];
  FormatInto(path, sizeof(path), "%s/%s", group, file);
  return ::openat(base, path, flags);  // NOLINT(android-cloexec-openat): in `flags`
}

int WriteGroupFile(int base, const char* group, const char* file, const char* text) {
  const UniqueFd fd(OpenGroupFile(base, group, file, O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return LastError();
  }
  const std::size_t length = std::strlen(text);
  return ::write(fd.get(), text, length) == static_cast<ssize_t>(length) ? 0 : LastError();
}

int WriteNumber(int base, const char* group, const char* file, std::uint64_t value) {
  char text[32];
  FormatInto(text, sizeof(text), "%llu", static_cast<unsigned long long>(value));
  return WriteGroupFile(base, group, file, text);
}

bool ReadGroupFile(int base, const char* group, const char* file, char* text, std::size_t bytes) {
  const UniqueFd fd(OpenGroupFile(base, group, file, O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return false;
  }
  const ssize_t length = ::read(fd.get(), text, bytes - 1);
  if (length < 0) {
    return false;
  }
  text[length] = '\0';
  return true;
}

bool NumberIn(const char* text, const char* key, std::uint64_t* value) {
  if (key == nullptr) {
    return ParseNumber(text, value);
  }
  const std::size_t length = std::strlen(key);
  for (const char* line = text; line != nullptr;) {
    if (std::strncmp(line, key, length) == 0 && line[length] == ' ') {
      return ParseNumber(line + length + 1, value);
    }
    line = std::strchr(line, '\n');
    line = line == nullptr ? nullptr : line + 1;
  }
  return false;
}

bool ReadNumber(int base, const char* group, const char* file, const char* key,
                std::uint64_t* value) {
  char text[16384];  // the rates of some 800 disks
  return ReadGroupFile(base, group, file, text, sizeof(text)) && NumberIn(text, key, value);
}

std::FILE* OpenProcessList(int base, const char* group) {
  UniqueFd fd(OpenGroupFile(base, group, "cgroup.procs", O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return nullptr;
  }
  std::FILE* list = ::fdopen(fd.get(), "re");
  if (list != nullptr) {
    static_cast<void>(fd.Release());  // the stream closes it
  }
  return list;
}

bool RemoveGroupTree(int parent, const char* name) {
  const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    return errno == ENOENT;
  }
  DIR* directory = ::fdopendir(fd);
  if (directory == nullptr) {
    ::close(fd);
    return false;
  }
  bool gone = true;
  while (const dirent* entry = ::readdir(directory)) {  // NOLINT(concurrency-mt-unsafe)
    if (entry->d_type == DT_DIR && std::strncmp(entry->d_name, "run-", 4) == 0) {
      gone = RemoveGroup(fd, entry->d_name) && gone;
    }
  }
  ::closedir(directory);
  return gone && RemoveGroup(parent, name);
}

}  // namespace casemate::launcher
