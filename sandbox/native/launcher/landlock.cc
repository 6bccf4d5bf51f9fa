#include "sandbox/native/launcher/landlock.h"

#include <fcntl.h>

#include <cstdint>

#include "sandbox/native/launcher/syscalls.h"

namespace casemate::launcher {
namespace {

// The kernel's numbers; the headers at hand know only some of them.
constexpr std::uint64_t kExecute = 1ULL << 0;
constexpr std::uint64_t kWriteFile = 1ULL << 1;
constexpr std::uint64_t kReadFile = 1ULL << 2;
constexpr std::uint64_t kReadDir = 1ULL << 3;
constexpr std::uint64_t kMakeChar = 1ULL << 6;
constexpr std::uint64_t kMakeBlock = 1ULL << 11;
constexpr std::uint64_t kAbi1Rights = (1ULL << 13) - 1;
constexpr std::uint64_t kRefer = 1ULL << 13;                   // ABI 2
constexpr std::uint64_t kTruncate = 1ULL << 14;                // ABI 3
constexpr std::uint64_t kIoctlDev = 1ULL << 15;                // ABI 5
constexpr std::uint64_t kScopeAbstractUnixSocket = 1ULL << 0;  // ABI 6
constexpr std::uint64_t kScopeSignal = 1ULL << 1;              // ABI 6
constexpr unsigned kCreateRulesetVersion = 1;
constexpr int kRulePathBeneath = 1;

struct RulesetAttributes {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;
  std::uint64_t scoped;
};

struct __attribute__((packed)) PathBeneathAttributes {
  std::uint64_t allowed_access;
  std::int32_t parent_fd;
};

std::uint64_t FileRights(int abi) {
  std::uint64_t rights = kAbi1Rights;
  rights |= abi >= 2 ? kRefer : 0;
  rights |= abi >= 3 ? kTruncate : 0;
  rights |= abi >= 5 ? kIoctlDev : 0;
  return rights;
}

int Allow(int ruleset, const char* path, std::uint64_t rights) {
  const UniqueFd directory(::open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory.valid()) {
    return LastError();
  }
  const PathBeneathAttributes rule = {rights, directory.get()};
  return ErrorOf(::syscall(SYS_landlock_add_rule, ruleset, kRulePathBeneath, &rule, 0));
}

int AddRules(int ruleset, std::uint64_t all, bool workspace_writable) {
  const std::uint64_t read = kExecute | kReadFile | kReadDir;
  const std::uint64_t write = all & ~(kMakeChar | kMakeBlock | kIoctlDev);
  struct Rule {
    const char* path;
    std::uint64_t rights;
  };
  const Rule rules[] = {
      {"/", read},
      {"/dev", read | (all & (kWriteFile | kTruncate | kIoctlDev))},
      {"/dev/shm", write},
      {"/tmp", write},
      {"/run/casemate", write},
      {"/workspace", workspace_writable ? write : read},
  };
  for (const Rule& rule : rules) {
    if (const int error = Allow(ruleset, rule.path, rule.rights); error != 0) {
      return error;
    }
  }
  return 0;
}

}  // namespace

int LandlockAbi(int* error) {
  const auto abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kCreateRulesetVersion);
  *error = ErrorOf(abi);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

int RestrictByLandlock(ChildContext& context) {
  const int abi = context.host.landlock_abi;
  if (abi < 1) {
    if (!sandbox::MayLackLandlock(context.mode)) {
      return context.host.landlock_errno;
    }
    context.missing |= wire::kLayerLandlock;
    context.report.landlock_errno = context.host.landlock_errno;
    return 0;
  }
  RulesetAttributes attributes = {};
  attributes.handled_access_fs = FileRights(abi);
  attributes.scoped = abi >= 6 ? kScopeAbstractUnixSocket | kScopeSignal : 0;
  // Older kernels know shorter forms of the structure and accept zeros past their end.
  const UniqueFd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0)));
  if (!ruleset.valid()) {
    return LastError();
  }
  const bool workspace_writable = context.request.workspace() != Workspace::kReadOnly;
  if (const int error = AddRules(ruleset.get(), attributes.handled_access_fs, workspace_writable);
      error != 0) {
    return error;
  }
  context.report.landlock_abi = static_cast<std::uint32_t>(abi);
  return ErrorOf(::syscall(SYS_landlock_restrict_self, ruleset.get(), 0));
}

}  // namespace casemate::launcher
