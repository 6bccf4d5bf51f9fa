// Ends what one command that joined a container started. Engines have no request for that.
//
// Where the guard runs it, the guard is told, and ends all that descends from the command.
// Elsewhere it is done by the kernel where this process may (rootless engines, same user), and
// otherwise by a second exec that runs `kill` inside, as the container's own user, whose processes
// they are: never as root, for what runs there is the container's own program. Linux, engine on
// this machine. Used by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "sandbox/container/run/exec_place.h"

namespace casemate::container {

class ExecKiller {
 public:
  // `token`: of its guard; empty: none.
  ExecKiller(const ExecPlace& place, std::string exec, std::string token)
      : place_(place), exec_(std::move(exec)), token_(std::move(token)) {}

  enum class Force { kTerm, kKill };
  // To its process, to all that descend from it and to all of its session. false: no way was found.
  // Errors: those of the engine that was asked for the process.
  Result<bool> Signal(Force force);
  // Once its process has ended: kills what is left of all that was seen. false: something runs on,
  // or may.
  bool EndTheRest();

 private:
  Result<bool> TellGuard(int pid, Force force) const;
  // Those of `seen_` that live; adds what belongs to `root`.
  void Look(int root);
  Result<bool> SignalSeen(Force force);

  const ExecPlace& place_;
  const std::string exec_;
  const std::string token_;
  std::map<int, std::uint64_t> seen_;  // start by pid: a number may be given anew
  bool has_looked_ = false;
};

}  // namespace casemate::container
