// History: what each principal did, in counted facts that rules may look at: how often over all of
// its sessions, what it read and reached in each of them
// (paths history.…, names in policies/engine/history_facts.h). Kept in memory while the server
// lives; what is noted is never taken back. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "policies/identity/principal.h"

namespace casemate::policies {

class History {
 public:
  // More calls than this in a window count as this many.
  static constexpr std::size_t kMaxCalls = 20'000;
  static constexpr std::size_t kMaxHosts = 256;
  // Of principals and sessions; beyond it the one that was silent longest is forgotten, those last
  // that read a secret or something untrusted. Of one principal fewer, so that none makes the
  // server forget others.
  static constexpr std::size_t kMaxSubjects = 8'192;
  static constexpr std::size_t kMaxSessionsEach = 512;

  // The facts as rules see them: every one is there. `now_ms`: any clock that does not go back.
  [[nodiscard]] nlohmann::json Facts(const Principal& principal, const std::string& session,
                                     std::int64_t now_ms) const;
  // A call that was allowed; `marks` of kHistoryMarks are counted, others ignored.
  void NoteCall(const Principal& principal, const std::string& session,
                std::span<const std::string> marks, std::int64_t now_ms);
  // Something that was found out after the call was allowed.
  void NoteMark(const Principal& principal, const std::string& session, const std::string& mark);
  // A host that a call could reach. Beyond kMaxHosts only "…" is added.
  void NoteEgress(const Principal& principal, const std::string& session, const std::string& host);

 private:
  using Times = std::deque<std::int64_t>;  // ascending
  struct Subject {
    std::map<std::string, std::int64_t> marks;
    std::vector<std::string> hosts;  // sorted
    std::list<std::string>::iterator place;
  };
  Subject& At(const Principal& principal, const std::string& session);
  // The subject among those whose key begins so that was silent longest.
  void Forget(const std::string& beginning);

  mutable std::mutex mutex_;
  std::map<std::string, Times> calls_;       // by principal; guarded by mutex_, as below
  std::map<std::string, Subject> subjects_;  // by principal and session
  std::list<std::string> silence_;           // keys, the longest silent first
};

}  // namespace casemate::policies
