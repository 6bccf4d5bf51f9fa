// The host side of the battery: a private directory with the binaries under test, and real things
// on the host that attacks try to reach (listeners, shared memory, a secret file). Made once, used
// by every trial in turn, removed at the end. Single-threaded.
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
  // Reads CASEMATE_BIN and CASEMATE_ATTACK_BIN; copies both below TMPDIR, so that any user can run
  // them. With `user`, drops this whole process to that user after the steps that need root.
  // Throws std::runtime_error with what is missing.
  explicit Host(std::optional<uid_t> user);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  [[nodiscard]] bool root() const { return root_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  // The program under test, where it was found, and its copy.
  [[nodiscard]] const std::string& original() const { return original_; }
  [[nodiscard]] std::string casemate() const { return directory_ + "/bin/casemate"; }
  [[nodiscard]] std::string probe() const { return directory_ + "/bin/casemate_attack"; }
  [[nodiscard]] std::string workspace() const { return directory_ + "/roots/workspace"; }
  // What Casemate, and each control, has in its environment: a secret among it.
  [[nodiscard]] std::vector<std::string> Environment() const;
  // "{tcp4}", "{marker}", … in `text`, replaced.
  [[nodiscard]] std::string Expand(std::string text) const;

  // Whoever reached a listener of ours since the last call: "tcp4", "udp", … ; empty when nobody.
  std::string TakeVisitors();
  // What differs from the start, or from the last call: the workspace's entries, the binary, and
  // the mounts where they are watched. Empty when nothing; one trial's residue is not the next
  // one's failure.
  [[nodiscard]] std::string TakeResidue();
  // Are mounts of the host seen? Only in a mount namespace of the battery's own, which root can
  // make: elsewhere other programs mount, too.
  [[nodiscard]] bool watches_mounts() const { return watches_mounts_; }
  // A TCP port that was free a moment ago.
  [[nodiscard]] static std::string FreePort();
  // Directories below /sys/fs/cgroup whose name holds `part`.
  [[nodiscard]] static std::vector<std::string> CgroupsNamed(const std::string& part);

 private:
  Host() = default;
  void MakeDirectory();
  void MakeFiles(const std::string& probe);
  void MakePrivilegedFiles();
  void TryPrograms() const;
  void Listen();
  void ShareMemory();
  [[nodiscard]] std::vector<std::string> WorkspaceEntries() const;

  bool root_ = false;
  bool watches_mounts_ = false;
  std::string original_;
  std::string directory_;
  std::map<std::string, std::string> names_;  // for Expand
  std::vector<std::pair<std::string, UniqueFd>> listeners_;
  std::vector<std::string> mounts_;
  std::vector<std::string> workspace_entries_;
  std::string casemate_bytes_;
  int shared_memory_ = -1;
};

}  // namespace casemate::escape
