// How `health` and `status` learn what init knows: an abstract socket, which needs no place in a
// file system that may be read-only. Who connects gets one Report for each application, and sends
// nothing.
//
// With the host's network the socket is seen by everybody on the host. So its name has the inode of
// the mount namespace, which no two containers share, even where they share the namespaces of
// network and processes; the server answers only its own user and root; and the client believes
// only its own user and root, in its own process namespace or one below (attack: a process of the
// host that takes the name first and calls everything healthy). A client that is root also believes
// another user who is its first process or sees the same files. One thread.
#pragma once

#include <cstdint>

#include "sandbox/container/init/config.h"

namespace casemate::container::init {

inline constexpr std::uint32_t kReportMagic = 0x31524943;

enum class Health : std::int32_t { kStarting, kHealthy, kUnhealthy };

struct Report {
  std::uint32_t magic = kReportMagic;
  std::int32_t index = 0;
  std::int32_t count = 0;  // of all reports
  Health health = Health::kStarting;
  std::int32_t pid = 0;  // 0: does not run
  std::int32_t restarts = 0;
  std::int32_t last_code = -1;  // -1: has not ended yet
  char name[kMaxName + 1] = {};
  char state[16] = {};
  char why[160] = {};
};

// The listening socket of the init whose configuration is at `path`, or -1 with errno.
int ListenControl(const char* path);
// A connection of someone who may ask, or -1.
int AcceptControl(int listening);
// false: it does not take it at once.
bool SendReport(int connection, const Report& report);

// The modes `health [APP]` and `status`: the exit code.
int ShowMode(bool wants_health, const char* path, const char* only);

}  // namespace casemate::container::init
