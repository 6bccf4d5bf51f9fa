// The system-call filter, judged instruction by instruction and, in a child, by the kernel.
#include "sandbox/native/seccomp.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/prctl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <set>

#include <catch2/catch.hpp>
#include <seccomp.h>

#include "sandbox/native/seccomp_lists.h"
#include "tests/unit/sandbox/bpf_simulator.h"

namespace casemate::sandbox::test {
namespace {

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint64_t kHighBit = std::uint64_t{1} << 40;

std::uint32_t Errno(int err) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(err);
}

const std::string& Filter() {
  static const std::string filter = [] {
    auto built = BuildSeccompFilter();
    REQUIRE(built);
    return *built;
  }();
  return filter;
}

std::uint32_t JudgeOn(std::uint32_t arch, int number, std::vector<std::uint64_t> args = {}) {
  seccomp_data data{};
  data.arch = arch;
  data.nr = number;
  std::copy(args.begin(), args.end(), std::begin(data.args));
  return BpfSimulator(Filter()).Run(data);
}
std::uint32_t Judge(int number, std::vector<std::uint64_t> args = {}) {
  return JudgeOn(seccomp_arch_native(), number, std::move(args));
}

// Installs the filter in a child and runs `attempt` there; returns its wait status.
int UnderFilter(const std::function<int()>& attempt) {
  const std::string& filter = Filter();
  const pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    std::vector<sock_filter> code(InstructionCount(filter));
    std::memcpy(code.data(), filter.data(), filter.size());
    const sock_fprog program = {static_cast<unsigned short>(code.size()), code.data()};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) {
      _exit(250);
    }
    _exit(attempt());
  }
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  return status;
}

// The errno of `call` under the filter; 0 when it succeeded.
int ErrnoUnderFilter(const std::function<long()>& call) {
  const int status = UnderFilter([&call] { return call() >= 0 ? 0 : errno; });
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("the filter fits into the kernel's limit") {
  CHECK(InstructionCount(Filter()) > 100);
  CHECK(InstructionCount(Filter()) < 1000);
}

TEST_CASE("every listed call is judged as its list says") {
  std::set<std::string> allowed;
  for (const char* name : AllowedSyscalls()) {
    INFO(name);
    CHECK(allowed.insert(name).second);
    const int number = seccomp_syscall_resolve_name(name);
    REQUIRE(number != __NR_SCMP_ERROR);
    const std::set<std::string> gated = {"prctl", "socketpair"};
    if (number >= 0 && gated.count(name) == 0) {
      CHECK(Judge(number) == kAllow);
    }
  }
  for (const char* name : RefusedSyscalls()) {
    INFO(name);
    CHECK(allowed.count(name) == 0);
    const int number = seccomp_syscall_resolve_name(name);
    REQUIRE(number != __NR_SCMP_ERROR);
    if (number >= 0) {
      CHECK(Judge(number) == Errno(EPERM));
    }
  }
}

TEST_CASE("all other calls do not exist") {
  for (const int number : {SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
                           SYS_clone3, SYS_seccomp, SYS_vmsplice, SYS_landlock_create_ruleset}) {
    INFO(number);
    CHECK(Judge(number) == Errno(ENOSYS));
  }
  CHECK(Judge(9999) == Errno(ENOSYS));
}

#if defined(__x86_64__)
TEST_CASE("foreign architectures are killed") {
  CHECK(JudgeOn(AUDIT_ARCH_I386, 20) == SECCOMP_RET_KILL_PROCESS);
  CHECK(JudgeOn(AUDIT_ARCH_AARCH64, 63) == SECCOMP_RET_KILL_PROCESS);
  CHECK(Judge(0x40000000 | SYS_getpid) == SECCOMP_RET_KILL_PROCESS);
  // A gate must not answer for a number of another architecture's table.
  CHECK(JudgeOn(AUDIT_ARCH_I386, SYS_ioctl, {0, TIOCSTI}) == SECCOMP_RET_KILL_PROCESS);
}
#endif

TEST_CASE("clone makes threads and processes but no namespaces") {
  CHECK(Judge(SYS_clone, {CLONE_VM | CLONE_THREAD | CLONE_SIGHAND}) == kAllow);
  CHECK(Judge(SYS_clone, {CLONE_VFORK | SIGCHLD}) == kAllow);
  for (const std::uint64_t flag : {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                   CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET}) {
    CHECK(Judge(SYS_clone, {flag | SIGCHLD}) == Errno(EPERM));
    CHECK(Judge(SYS_clone, {flag | kHighBit}) == Errno(EPERM));
  }
}

TEST_CASE("terminal injection is refused, whatever the upper half says") {
  for (const std::uint64_t request : {TIOCSTI, TIOCLINUX}) {
    CHECK(Judge(SYS_ioctl, {0, request}) == Errno(EPERM));
    CHECK(Judge(SYS_ioctl, {0, request | kHighBit}) == Errno(EPERM));
  }
  CHECK(Judge(SYS_ioctl, {0, TCGETS}) == kAllow);
  CHECK(Judge(SYS_ioctl, {0, 0xffffffff80045430}) == kAllow);  // as musl passes TIOCGPTN
}

TEST_CASE("only ordinary sockets can be made") {
  const auto judge = [](std::uint64_t family, std::uint64_t type, std::uint64_t protocol) {
    return Judge(SYS_socket, {family, type, protocol});
  };
  for (const std::uint64_t flags : {0, SOCK_CLOEXEC | SOCK_NONBLOCK}) {
    CHECK(judge(AF_UNIX, SOCK_STREAM | flags, 0) == kAllow);
    CHECK(judge(AF_UNIX, SOCK_DGRAM | flags, 0) == kAllow);
    CHECK(judge(AF_UNIX, SOCK_SEQPACKET | flags, 0) == kAllow);
    for (const std::uint64_t family : {AF_INET, AF_INET6}) {
      CHECK(judge(family, SOCK_STREAM | flags, 0) == kAllow);
      CHECK(judge(family, SOCK_STREAM | flags, IPPROTO_TCP) == kAllow);
      CHECK(judge(family, SOCK_DGRAM | flags, 0) == kAllow);
      CHECK(judge(family, SOCK_DGRAM | flags, IPPROTO_UDP) == kAllow);
      CHECK(judge(family, SOCK_STREAM | flags, IPPROTO_SCTP) == Errno(EPROTONOSUPPORT));
      CHECK(judge(family, SOCK_STREAM | flags, IPPROTO_MPTCP) == Errno(EPROTONOSUPPORT));
      CHECK(judge(family, SOCK_DGRAM | flags, IPPROTO_ICMP) == Errno(EPROTONOSUPPORT));
      CHECK(judge(family, SOCK_RAW | flags, IPPROTO_TCP) == Errno(EPERM));
      CHECK(judge(family, SOCK_PACKET | flags, 0) == Errno(EPERM));
      CHECK(judge(family, SOCK_SEQPACKET | flags, 0) != kAllow);
    }
    CHECK(judge(AF_NETLINK, SOCK_RAW | flags, NETLINK_ROUTE) == kAllow);
  }
  for (int protocol = 1; protocol < 32; ++protocol) {
    CHECK(judge(AF_NETLINK, SOCK_RAW, static_cast<std::uint64_t>(protocol)) ==
          Errno(EPROTONOSUPPORT));
  }
  const std::set<std::uint64_t> known = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
  for (std::uint64_t family = 0; family < 64; ++family) {
    INFO(family);
    if (known.count(family) == 0) {
      CHECK(judge(family, SOCK_STREAM, 0) == Errno(EAFNOSUPPORT));
      CHECK(judge(family | kHighBit, SOCK_STREAM, 0) != kAllow);
      CHECK(Judge(SYS_socketpair, {family, SOCK_STREAM, 0}) == Errno(EAFNOSUPPORT));
    }
  }
  CHECK(judge(AF_INET | kHighBit, SOCK_RAW, IPPROTO_TCP) != kAllow);
  CHECK(judge(AF_NETLINK, SOCK_RAW, kHighBit | NETLINK_NETFILTER) != kAllow);
  CHECK(Judge(SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0}) == kAllow);
}

TEST_CASE("prctl takes a list of options") {
  CHECK(Judge(SYS_prctl, {PR_SET_NAME}) == kAllow);
  CHECK(Judge(SYS_prctl, {PR_SET_NO_NEW_PRIVS}) == kAllow);
  for (const std::uint64_t option :
       {PR_SET_MM, PR_SET_SECCOMP, PR_MCE_KILL, PR_SET_SYSCALL_USER_DISPATCH, PR_SCHED_CORE}) {
    INFO(option);
    CHECK(Judge(SYS_prctl, {option}) == Errno(EINVAL));
    CHECK(Judge(SYS_prctl, {option | kHighBit}) == Errno(EINVAL));
  }
}

TEST_CASE("the personality cannot be changed") {
  CHECK(Judge(SYS_personality, {0}) == kAllow);
  CHECK(Judge(SYS_personality, {0xffffffff}) == kAllow);
  CHECK(Judge(SYS_personality, {0x0400000}) == Errno(EPERM));  // READ_IMPLIES_EXEC
  CHECK(Judge(SYS_personality, {0x0040000}) == Errno(EPERM));  // ADDR_NO_RANDOMIZE
  CHECK(Judge(SYS_personality, {8}) == Errno(EPERM));          // PER_LINUX32
}

TEST_CASE("the mode of open counts exactly when it makes a file") {
  const std::uint64_t set_id = 04755;
  for (const std::uint64_t flags : {O_CREAT | O_WRONLY, O_TMPFILE | O_RDWR}) {
    CHECK(Judge(SYS_openat, {0, 0, flags, set_id}) == Errno(EPERM));
    CHECK(Judge(SYS_openat, {0, 0, flags | kHighBit, set_id}) == Errno(EPERM));
    CHECK(Judge(SYS_openat, {0, 0, flags, 0755}) == kAllow);
  }
  for (const std::uint64_t flags : {O_RDONLY, O_RDWR | O_TRUNC, O_DIRECTORY}) {
    CHECK(Judge(SYS_openat, {0, 0, flags, set_id}) == kAllow);
  }
#ifdef SYS_open
  CHECK(Judge(SYS_open, {0, O_CREAT, set_id}) == Errno(EPERM));
  CHECK(Judge(SYS_open, {0, O_RDONLY, set_id}) == kAllow);
#endif
  CHECK(Judge(SYS_fchmod, {0, set_id}) == Errno(EPERM));
}

TEST_CASE("the kernel takes the filter and follows it") {
  CHECK(ErrnoUnderFilter([] { return syscall(SYS_getpid); }) == 0);
  CHECK(ErrnoUnderFilter([] { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }) == 0);
  CHECK(ErrnoUnderFilter([] { return unshare(CLONE_NEWUSER); }) == EPERM);
  CHECK(ErrnoUnderFilter([] { return socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0); }) ==
        EAFNOSUPPORT);
  CHECK(ErrnoUnderFilter([] { return syscall(SYS_keyctl, 0, -3, 0); }) == EPERM);
  CHECK(ErrnoUnderFilter([] { return syscall(SYS_io_uring_setup, 1, nullptr); }) == ENOSYS);
  CHECK(ErrnoUnderFilter([] { return syscall(SYS_clone3, nullptr, 0); }) == ENOSYS);
  CHECK(ErrnoUnderFilter([] { return syscall(SYS_ptrace, 0, 0, 0, 0); }) == EPERM);
  CHECK(ErrnoUnderFilter([] { return prctl(PR_SET_MM, 0, 0, 0, 0); }) == EINVAL);
  CHECK(ErrnoUnderFilter([] { return syscall(SYS_ioctl, 0, TIOCSTI | kHighBit, "x"); }) == EPERM);
}

#if defined(__x86_64__)
TEST_CASE("the kernel kills calls of another architecture") {
  const int x32 = UnderFilter([] { return static_cast<int>(syscall(0x40000000 | SYS_getpid)); });
  CHECK(WIFSIGNALED(x32));
  CHECK(WTERMSIG(x32) == SIGSYS);
}
#endif

TEST_CASE("a gate with one value has no way around it") {
  for (const auto kind :
       {ArgumentGate::Kind::kOnly, ArgumentGate::Kind::kNever, ArgumentGate::Kind::kNoBits}) {
    const ArgumentGate gate{7, 2, kind, {4}, ERANGE};
    std::vector<sock_filter> code = CompileGates({&gate, 1}, 1);
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const BpfSimulator simulator(
        std::string(reinterpret_cast<const char*>(code.data()), code.size() * sizeof(sock_filter)));
    const auto judge = [&simulator](int number, std::uint64_t value, std::uint32_t arch = 1) {
      return simulator.Run({number, arch, 0, {9, 9, value, 9, 9, 9}});
    };
    const bool only = kind == ArgumentGate::Kind::kOnly;
    const bool bits = kind == ArgumentGate::Kind::kNoBits;
    CHECK((judge(7, 4) == kAllow) == only);
    CHECK((judge(7, 3) == kAllow) == !only);
    CHECK((judge(7, 6) == kAllow) == (!only && !bits));
    CHECK((judge(7, 3) == Errno(ERANGE)) == only);
    CHECK(judge(8, 4) == kAllow);
    CHECK(judge(7, 4, 2) == kAllow);
    CHECK(judge(7, 3, 2) == kAllow);
  }
}

}  // namespace casemate::sandbox::test
