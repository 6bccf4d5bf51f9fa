#include "sandbox/native/seccomp.h"

#include <linux/filter.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <vector>

#include <seccomp.h>

#include "base/unique_fd.h"
#include "sandbox/native/seccomp_lists.h"

namespace casemate::sandbox {
namespace {

constexpr std::uint32_t kSocketTypeMask = 0xf;  // SOCK_TYPE_MASK: the rest are flags
constexpr std::size_t kMaxInstructions = 4096;  // BPF_MAXINSNS

struct ReleaseFilter {
  void operator()(void* context) const { seccomp_release(context); }
};
using Filter = std::unique_ptr<void, ReleaseFilter>;

Error FilterError(const std::string& what, int negative_errno) {
  Error error = ErrnoError("cannot build the system-call filter: " + what, -negative_errno);
  error.code = ErrorCode::kUnavailable;
  error.remedy = "install libseccomp 2.5.4 or newer";
  return error;
}

Result<void> AddAll(void* context, std::span<const char* const> names, std::uint32_t action) {
  for (const char* name : names) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) {
      return FilterError(std::string("unknown system call ") + name, -ENOSYS);
    }
    // A negative number stands for a call that this architecture does not have.
    if (number < 0) {
      continue;
    }
    if (const int err = seccomp_rule_add_array(context, action, number, 0, nullptr); err != 0) {
      return FilterError(name, err);
    }
  }
  return {};
}

scmp_arg_cmp Equal(unsigned arg, std::uint64_t value) {
  return {arg, SCMP_CMP_EQ, value, 0};
}
scmp_arg_cmp Above(unsigned arg, std::uint64_t value) {
  return {arg, SCMP_CMP_GT, value, 0};
}
scmp_arg_cmp OfType(std::uint64_t type) {
  return {1, SCMP_CMP_MASKED_EQ, kSocketTypeMask, type};
}

struct SocketRule {
  std::uint32_t action;
  std::vector<scmp_arg_cmp> conditions;  // all must hold
};

// The families have passed their gate; whatever matches none of these gets ENOSYS.
std::vector<SocketRule> SocketRules() {
  const std::uint32_t allow = SCMP_ACT_ALLOW;
  const std::uint32_t no_protocol = SCMP_ACT_ERRNO(EPROTONOSUPPORT);
  const std::uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
  std::vector<SocketRule> rules = {
      {allow, {Equal(0, AF_UNIX), OfType(SOCK_STREAM)}},
      {allow, {Equal(0, AF_UNIX), OfType(SOCK_DGRAM)}},
      {allow, {Equal(0, AF_UNIX), OfType(SOCK_SEQPACKET)}},
      // Reading the network's configuration; netfilter, xfrm, audit and the others are refused.
      {allow, {Equal(0, AF_NETLINK), Equal(2, NETLINK_ROUTE)}},
      {no_protocol, {Equal(0, AF_NETLINK), Above(2, NETLINK_ROUTE)}},
  };
  for (const std::uint64_t family : {AF_INET, AF_INET6}) {
    const std::vector<SocketRule> internet = {
        {allow, {Equal(0, family), OfType(SOCK_STREAM), Equal(2, 0)}},
        {allow, {Equal(0, family), OfType(SOCK_STREAM), Equal(2, IPPROTO_TCP)}},
        {no_protocol, {Equal(0, family), OfType(SOCK_STREAM), Above(2, IPPROTO_TCP)}},
        {allow, {Equal(0, family), OfType(SOCK_DGRAM), Equal(2, 0)}},
        {allow, {Equal(0, family), OfType(SOCK_DGRAM), Equal(2, IPPROTO_UDP)}},
        {no_protocol, {Equal(0, family), OfType(SOCK_DGRAM), Equal(2, IPPROTO_ICMP)}},
        {no_protocol, {Equal(0, family), OfType(SOCK_DGRAM), Above(2, IPPROTO_UDP)}},
        {refuse, {Equal(0, family), OfType(SOCK_RAW)}},
        {refuse, {Equal(0, family), OfType(SOCK_PACKET)}},
    };
    rules.insert(rules.end(), internet.begin(), internet.end());
  }
  return rules;
}

Result<void> AddSocketRules(void* context) {
  for (const SocketRule& rule : SocketRules()) {
    const int err = seccomp_rule_add_array(context, rule.action, SCMP_SYS(socket),
                                           static_cast<unsigned>(rule.conditions.size()),
                                           rule.conditions.data());
    if (err != 0) {
      return FilterError("socket", err);
    }
  }
  return {};
}

Result<std::string> Export(void* context) {
  const UniqueFd file(memfd_create("casemate-seccomp", MFD_CLOEXEC));
  if (!file.valid()) {
    return ErrnoError("cannot make an in-memory file", errno);
  }
  if (const int err = seccomp_export_bpf(context, file.get()); err != 0) {
    return FilterError("export", err);
  }
  const off_t size = lseek(file.get(), 0, SEEK_END);
  std::string code(size > 0 ? static_cast<std::size_t>(size) : 0, '\0');
  if (code.empty() ||
      pread(file.get(), code.data(), code.size(), 0) != static_cast<ssize_t>(code.size())) {
    return FilterError("read back", -EIO);
  }
  return code;
}

Result<std::string> BuildAllowList() {
  const Filter context(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)));
  if (context == nullptr) {
    return FilterError("seccomp_init", -ENOMEM);
  }
  // Another architecture's numbers mean other calls. x32 counts as another one for libseccomp.
  int err = seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (err == 0) {
    err = seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree
  }
  if (err != 0) {
    return FilterError("attributes", err);
  }
  if (auto added = AddAll(context.get(), AllowedSyscalls(), SCMP_ACT_ALLOW); !added) {
    return std::move(added).error();
  }
  if (auto added = AddAll(context.get(), RefusedSyscalls(), SCMP_ACT_ERRNO(EPERM)); !added) {
    return std::move(added).error();
  }
  if (auto added = AddSocketRules(context.get()); !added) {
    return std::move(added).error();
  }
  return Export(context.get());
}

}  // namespace

Result<std::string> BuildSeccompFilter() {
  auto list = BuildAllowList();
  if (!list) {
    return list;
  }
  // libseccomp's names for architectures are the kernel's AUDIT_ARCH_ values.
  const std::vector<sock_filter> gates = CompileGates(ArgumentGates(), seccomp_arch_native());
  // All jumps are relative and forward, so code can be put in front.
  std::string filter(reinterpret_cast<const char*>(gates.data()),
                     gates.size() * sizeof(sock_filter));
  filter += *list;
  if (filter.size() % sizeof(sock_filter) != 0 || InstructionCount(filter) > kMaxInstructions) {
    return FilterError("size", -E2BIG);
  }
  return filter;
}

std::size_t InstructionCount(std::string_view filter) {
  return filter.size() / sizeof(sock_filter);
}

}  // namespace casemate::sandbox
