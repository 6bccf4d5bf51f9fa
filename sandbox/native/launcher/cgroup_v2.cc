#include "sandbox/native/launcher/cgroup_v2.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdio>

#include "base/unique_fd.h"
#include "sandbox/native/launcher/cgroup_files.h"
#include "sandbox/native/launcher/syscalls.h"

namespace casemate::launcher {
namespace {

constexpr int kPatienceMs = 500;

// An ordinary user could not write here unless the group was handed to it. Root can everywhere, but
// must leave alone what the service manager did not mark as delegated.
bool IsDelegated(int group) {
  if (::geteuid() != 0) {
    return true;
  }
  for (const char* attribute : {"trusted.delegate", "user.delegate"}) {
    char value = '\0';
    if (::fgetxattr(group, attribute, &value, 1) == 1 && value == '1') {
      return true;
    }
  }
  return false;
}

// Nobody else's process is moved: a shell or an MCP host may share the group.
bool HoldsOnlyUs(int group) {
  std::FILE* list = OpenProcessList(group, ".");
  if (list == nullptr) {
    return false;
  }
  bool only_us = true;
  int pid = 0;
  // NOLINTNEXTLINE(cert-err34-c): the kernel wrote these numbers
  while (std::fscanf(list, "%d", &pid) == 1) {
    only_us = only_us && (pid == ::getpid() || pid == ::getppid());
  }
  static_cast<void>(std::fclose(list));
  return only_us;
}

int MoveIntoServerGroup(int group) {
  if (::mkdirat(group, kServerGroup, 0755) != 0 && errno != EEXIST) {
    return LastError();
  }
  for (const pid_t pid : {::getppid(), ::getpid()}) {
    const int error =
        WriteNumber(group, kServerGroup, "cgroup.procs", static_cast<std::uint64_t>(pid));
    if (error != 0) {
      return error;
    }
  }
  return 0;
}

int Enable(int group, const char* controllers) {
  int error = WriteGroupFile(group, ".", "cgroup.subtree_control", controllers);
  if (error != EBUSY || !IsDelegated(group) || !HoldsOnlyUs(group)) {
    return error;
  }
  if (const int moved = MoveIntoServerGroup(group); moved != 0) {
    return moved;
  }
  // A thread of the server that is about to end cannot be moved, and counts until it has ended.
  for (int waited_ms = 0; error == EBUSY && waited_ms <= kPatienceMs; ++waited_ms) {
    error = WriteGroupFile(group, ".", "cgroup.subtree_control", controllers);
    if (error == EBUSY) {
      ::poll(nullptr, 0, 1);
    }
  }
  return error;
}

}  // namespace

int EnableV2(int group, bool with_io) {
  constexpr const char* kWithoutIo = "+memory +pids +cpu";
  // A kernel that refuses io must not cost the others.
  return with_io && Enable(group, "+memory +pids +cpu +io") == 0 ? 0 : Enable(group, kWithoutIo);
}

}  // namespace casemate::launcher
