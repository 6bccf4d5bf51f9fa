#include "sandbox/native/launcher/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "sandbox/native/launcher/cgroup_counters.h"
#include "sandbox/native/launcher/cgroup_files.h"
#include "sandbox/native/launcher/cgroup_io.h"
#include "sandbox/native/launcher/text.h"

namespace casemate::launcher {
namespace {

constexpr std::uint64_t kPeriodUs = 100'000;
constexpr std::uint64_t kMinQuotaUs = 1'000;  // the kernel takes no less

// A limit above the parent's is refused by v1 (EINVAL): then the parent's, tighter one holds.
int AllowTighterParent(int error) {
  return error == EINVAL ? 0 : error;
}

// Files of features that this kernel was built without.
int AllowMissing(int error) {
  return error == ENOENT ? 0 : error;
}

int LimitMemory(const Hierarchy& hierarchy, const char* name, std::uint64_t bytes) {
  const int base = hierarchy.base.get();
  if (hierarchy.v2) {
    if (const int error = WriteNumber(base, name, "memory.max", bytes); error != 0) {
      return error;
    }
    if (const int error = AllowMissing(WriteNumber(base, name, "memory.swap.max", 0)); error != 0) {
      return error;
    }
    return AllowMissing(WriteNumber(base, name, "memory.oom.group", 1));
  }
  if (const int error = WriteNumber(base, name, "memory.limit_in_bytes", bytes); error != 0) {
    return error;
  }
  // Memory and swap together: otherwise the sandbox would go on in swap.
  return AllowMissing(WriteNumber(base, name, "memory.memsw.limit_in_bytes", bytes));
}

int LimitCpu(const Hierarchy& hierarchy, const char* name, std::uint64_t cpu_millis) {
  const int base = hierarchy.base.get();
  std::uint64_t quota = cpu_millis * kPeriodUs / 1000;
  quota = quota < kMinQuotaUs ? kMinQuotaUs : quota;
  if (hierarchy.v2) {
    char text[64];
    FormatInto(text, sizeof(text), "%llu %llu", static_cast<unsigned long long>(quota),
               static_cast<unsigned long long>(kPeriodUs));
    return WriteGroupFile(base, name, "cpu.max", text);
  }
  // The period is 100 ms already: the kernel's default in a new group.
  return AllowTighterParent(WriteNumber(base, name, "cpu.cfs_quota_us", quota));
}

// A hierarchy of v1 that does nothing else: runs without a limit on disk I/O have no group there.
bool IsForIoOnly(const Hierarchy& hierarchy) {
  return !hierarchy.v2 && hierarchy.controllers == kIo;
}

}  // namespace

Cgroups::Cgroups(const char* incarnation) {
  FormatInto(base_name_, sizeof(base_name_), "casemate-%s", incarnation);
  DiscoverHierarchies(incarnation, &set_);
}

int Cgroups::version() const {
  if (set_.count == 0) {
    return 0;
  }
  return set_.list[0].v2 ? 2 : 1;
}

bool Cgroups::Has(Controller controller) const {
  for (std::size_t i = 0; i < set_.count; ++i) {
    if ((set_.list[i].controllers & controller) != 0) {
      return true;
    }
  }
  return false;
}

std::uint32_t Cgroups::layers() const {
  return (Has(kMemory) ? wire::kLayerCgroupMemory : 0U) |
         (Has(kPids) ? wire::kLayerCgroupPids : 0U) | (Has(kCpu) ? wire::kLayerCgroupCpu : 0U) |
         (Has(kIo) ? wire::kLayerCgroupIo : 0U);
}

int Cgroups::MakeIn(std::size_t hierarchy, RunGroup* group) {
  const int base = set_.list[hierarchy].base.get();
  const bool v2 = set_.list[hierarchy].v2;
  char name[kRunNameBytes];
  RunName(group->id, name);
  if (::mkdirat(base, name, 0755) != 0) {
    return LastError();
  }
  UniqueFd& entry = group->entry[hierarchy];
  entry.Reset(OpenGroupFile(base, name, v2 ? "." : "tasks",
                            v2 ? O_PATH | O_DIRECTORY | O_CLOEXEC : O_WRONLY | O_CLOEXEC));
  return entry.valid() ? 0 : LastError();
}

int Cgroups::Make(RunGroup* group) {
  group->id = next_id_++;
  int error = 0;
  for (std::size_t i = 0; i < set_.count && error == 0; ++i) {
    error = IsForIoOnly(set_.list[i]) ? 0 : MakeIn(i, group);
  }
  if (error != 0) {
    Remove(group);
  }
  return error;
}

int Cgroups::WriteLimits(const Hierarchy& hierarchy, const RunGroup& group,
                         const wire::LaunchSpec& spec) const {
  char name[kRunNameBytes];
  RunName(group.id, name);
  int error = 0;
  if ((hierarchy.controllers & kMemory) != 0) {
    error = LimitMemory(hierarchy, name, spec.memory_bytes);
  }
  if (error == 0 && (hierarchy.controllers & kPids) != 0) {
    error = WriteNumber(hierarchy.base.get(), name, "pids.max", spec.pids + 1);  // init is one
  }
  if (error == 0 && (hierarchy.controllers & kCpu) != 0) {
    error = LimitCpu(hierarchy, name, spec.cpu_millis);
  }
  return error;
}

int Cgroups::Take(RunGroup* group) {
  if (set_.count == 0) {
    return 0;
  }
  if (spare_.id == 0) {
    if (const int error = Make(&spare_); error != 0) {
      return error;
    }
  }
  *group = std::move(spare_);
  spare_ = RunGroup();
  return 0;
}

int Cgroups::Limit(const wire::LaunchSpec& spec, RunGroup* group) {
  for (std::size_t i = 0; i < set_.count; ++i) {
    if (const int error = WriteLimits(set_.list[i], *group, spec); error != 0) {
      return error;
    }
  }
  return spec.io_bytes_s == 0 ? 0 : LimitIo(spec.io_bytes_s, group);
}

int Cgroups::LimitIo(std::uint64_t bytes_s, RunGroup* group) {
  char name[kRunNameBytes];
  RunName(group->id, name);
  for (std::size_t i = 0; i < set_.count; ++i) {
    if ((set_.list[i].controllers & kIo) == 0) {
      continue;
    }
    group->limits_io = true;
    const int error = IsForIoOnly(set_.list[i]) ? MakeIn(i, group) : 0;
    return error != 0 ? error : SetIoRate(set_.list[i], name, bytes_s);
  }
  return 0;
}

bool Cgroups::CanLimitLater(const wire::LaunchSpec& spec) const {
  return spec.io_bytes_s == 0 || !Has(kIo) || version() == 2;
}

void Cgroups::Prepare() {
  if (set_.count != 0 && spare_.id == 0) {
    // A failure shows when the group is needed: Take tries again and reports it.
    static_cast<void>(Make(&spare_));
  }
}

void Cgroups::OpenAhead(RunGroup* group) const {
  char name[kRunNameBytes];
  RunName(group->id, name);
  OpenCounters(set_, name, &group->counters);
  group->has_counters = true;
}

void Cgroups::Read(RunGroup* group, wire::LaunchReport* report) const {
  if (!group->has_counters) {
    OpenAhead(group);
  }
  ReadCounters(set_, group->counters, report);
}

void Cgroups::Kill(const RunGroup& group) const {
  char name[kRunNameBytes];
  RunName(group.id, name);
  if (group.id != 0 && version() == 2) {
    // Kernels before 5.14 lack the file; init's death does the same there.
    static_cast<void>(WriteGroupFile(set_.list[0].base.get(), name, "cgroup.kill", "1"));
  }
  for (std::size_t i = 0; group.limits_io && i < set_.count; ++i) {
    if ((set_.list[i].controllers & kIo) != 0) {
      static_cast<void>(SetIoRate(set_.list[i], name, 0));
    }
  }
}

void Cgroups::Remove(RunGroup* group) {
  if (group->id == 0) {
    return;
  }
  char name[kRunNameBytes];
  RunName(group->id, name);
  char path[kNameBytes + kRunNameBytes];
  FormatInto(path, sizeof(path), "%s/%s", base_name_, name);
  for (std::size_t i = 0; i < set_.count; ++i) {
    group->entry[i].Reset();
    if (IsForIoOnly(set_.list[i]) && !group->limits_io) {
      continue;
    }
    if (::unlinkat(set_.list[i].base.get(), name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
      RemoveLater(set_.list[i].own.get(), path);
    }
  }
  group->id = 0;
  group->counters = Counters();
  group->has_counters = false;
  group->limits_io = false;
}

void Cgroups::RemoveLater(int parent, const char* name) {
  // When the list is full, the next server's reaping finds the rest.
  if (leftover_count_ < kMaxLeftovers) {
    Leftover& leftover = leftovers_[leftover_count_++];
    leftover.parent.Reset(::fcntl(parent, F_DUPFD_CLOEXEC, 0));
    FormatInto(leftover.name, kNameBytes, "%s", name);
  }
}

void Cgroups::RetryLeftovers() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < leftover_count_; ++i) {
    if (RemoveGroupTree(leftovers_[i].parent.get(), leftovers_[i].name)) {
      leftovers_[i].parent.Reset();
      continue;
    }
    if (kept != i) {
      leftovers_[kept] = std::move(leftovers_[i]);
    }
    ++kept;
  }
  leftover_count_ = kept;
}

bool Cgroups::RemoveAll() {
  Remove(&spare_);
  RetryLeftovers();
  bool gone = leftover_count_ == 0;
  for (std::size_t i = 0; i < set_.count; ++i) {
    gone = RemoveGroupTree(set_.list[i].own.get(), base_name_) && gone;
  }
  return gone;
}

}  // namespace casemate::launcher
