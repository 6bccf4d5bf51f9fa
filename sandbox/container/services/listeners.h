// What listens in the network namespace of a process: read from /proc/<pid>/net, which everyone may
// read, so a server without rights sees it too. Whose a socket is tells /proc/<pid>/fd, to root and
// to the same user only. Nothing of the container is started or asked. Stateless; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::container {

struct Listener {
  std::string protocol;  // "tcp", "udp", "unix"
  std::string address;   // "0.0.0.0", "::1"; of a unix socket its path, "@name" if abstract
  int port = 0;          // 0: a unix socket
  int uid = -1;          // who made it, as the host counts; -1: not told
  std::uint64_t inode = 0;
  std::vector<int> pids;  // who holds it, ascending; empty: not known
};

struct Listeners {
  std::vector<Listener> sockets;  // tcp, then udp, then unix
  bool complete = true;           // false: there were more than fit the bounds
};

// A TCP socket listens, a UDP socket is bound and has no peer, a unix socket listens. Twins of the
// same socket are told once. kUnavailable when there is no such process or it cannot be seen.
Result<Listeners> ReadListeners(const std::string& proc, int pid);

// Enters who of `pids` holds which socket. False: of one of them it may not be seen, so a socket
// without a holder may have one.
bool FindHolders(const std::string& proc, std::span<const int> pids, Listeners& listeners);

// Only reachable from within the network namespace.
bool IsLoopback(const Listener& listener);

// What the files hold, for tests: rows that make no sense are passed over.
void ParseInternet(std::string_view text, std::string_view protocol, Listeners& listeners);
void ParseUnix(std::string_view text, Listeners& listeners);

}  // namespace casemate::container
