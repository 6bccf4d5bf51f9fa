#include "sandbox/native/launcher/lifeline.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <csignal>
#include <utility>

#include "sandbox/native/launcher/syscalls.h"

namespace casemate::launcher {

int MakeLifeline(UniqueFd* lifeline) {
  UniqueFd file(::memfd_create("casemate-lifeline", MFD_CLOEXEC));
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (!file.valid() || ::fcntl(file.get(), F_SETLK, &lock) != 0) {
    return LastError();
  }
  *lifeline = std::move(file);
  return 0;
}

int DieWithLauncher(int lifeline) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
    return LastError();
  }
  // A process that dies lets its locks go before the kernel looks for children that asked for a
  // signal. So whoever sees the lock here will get the signal. (getppid() tells nothing across a
  // PID namespace.)
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(lifeline, F_GETLK, &lock) != 0) {
    return LastError();
  }
  return lock.l_type == F_UNLCK ? ECHILD : 0;
}

}  // namespace casemate::launcher
