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
  wire::Stage stage;
  int (*run)(ChildContext& context);
  std::uint32_t layers;
};

constexpr Step kSteps[] = {
    {wire::Stage::kClone, EnterNamespaces, 0},
    {wire::Stage::kIdMap, TakeIdentity, 0},
    {wire::Stage::kCgroupAttach, AttachCgroup, wire::kLayerNamespaces},
    {wire::Stage::kPropagation, MakeMountsPrivate, 0},
    {wire::Stage::kWorkspace, OpenWorkspace, 0},  // before the new root covers host paths
    {wire::Stage::kRootTmpfs, MountRoot, 0},
    {wire::Stage::kSystemMounts, MountSystem, 0},
    {wire::Stage::kEtc, MakeEtc, 0},
    {wire::Stage::kDev, MakeDev, 0},
    {wire::Stage::kProc, MountProc, 0},
    {wire::Stage::kProcMasks, MaskProc, wire::kLayerProcMasks},
    {wire::Stage::kTmp, MountTmp, 0},
    {wire::Stage::kWorkspace, MountWorkspace, 0},
    {wire::Stage::kFiles, WriteFiles, 0},
    {wire::Stage::kPivotRoot, PivotRoot, wire::kLayerRoot},
    {wire::Stage::kLoopback, BringUpLoopback, 0},
    {wire::Stage::kHostname, SetHostname, 0},
    {wire::Stage::kRlimits, SetRlimits, wire::kLayerRlimits},
    {wire::Stage::kCapabilities, DropPrivileges,
     wire::kLayerNoCapabilities | wire::kLayerNoNewPrivs},
    {wire::Stage::kLandlock, RestrictByLandlock, wire::kLayerLandlock},
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
