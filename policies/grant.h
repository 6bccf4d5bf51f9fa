// What policy allows one call to use at most. A Grant can only be made by a PolicyEngine: holding
// one is the proof that policy was asked. Immutable values; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace casemate::policies {

// Resource limits of one sandboxed command. All are upper bounds; none is optional.
struct Limits {
  std::int64_t memory_mb = 0;   // MiB of RAM, files in private tmpfs included; no swap
  std::int64_t cpu_millis = 0;  // thousandths of one CPU: 1500 is one and a half CPUs
  std::int64_t pids = 0;        // processes and threads at once
  std::int64_t wall_ms = 0;     // milliseconds of real time
  std::int64_t output_kb = 0;   // KiB of stdout and of stderr each that are kept
  std::int64_t disk_mb = 0;     // MiB in the private workspace or overlay (tmpfs, in memory)

  bool operator==(const Limits&) const = default;
};

// Field by field the smaller of the two.
Limits Intersect(const Limits& a, const Limits& b);

enum class WorkspaceAccess { kPrivateOnly, kHostRead, kHostWrite };

class Grant {
 public:
  [[nodiscard]] const Limits& limits() const { return limits_; }
  [[nodiscard]] WorkspaceAccess workspace_access() const { return workspace_access_; }
  [[nodiscard]] const std::string& decision_id() const { return decision_id_; }
  [[nodiscard]] const std::string& principal_id() const { return principal_id_; }

 private:
  friend class PolicyEngine;
  Grant(Limits limits, WorkspaceAccess access, std::string decision_id, std::string principal_id)
      : limits_(limits),
        workspace_access_(access),
        decision_id_(std::move(decision_id)),
        principal_id_(std::move(principal_id)) {}

  Limits limits_;
  WorkspaceAccess workspace_access_;
  std::string decision_id_;
  std::string principal_id_;
};

}  // namespace casemate::policies
