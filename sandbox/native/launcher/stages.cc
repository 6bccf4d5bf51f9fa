#include "sandbox/native/launcher/stages.h"

namespace casemate::sandbox {

const char* StageName(wire::Stage stage) {
  using wire::Stage;
  switch (stage) {
    case Stage::kNone:
      return "none";
    case Stage::kRequest:
      return "read the launch request";
    case Stage::kLimits:
      return "hold the stated limits";
    case Stage::kCgroup:
      return "make the cgroup";
    case Stage::kClone:
      return "create the namespaces";
    case Stage::kIdMap:
      return "map user and group ids";
    case Stage::kCgroupAttach:
      return "enter the cgroup";
    case Stage::kPropagation:
      return "make mounts private";
    case Stage::kRootTmpfs:
      return "mount the new root";
    case Stage::kSystemMounts:
      return "mount /usr";
    case Stage::kEtc:
      return "make /etc";
    case Stage::kDev:
      return "make /dev";
    case Stage::kProc:
      return "mount /proc";
    case Stage::kProcMasks:
      return "mask /proc";
    case Stage::kTmp:
      return "mount /tmp";
    case Stage::kWorkspace:
      return "mount /workspace";
    case Stage::kFiles:
      return "write the files";
    case Stage::kPivotRoot:
      return "pivot_root";
    case Stage::kLoopback:
      return "bring up loopback";
    case Stage::kHostname:
      return "set the hostname";
    case Stage::kAwaitRequest:
      return "take over a sandbox made ahead";
    case Stage::kLockRoot:
      return "make the root read-only";
    case Stage::kRlimits:
      return "set resource limits";
    case Stage::kCapabilities:
      return "drop capabilities";
    case Stage::kLandlock:
      return "landlock";
    case Stage::kSeccomp:
      return "seccomp";
    case Stage::kAwaitRelease:
      return "wait for the server";
    case Stage::kFork:
      return "start the command";
    case Stage::kExec:
      return "execute the command";
    case Stage::kRunning:
      return "running";
  }
  return "unknown step";
}

}  // namespace casemate::sandbox
