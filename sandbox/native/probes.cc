#include "sandbox/native/probes.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <functional>
#include <string>
#include <utility>

#include "base/text.h"
#include "sandbox/native/report.h"
#include "sandbox/native/sealed_memfd.h"
#include "sandbox/native/seccomp.h"

namespace casemate::sandbox {
namespace {

// Runs `attempt` in a child; what it returns (0 or an errno) is the result.
int TryInChild(const std::function<int()>& attempt) {
  // Not fork(3): its handlers may start a thread in the child (ThreadSanitizer's do), and unshare
  // of a user namespace wants a single one.
  const auto pid = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, nullptr, nullptr, 0));
  if (pid < 0) {
    return errno;
  }
  if (pid == 0) {
    _exit(attempt());  // errno values fit into an exit code
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) {
      return errno;
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

int Unshare(int flags) {
  return unshare(flags) == 0 ? 0 : errno;
}

int WriteText(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    return errno;
  }
  const ssize_t written = write(fd, text.data(), text.size());
  const int err = written < 0 ? errno : 0;
  close(fd);
  return err;
}

int BecomeRootOfUserNamespace(int more_flags) {
  const std::string uid = std::to_string(geteuid());
  const std::string gid = std::to_string(getegid());
  if (const int err = Unshare(CLONE_NEWUSER | more_flags); err != 0) {
    return err;
  }
  if (const int err = WriteText("/proc/self/setgroups", "deny"); err != 0) {
    return err;
  }
  if (const int err = WriteText("/proc/self/uid_map", "0 " + uid + " 1"); err != 0) {
    return err;
  }
  return WriteText("/proc/self/gid_map", "0 " + gid + " 1");
}

Probe FromErrno(std::string layer, int err, std::string detail, std::string remedy) {
  Probe probe;
  probe.layer = std::move(layer);
  probe.present = err == 0;
  probe.detail = err == 0 ? std::move(detail) : ErrnoText(err);
  probe.remedy = err == 0 ? std::string() : std::move(remedy);
  return probe;
}

Probe ProbeUserNamespace(const RemedyFor& remedy) {
  const int err = TryInChild([] { return BecomeRootOfUserNamespace(0); });
  return FromErrno("user namespace", err, "ids can be mapped", err == 0 ? "" : remedy(err));
}

// Ubuntu grants the user namespace and refuses what is made inside it: each is tried there.
Probe ProbeOtherNamespaces(const RemedyFor& remedy) {
  const std::pair<int, const char*> kinds[] = {{CLONE_NEWNS, "mount"}, {CLONE_NEWPID, "pid"},
                                               {CLONE_NEWNET, "net"},  {CLONE_NEWIPC, "ipc"},
                                               {CLONE_NEWUTS, "uts"},  {CLONE_NEWCGROUP, "cgroup"}};
  std::vector<std::string> present;
  std::vector<std::string> missing;
  int last_error = 0;
  for (const auto& [flag, name] : kinds) {
    const int kind = flag;
    const int err = TryInChild([kind] {
      const int user = BecomeRootOfUserNamespace(0);
      return user != 0 ? user : Unshare(kind);
    });
    last_error = err != 0 ? err : last_error;
    (err == 0 ? present : missing).push_back(err == 0 ? name : name + (": " + ErrnoText(err)));
  }
  Probe probe;
  probe.layer = "namespaces";
  probe.present = missing.empty();
  probe.detail = Join(missing.empty() ? present : missing, ", ");
  probe.remedy = missing.empty() ? "" : remedy(last_error);
  return probe;
}

int MountOverlay() {
  if (const int err = BecomeRootOfUserNamespace(CLONE_NEWNS); err != 0) {
    return err;
  }
  // Over /tmp of this child's own mount namespace: seen by nobody else.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m") != 0) {
    return errno;
  }
  for (const char* directory : {"/tmp/lower", "/tmp/upper", "/tmp/work", "/tmp/merged"}) {
    if (mkdir(directory, 0700) != 0) {
      return errno;
    }
  }
  return mount("overlay", "/tmp/merged", "overlay", 0,
               "userxattr,lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work") == 0
             ? 0
             : errno;
}

Probe ProbeOverlay() {
  Probe probe = FromErrno("overlayfs", TryInChild(MountOverlay), "mounts in a user namespace",
                          "Linux 5.11 or newer and `modprobe overlay`; without it the profile "
                          "scratch is refused");
  probe.required = false;
  return probe;
}

// A layer that only a strict sandbox requires.
Probe Excused(Probe probe, Mode mode, const char* layer) {
  probe.required = mode == Mode::kStrict;
  if (!probe.present && probe.required) {
    probe.remedy += OrBestEffort(layer);
  }
  return probe;
}

int MountFreshProc() {
  if (const int err = BecomeRootOfUserNamespace(CLONE_NEWNS | CLONE_NEWPID); err != 0) {
    return err;
  }
  return TryInChild([] {  // the first process in the new PID namespace
    // Over /proc of this child's own mount namespace: seen by nobody else.
    const bool is_mounted =
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0;
    return is_mounted ? 0 : errno;
  });
}

Probe ProbeProc(Mode mode) {
  return Excused(FromErrno("fresh /proc", TryInChild(MountFreshProc),
                           "mounts in a PID namespace of its own", ProcRemedy()),
                 mode, "/proc");
}

Probe ProbeLandlock(Mode mode) {
  const int abi = LandlockAbi();
  const int err = abi > 0 ? 0 : errno;
  return Excused(FromErrno("landlock", err, DescribeLandlock(abi), LandlockRemedy(err)), mode,
                 "Landlock");
}

int SetNoNewPrivileges() {
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;
}

// Installs the real filter and checks that it lets pass and refuses.
int InstallFilter(std::string_view filter) {
  if (const int err = SetNoNewPrivileges(); err != 0) {
    return err;
  }
  std::vector<sock_filter> code(InstructionCount(filter));
  std::memcpy(code.data(), filter.data(), code.size() * sizeof(sock_filter));
  const sock_fprog program = {static_cast<unsigned short>(code.size()), code.data()};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) {
    return errno;
  }
  const bool passes = syscall(SYS_getpid) > 0;
  const bool refuses = unshare(CLONE_NEWUSER) != 0 && errno == EPERM;
  return passes && refuses ? 0 : ENOTRECOVERABLE;
}

Probe ProbeSeccomp(std::string_view filter) {
  if (filter.empty()) {
    return FromErrno("seccomp", ENOSYS, {}, "install libseccomp 2.5.4 or newer");
  }
  return FromErrno("seccomp", TryInChild([filter] { return InstallFilter(filter); }),
                   "allow-list, " + std::to_string(InstructionCount(filter)) + " instructions",
                   "a kernel with CONFIG_SECCOMP_FILTER");
}

Probe ProbeMemfd() {
  const auto sealed = MakeSealedMemfd("casemate-doctor", "x", MemfdUse::kProgram);
  Probe probe;
  probe.layer = "sealed memfd";
  probe.present = sealed.ok();
  probe.detail = sealed ? "the launcher runs from memory" : sealed.error().message;
  probe.remedy = sealed ? "" : "sysctl vm.memfd_noexec=0";
  return probe;
}

}  // namespace

int LandlockAbi() {
  constexpr unsigned kVersion = 1;  // LANDLOCK_CREATE_RULESET_VERSION
  const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, kVersion);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

std::vector<Probe> ProbeKernelFeatures(std::string_view seccomp_filter, Mode mode,
                                       const RemedyFor& namespace_remedy) {
  std::vector<Probe> probes;
  probes.push_back(ProbeMemfd());
  probes.push_back(ProbeUserNamespace(namespace_remedy));
  probes.push_back(ProbeOtherNamespaces(namespace_remedy));
  probes.push_back(ProbeProc(mode));
  probes.push_back(ProbeOverlay());
  probes.push_back(FromErrno("no_new_privs", TryInChild(SetNoNewPrivileges), "can be set",
                             "Linux 3.5 or newer"));
  probes.push_back(ProbeLandlock(mode));
  probes.push_back(ProbeSeccomp(seccomp_filter));
  return probes;
}

}  // namespace casemate::sandbox
