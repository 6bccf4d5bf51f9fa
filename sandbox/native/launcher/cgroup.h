// Cgroups: the launcher's place in the control group hierarchies (v1 or v2) and the groups of its
// runs: <own group>/casemate-<incarnation>/run-<n>. Owned by the supervisor; single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/unique_fd.h"
#include "sandbox/native/launcher/child.h"
#include "sandbox/native/launcher/wire.h"

namespace casemate::launcher {

enum Controller : unsigned {
  kMemory = 1U << 0,
  kPids = 1U << 1,
  kCpu = 1U << 2,
  kCpuacct = 1U << 3,  // v1 only; v2 counts in any group
  kIo = 1U << 4,       // blkio in v1; limits the rate of disk I/O where someone asks for it
};

struct Hierarchy {
  unsigned controllers = 0;
  bool v2 = false;
  UniqueFd own;   // the group that the launcher itself is in
  UniqueFd base;  // casemate-<incarnation> below it
};

struct HierarchySet {
  Hierarchy list[kMaxHierarchies];
  std::size_t count = 0;
  int error = 0;  // why there is none, or why a controller is missing
};

// Finds the groups that can be used and makes "casemate-<incarnation>" in each
// (cgroup_discovery.cc).
void DiscoverHierarchies(const char* incarnation, HierarchySet* set);

inline constexpr std::size_t kCounters = 5;
struct Counters {
  UniqueFd file[kCounters];  // cgroup_counters.h
};

// The groups of one run. `id` 0: none.
struct RunGroup {
  std::uint64_t id = 0;
  UniqueFd entry[kMaxHierarchies];  // v1: `tasks`, open for writing; v2: the directory
  bool limits_io = false;           // disk I/O is limited; in v1 it is in one hierarchy more
  Counters counters;                // open when it was made ahead, or has been read
  bool has_counters = false;
};

class Cgroups {
 public:
  explicit Cgroups(const char* incarnation);

  [[nodiscard]] int version() const;
  [[nodiscard]] int error() const { return set_.error; }
  [[nodiscard]] bool Has(Controller controller) const;
  [[nodiscard]] std::uint32_t layers() const;

  // A fresh group without limits. Without any hierarchy: 0 and an empty group.
  int Take(RunGroup* group);
  // Sets the limits of `spec`, before the run enters its groups, or later if it CanLimitLater.
  [[nodiscard]] int Limit(const wire::LaunchSpec& spec, RunGroup* group);
  [[nodiscard]] bool CanLimitLater(const wire::LaunchSpec& spec) const;
  // Makes the next group ahead of time, while a sandbox is setting itself up.
  void Prepare();
  // Opens what Read reads, which then takes less time.
  void OpenAhead(RunGroup* group) const;
  // Adds what the group counted to `report`.
  void Read(RunGroup* group, wire::LaunchReport* report) const;
  // v2: kills all in the group at once. Lifts the limit on disk I/O: who waits for a slow disk
  // cannot be killed.
  void Kill(const RunGroup& group) const;
  void Remove(RunGroup* group);

  // Kills what is in the groups of the dead server `incarnation` and removes them. Looks in all
  // mounted hierarchies: it may have been started in another group than this launcher. Waits a
  // second at most for the killed to end; false: something is left, RetryLeftovers goes on with it
  // (cgroup_reap.cc).
  bool Reap(const char* incarnation);
  [[nodiscard]] bool has_leftovers() const { return leftover_count_ != 0; }
  void RetryLeftovers();
  // At the launcher's end, when no run is left. False: something is still busy.
  bool RemoveAll();

 private:
  static constexpr std::size_t kMaxLeftovers = 128;
  static constexpr std::size_t kNameBytes = 96;
  struct Leftover {
    UniqueFd parent;
    char name[kNameBytes] = {};  // relative to it
  };

  int Make(RunGroup* group);
  int MakeIn(std::size_t hierarchy, RunGroup* group);
  int LimitIo(std::uint64_t bytes_s, RunGroup* group);
  [[nodiscard]] int WriteLimits(const Hierarchy& hierarchy, const RunGroup& group,
                                const wire::LaunchSpec& spec) const;
  // Removes every group `name` in `directory` and below it.
  void ReapBelow(int directory, const char* name, int depth);
  void RemoveLater(int parent, const char* name);
  // Whether RemoveLater was called for a group `name` that is not yet removed, or may have been: a
  // full list cannot tell.
  [[nodiscard]] bool IsLeft(const char* name) const;

  HierarchySet set_;
  char base_name_[kNameBytes];
  std::uint64_t next_id_ = 1;
  RunGroup spare_;
  Leftover leftovers_[kMaxLeftovers];
  std::size_t leftover_count_ = 0;
};

}  // namespace casemate::launcher
