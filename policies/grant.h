// What policy allows one call to use at most. A Grant can only be made by a PolicyEngine: holding
// one is the proof that policy was asked. Immutable values; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "policies/container_rights.h"
#include "policies/identity/principal.h"

namespace casemate::policies {

// Resource limits of one sandboxed command. All are upper bounds; none is optional.
struct Limits {
  std::int64_t memory_mb = 0;   // MiB of RAM, files in private tmpfs included; no swap
  std::int64_t cpu_millis = 0;  // thousandths of one CPU: 1500 is one and a half CPUs
  std::int64_t pids = 0;        // processes and threads at once
  std::int64_t wall_ms = 0;     // milliseconds of real time
  std::int64_t output_kb = 0;   // KiB of stdout and of stderr each that are kept
  std::int64_t disk_mb = 0;     // MiB in the private workspace or overlay (tmpfs, in memory)
  std::int64_t io_mb_s = 0;     // MiB a second read from, and written to, each disk; 0: any rate

  bool operator==(const Limits&) const = default;
};

// Field by field the tighter of the two.
Limits Intersect(const Limits& a, const Limits& b);

enum class WorkspaceAccess { kPrivateOnly, kHostRead, kHostWrite };

// The obligations of an allowed call: whoever cannot hold one of them must not run it.
struct Rights {
  Limits limits;
  WorkspaceAccess workspace = WorkspaceAccess::kPrivateOnly;
  bool strict_sandbox = false;   // refused where a layer of the sandbox is missing (sandbox.mode)
  ContainerRights containers{};  // what may be done with containers: nothing by default

  bool operator==(const Rights&) const = default;
};

// Right by right the narrower of the two.
Rights Intersect(const Rights& a, const Rights& b);

class Grant {
 public:
  [[nodiscard]] const Rights& rights() const { return rights_; }
  [[nodiscard]] const Limits& limits() const { return rights_.limits; }
  [[nodiscard]] WorkspaceAccess workspace_access() const { return rights_.workspace; }
  [[nodiscard]] bool strict_sandbox() const { return rights_.strict_sandbox; }
  [[nodiscard]] const ContainerRights& containers() const { return rights_.containers; }
  [[nodiscard]] const std::string& decision_id() const { return decision_id_; }
  // Whose call it is: names of principals are unique within a tenant only.
  [[nodiscard]] const std::string& principal_id() const { return principal_id_; }
  [[nodiscard]] const std::string& tenant() const { return tenant_; }

 private:
  friend class PolicyEngine;
  Grant(const Rights& rights, std::string decision_id, const Principal& principal)
      : rights_(rights),
        decision_id_(std::move(decision_id)),
        principal_id_(principal.id),
        tenant_(principal.tenant) {}

  Rights rights_;
  std::string decision_id_;
  std::string principal_id_;
  std::string tenant_;
};

}  // namespace casemate::policies
