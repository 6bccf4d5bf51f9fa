// Openers: short-lived processes that open workspaces for the server, since a file system that
// hangs must not hold up the launcher. Single-threaded; owns them.
#pragma once

#include <poll.h>

#include <cstddef>

#include "base/unique_fd.h"
#include "sandbox/native/launcher/roots.h"

namespace casemate::launcher {

class Openers {
 public:
  static constexpr std::size_t kMost = 8;  // at once

  // Starts one that answers on `socket` and dies with the launcher (lifeline.h). Nobody answers
  // when there is none to be had; the server sees EOF.
  void Start(const Roots& roots, int lifeline, UniqueFd socket);
  // Reaps those that have ended.
  void Reap();
  // For poll(2): `entries` has room for kMost. Returns how many it filled.
  std::size_t Watch(pollfd* entries) const;

 private:
  UniqueFd pidfds_[kMost];
};

}  // namespace casemate::launcher
