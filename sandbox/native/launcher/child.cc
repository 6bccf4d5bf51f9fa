#include "sandbox/native/launcher/child.h"

#include <sched.h>
#include <sys/stat.h>

#include <cstring>
#include <utility>

#include "sandbox/native/launcher/identity.h"
#include "sandbox/native/launcher/init.h"
#include "sandbox/native/launcher/landlock.h"
#include "sandbox/native/launcher/lifeline.h"
#include "sandbox/native/launcher/mounts.h"
#include "sandbox/native/launcher/network.h"
#include "sandbox/native/launcher/privileges.h"
#include "sandbox/native/launcher/workspace.h"

namespace casemate::launcher {
namespace {

// Closes every descriptor above stderr but the few that the set-up needs. Other runs' sockets must
// not be held open by this child: their servers wait for EOF on them.
int KeepOnlyOwnDescriptors(const ChildContext& context) {
  int keep[kMaxHierarchies + 5] = {context.lifeline, context.workspace_tree.get(), context.channel,
                                   context.done, context.request.release.get()};
  for (std::size_t i = 0; i < kMaxHierarchies; ++i) {
    keep[i + 5] = context.cgroup_tasks[i];
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

int TakeStreams(const Request& request) {
  const int streams[] = {request.in.get(), request.out.get(), request.err.get()};
  for (int i = 0; i < 3; ++i) {
    if (::dup2(streams[i], i) < 0) {
      return LastError();
    }
  }
  return 0;
}

// The command could read the launcher's arguments in /proc/1/cmdline.
void SetTitle(const ChildContext& context, const char* title) {
  std::memset(context.title, 0, context.title_bytes);
  std::strncpy(context.title, title, context.title_bytes - 1);
}

int EnterNamespaces(ChildContext& context) {
  SetTitle(context, context.channel < 0 ? "casemate-init" : "casemate-ahead");
  if (const int error = DieWithLauncher(context.lifeline); error != 0) {
    return error;
  }
  if (context.channel < 0) {
    if (const int error = TakeStreams(context.request); error != 0) {
      return error;
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

// What was mounted for a call that was expected is fitted to the one that came.
int AwaitRequest(ChildContext& context) {
  if (context.channel < 0) {
    return 0;  // it was there from the beginning, or has come already
  }
  if (const int error = context.request.Receive(context.channel, &context.workspace_tree);
      error != 0) {
    return error;
  }
  ::close(std::exchange(context.channel, -1));
  SetTitle(context, "casemate-init");
  if (const int error = TakeStreams(context.request); error != 0) {
    return error;
  }
  return FitTmp(context);
}

int AwaitUnforeseen(ChildContext& context) {
  return context.is_foreseen ? 0 : AwaitRequest(context);
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
    {MaskProc, wire::Stage::kProcMasks, wire::kLayerProc},
    {MountTmp, wire::Stage::kTmp, 0},
    {PivotRoot, wire::Stage::kPivotRoot, 0},
    {BringUpLoopback, wire::Stage::kLoopback, 0},
    {SetHostname, wire::Stage::kHostname, 0},
    {AwaitUnforeseen, wire::Stage::kAwaitRequest, 0},  // up to here nothing of a call is known
    {MountGenerated, wire::Stage::kTmp, 0},
    {MountWorkspace, wire::Stage::kWorkspace, 0},
    {WriteFiles, wire::Stage::kFiles, 0},
    {LockRoot, wire::Stage::kLockRoot, wire::kLayerRoot},
    {SetRlimits, wire::Stage::kRlimits, wire::kLayerRlimits},
    {DropPrivileges, wire::Stage::kCapabilities,
     wire::kLayerNoCapabilities | wire::kLayerNoNewPrivs},
    {RestrictByLandlock, wire::Stage::kLandlock, wire::kLayerLandlock},
    {InstallFilter, wire::Stage::kSeccomp, wire::kLayerSeccomp},
    {AwaitRequest, wire::Stage::kAwaitRequest, 0},  // no right is left that it could misuse
};

}  // namespace

TmpfsSizes SizesOf(const wire::LaunchSpec& spec) {
  return {spec.tmp_bytes, spec.tmp_inodes, spec.shm_bytes, spec.disk_bytes, spec.disk_inodes};
}

void RunChild(ChildContext& context) {
  SharedReport& report = context.report;
  for (const Step& step : kSteps) {
    report.stage = step.stage;
    if (const int error = step.run(context); error != 0) {
      report.sys_errno = error;
      report.failed = 1;
      ::_exit(1);
    }
    report.layers |= step.layers & ~context.missing;
  }
  RunInit(context);
}

}  // namespace casemate::launcher
