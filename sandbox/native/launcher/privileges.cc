#include "sandbox/native/launcher/privileges.h"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <cstring>

#include "sandbox/native/launcher/lifeline.h"

namespace casemate::launcher {
namespace {

constexpr rlim_t kMiB = 1024ULL * 1024;

// Never above the present hard limit: raising it needs a capability that even root may lack.
int LimitTo(__rlimit_resource resource, rlim_t soft, rlim_t hard) {
  rlimit limit = {};
  if (::getrlimit(resource, &limit) != 0) {
    return LastError();
  }
  limit.rlim_max = hard < limit.rlim_max ? hard : limit.rlim_max;
  limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
  return ErrorOf(::setrlimit(resource, &limit));
}

int EmptyBoundingSet() {
  for (unsigned long capability = 0; capability < 64; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
      // EINVAL: past the last capability that this kernel knows.
      return errno == EINVAL && capability > CAP_AUDIT_READ ? 0 : LastError();
    }
  }
  return 0;
}

// A set that is not empty although it was emptied means that this kernel does not do what we think:
// refuse to run anything.
int CheckNoCapabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) {
    return LastError();
  }
  for (const __user_cap_data_struct& word : data) {
    if ((word.effective | word.permitted | word.inheritable) != 0) {
      return EPERM;
    }
  }
  for (unsigned long capability = 0; capability < 64; ++capability) {
    const int in_bounding_set = ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    if (in_bounding_set < 0) {
      break;
    }
    if (in_bounding_set != 0) {
      return EPERM;
    }
  }
  return ::getuid() == kSandboxId && ::geteuid() == kSandboxId && ::getgid() == kSandboxId &&
                 ::getegid() == kSandboxId
             ? 0
             : EPERM;
}

int DropCapabilities() {
  if (const int error = EmptyBoundingSet(); error != 0) {
    return error;
  }
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return LastError();
  }
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2] = {};
  if (::syscall(SYS_capset, &header, none) != 0) {
    return LastError();
  }
  return CheckNoCapabilities();
}

}  // namespace

int SetRlimits(ChildContext& context) {
  const wire::LaunchSpec& spec = context.request.spec();
  // Where the cgroup limits processes, and counts the refusals, this is the second line behind it.
  const rlim_t processes = spec.pids + (context.pids_cgroup ? 64 : 1);  // init is one
  struct Limit {
    __rlimit_resource resource;
    rlim_t soft;
    rlim_t hard;
  };
  const Limit limits[] = {
      // A core file would carry secrets out of the sandbox. 1, not 0: only that stops a
      // core_pattern which pipes to a program of the host (core(5)); no file fits in one byte.
      {RLIMIT_CORE, 1, 1},
      {RLIMIT_NOFILE, spec.open_files, spec.open_files},
      {RLIMIT_FSIZE, spec.file_bytes, spec.file_bytes},
      {RLIMIT_NPROC, processes, processes},
      {RLIMIT_MEMLOCK, kMiB / 16, kMiB / 16},
      {RLIMIT_MSGQUEUE, 0, 0},
      {RLIMIT_RTPRIO, 0, 0},
      {RLIMIT_NICE, 0, 0},
      {RLIMIT_SIGPENDING, 4096, 4096},
      {RLIMIT_STACK, 8 * kMiB, 64 * kMiB},
  };
  for (const Limit& limit : limits) {
    if (const int error = LimitTo(limit.resource, limit.soft, limit.hard); error != 0) {
      return error;
    }
  }
  // Second best: it bounds each process, not their sum.
  return context.memory_cgroup ? 0 : LimitTo(RLIMIT_DATA, spec.memory_bytes, spec.memory_bytes);
}

int DropPrivileges(ChildContext& context) {
  if (const int error = DropCapabilities(); error != 0) {
    return error;
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
      ::setsid() < 0) {
    return LastError();
  }
  ::umask(022);
  return DieWithLauncher(context.lifeline);
}

int InstallFilter(ChildContext& context) {
  const wire::StringRef filter = context.request.spec().seccomp;
  sock_fprog program = {};
  program.len = static_cast<unsigned short>(filter.length / sizeof(sock_filter));
  // The kernel copies the program; it needs no alignment there.
  program.filter = reinterpret_cast<sock_filter*>(const_cast<char*>(context.request.Text(filter)));
  return ErrorOf(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}

}  // namespace casemate::launcher
