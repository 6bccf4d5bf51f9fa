// /dev: the five harmless devices, a pseudo-terminal instance of its own, and links. No /dev/tty:
// there is no controlling terminal whose input could be faked (TIOCSTI).
#include <fcntl.h>
#include <sys/mount.h>

#include <cstdio>

#include "sandbox/native/launcher/mounts.h"
#include "sandbox/native/launcher/syscalls.h"

namespace casemate::launcher {
namespace {

// Read-only stops changes of the host's device file itself (its times, say), not writing to it.
int BindDevice(const char* device, const char* target) {
  if (const int error = Bind(device, target); error != 0) {
    return error;
  }
  return sys::AddMountAttributes(AT_FDCWD, target, 0,
                                 MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

}  // namespace

int MakeDev(ChildContext& /*context*/) {
  for (const char* directory : {"dev", "dev/pts"}) {
    if (const int error = MakeDirectory(directory, 0755); error != 0) {
      return error;
    }
  }
  for (const char* device :
       {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}) {
    const char* target = device + 1;
    if (const int error = MakeFile(target, "", 0644); error != 0) {
      return error;
    }
    if (const int error = BindDevice(device, target); error != 0) {
      return error;
    }
  }
  // A limit of its own: the machine has few pseudo-terminals, and all calls share them.
  if (::mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
              "newinstance,ptmxmode=0666,mode=0620,max=32") != 0) {
    return LastError();
  }
  struct Link {
    const char* target;
    const char* path;
  };
  constexpr Link kLinks[] = {{"pts/ptmx", "dev/ptmx"},
                             {"/proc/self/fd", "dev/fd"},
                             {"/proc/self/fd/0", "dev/stdin"},
                             {"/proc/self/fd/1", "dev/stdout"},
                             {"/proc/self/fd/2", "dev/stderr"}};
  for (const Link& link : kLinks) {
    if (const int error = MakeLink(link.target, link.path); error != 0) {
      return error;
    }
  }
  return 0;
}

}  // namespace casemate::launcher
