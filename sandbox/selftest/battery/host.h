// The host side of the battery: a private directory with the binaries under test, and real things
// on the host that attacks try to reach (listeners, shared memory, a secret file). Made once, used
// by every test in turn, removed at the end. Single-threaded.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace casemate::escape {

inline constexpr uid_t kOrdinaryUid = 54321;
inline constexpr std::string_view kSecretName = "CASEMATE_ESCAPE_SECRET";

class Host {
 public:
  // Reads CASEMATE_BIN and CASEMATE_ATTACK_BIN; copies both, so that any user can run them. With
  // `user`, drops this whole process to that user after the steps that need root.
  // Throws std::runtime_error with what is missing.
  explicit Host(std::optional<uid_t> user);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  [[nodiscard]] bool root() const { return root_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string casemate() const { return directory_ + "/bin/casemate"; }
  [[nodiscard]] std::string probe() const { return directory_ + "/bin/casemate_attack"; }
  [[nodiscard]] std::string workspace() const { return directory_ + "/roots/workspace"; }
  // What Casemate, and each control, has in its environment: a secret among it.
  [[nodiscard]] std::vector<std::string> Environment() const;
  // "{tcp4}", "{marker}", … in `text`, replaced.
  [[nodiscard]] std::string Expand(std::string text) const;

  // Whoever reached a listener of ours since the last call: "tcp4", "udp", … ; empty when nobody.
  std::string TakeVisitors();
  // What differs from the start, or from the last call: mounts, the workspace's entries, the
  // binary. Empty when nothing; one test's residue is not the next one's failure.
  [[nodiscard]] std::string TakeResidue();
  // Directories below /sys/fs/cgroup whose name holds `part`.
  [[nodiscard]] static std::vector<std::string> CgroupsNamed(const std::string& part);

 private:
  void MakeFiles(const std::string& casemate, const std::string& probe);
  void MakePrivilegedFiles();
  void Listen();
  [[nodiscard]] std::string MountTable() const;
  [[nodiscard]] std::vector<std::string> WorkspaceEntries() const;

  bool root_ = false;
  std::string directory_;
  std::map<std::string, std::string> names_;  // for Expand
  std::vector<std::pair<std::string, UniqueFd>> listeners_;
  std::string mounts_;
  std::vector<std::string> workspace_entries_;
  std::string casemate_bytes_;
  int shared_memory_ = -1;
};

}  // namespace casemate::escape
