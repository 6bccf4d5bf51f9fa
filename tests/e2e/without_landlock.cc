// casemate_without_landlock ERRNO PROGRAM [ARGUMENT…]: runs PROGRAM as on a kernel without
// Landlock. A filter, which no descendant can take off, answers ERRNO (ENOSYS: built without,
// EOPNOTSUPP: switched off at boot) to the question which Landlock there is.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>

namespace {

#if defined(__x86_64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "tell this program its architecture"
#endif

bool TakeLandlockAway(unsigned short error) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {sizeof(code) / sizeof(code[0]), code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0 &&
         syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) < 0 && errno == error;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    return 2;
  }
  const bool is_off = std::strcmp(argv[1], "EOPNOTSUPP") == 0;
  if (!is_off && std::strcmp(argv[1], "ENOSYS") != 0) {
    return 2;
  }
  if (!TakeLandlockAway(is_off ? EOPNOTSUPP : ENOSYS)) {
    std::perror("cannot take Landlock away");
    return 1;
  }
  execv(argv[2], argv + 2);
  std::perror(argv[2]);
  return 1;
}
