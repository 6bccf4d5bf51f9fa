#include "sandbox/native/launcher/child.h"

#include <sched.h>
#include <sys/stat.h>

#include "sandbox/native/launcher/identity.h"
#include "sandbox/native/launcher/init.h"
#include "sandbox/native/launcher/landlock.h"
#include "sandbox/native/launcher/mounts.h"
#include "sandbox/native/launcher/network.h"
#include "sandbox/native/launcher/privileges.h"
#include "sandbox/native/launcher/workspace.h"

namespace casemate::launcher {
namespace {

// Closes every descriptor above stderr but the few that the set-up needs. Other runs' sockets must
// not be held open by this child: their servers wait for EOF on them.
int KeepOnlyOwnDescriptors(const ChildContext& context) {
  int keep[kMaxHierarchies + 2] = {context.lifeline, context.workspace_tree.get()};
  for (std::size_t i = 0; i < kMaxHierarchies; ++i) {
    keep[i + 2] = context.cgroup_tasks[i];
  }
  int first = 3;
  while (true) {
    int next = -1;
    for (const int fd : keep) {
      if (fd >= first && (next < 0 || fd < next)) {
        next = fd;
      }
    }
    if (next < 0) {
      return sys::CloseRange(static_cast<unsigned>(first), ~0U);
    }
    if (next > first) {
      if (const int error =
              sys::CloseRange(static_cast<unsigned>(first), static_cast<unsigned>(next) - 1);
          error != 0) {
        return error;
      }
    }
    first = next + 1;
  }
}

int EnterNamespaces(ChildContext& context) {
  if (const int error = DieWithLauncher(context.lifeline); error != 0) {
    return error;
  }
  const int streams[] = {context.request.in.get(), context.request.out.get(),
                         context.request.err.get()};
  for (int i = 0; i < 3; ++i) {
    if (::dup2(streams[i], i) < 0) {
      return LastError();
    }
  }
  if (const int error = KeepOnlyOwnDescriptors(context); error != 0) {
    return error;
  }
  ::umask(0);
  // Here rather than in clone3: making the network namespace takes longest, and the launcher writes
  // the id maps meanwhile.
  return ErrorOf(::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS));
}

int AttachCgroup(ChildContext& context) {
  for (int& fd : context.cgroup_tasks) {
    if (fd < 0) {
      continue;
    }
    if (::write(fd, "0", 1) != 1) {
      return LastError();
    }
    ::close(fd);
    fd = -1;
  }
  // After the attachment, so that the own cgroup is the root of what is seen inside.
  return ErrorOf(::unshare(CLONE_NEWCGROUP));
}

struct Step {
  int (*run)(ChildContext& context);
  wire::Stage stage;
  std::uint32_t layers;  // in force once the step is done
};

constexpr Step kSteps[] = {
    {EnterNamespaces, wire::Stage::kClone, 0},
    {TakeIdentity, wire::Stage::kIdMap, 0},
    {AttachCgroup, wire::Stage::kCgroupAttach, wire::kLayerNamespaces},
    {MakeMountsPrivate, wire::Stage::kPropagation, 0},
    {OpenWorkspace, wire::Stage::kWorkspace, 0},  // before the new root covers host paths
    {MountRoot, wire::Stage::kRootTmpfs, 0},
    {MountSystem, wire::Stage::kSystemMounts, 0},
    {MakeEtc, wire::Stage::kEtc, 0},
    {MakeDev, wire::Stage::kDev, 0},
    {MountProc, wire::Stage::kProc, 0},
    {MaskProc, wire::Stage::kProcMasks, wire::kLayerProcMasks},
    {MountTmp, wire::Stage::kTmp, 0},
    {MountWorkspace, wire::Stage::kWorkspace, 0},
    {WriteFiles, wire::Stage::kFiles, 0},
    {PivotRoot, wire::Stage::kPivotRoot, wire::kLayerRoot},
    {BringUpLoopback, wire::Stage::kLoopback, 0},
    {SetHostname, wire::Stage::kHostname, 0},
    {SetRlimits, wire::Stage::kRlimits, wire::kLayerRlimits},
    {DropPrivileges, wire::Stage::kCapabilities,
     wire::kLayerNoCapabilities | wire::kLayerNoNewPrivs},
    {RestrictByLandlock, wire::Stage::kLandlock, wire::kLayerLandlock},
};

}  // namespace

void RunChild(ChildContext& context) {
  SharedReport& report = context.report;
  for (const Step& step : kSteps) {
    report.stage = step.stage;
    if (const int error = step.run(context); error != 0) {
      report.sys_errno = error;
      report.failed = 1;
      ::_exit(1);
    }
    report.layers |= step.layers;
  }
  RunInit(context);
}

}  // namespace casemate::launcher
