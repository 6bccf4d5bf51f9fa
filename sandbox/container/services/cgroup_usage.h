// CgroupUsage: what containers use, read from their control groups (version 1, 2 or both) and from
// /proc/<pid>/net/dev, in well under a millisecond each: a look at a hundred containers needs no
// request to the engine. Everyone may read these files. Plain value once opened; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/container/engine/types.h"

namespace casemate::container {

class CgroupUsage {
 public:
  // Finds where the control groups are mounted, from <proc>/self/mountinfo. `root` stands before
  // the mount points, for tests.
  static CgroupUsage Open(std::string proc, const std::string& root = "");

  // One reading. nullopt when it cannot be read from here and the engine's Stats is to be asked: it
  // does not run, its first process is not seen here (that one is in a control group of its name),
  // or processor time or memory are not counted. What else is not counted (pids, disk) is 0.
  [[nodiscard]] std::optional<Usage> Read(const ContainerDetails& details) const;

 private:
  struct Mount {
    bool v2 = false;
    std::vector<std::string> controllers;  // of version 1
    std::string root;                      // the group at the mount point: "/" or a part of it
    std::string point;
  };

  explicit CgroupUsage(std::string proc) : proc_(std::move(proc)) {}
  [[nodiscard]] std::string Directory(std::string_view cgroups, std::string_view id,
                                      std::string_view controller) const;
  [[nodiscard]] static bool ReadV2(const std::string& directory, Usage& usage);
  [[nodiscard]] bool ReadV1(std::string_view cgroups, std::string_view id, Usage& usage) const;

  std::string proc_;
  std::vector<Mount> mounts_;
};

// Bytes received and sent by all interfaces but the loopback, from the text of net/dev.
struct NetworkBytes {
  std::int64_t received = 0;
  std::int64_t sent = 0;
};
NetworkBytes ParseNetDev(std::string_view text);

}  // namespace casemate::container
