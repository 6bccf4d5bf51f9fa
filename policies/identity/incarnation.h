// Incarnation: this server process among the several that share a state directory. Each holds an
// flock(2) on <state>/incarnations/<id>; a lock that is free belongs to a dead one, and only what
// belongs to the dead is reaped. The kernel drops the lock however the process ends.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace casemate::policies {

class Incarnation {
 public:
  // Makes a new id ([0-9a-z-]+, at most 40 bytes) and takes its lock.
  static Result<Incarnation> Begin(const std::string& state_dir);
  Incarnation(Incarnation&&) = default;
  Incarnation& operator=(Incarnation&&) = default;
  ~Incarnation();  // removes the lock file and releases the lock

  [[nodiscard]] const std::string& id() const { return id_; }
  // Ends this incarnation as if the process had died: the next server reaps what it left.
  void LeaveToReaper();

  // A dead incarnation whose lock we now hold, so that only one server reaps it. Call Forget when
  // all that it left is gone; otherwise the next start tries again.
  struct Dead {
    std::string id;
    std::string path;
    UniqueFd lock;
    void Forget();
  };
  static std::vector<Dead> ClaimDead(const std::string& state_dir);
  static bool IsAlive(const std::string& state_dir, const std::string& id);

 private:
  Incarnation(std::string id, std::string path, UniqueFd lock)
      : id_(std::move(id)), path_(std::move(path)), lock_(std::move(lock)) {}
  std::string id_;
  std::string path_;
  UniqueFd lock_;
};

}  // namespace casemate::policies
