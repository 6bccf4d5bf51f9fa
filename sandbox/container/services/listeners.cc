#include "sandbox/container/services/listeners.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "sandbox/container/services/proc_entry.h"

namespace casemate::container {
namespace {

constexpr std::size_t kMaxInternetBytes =
    std::size_t{256} * 1024;  // the kernel tells listeners first
constexpr std::size_t kMaxUnixBytes = std::size_t{512} * 1024;
constexpr std::size_t kMaxStatBytes = 4096;
constexpr std::size_t kMaxListeners = 1024;
constexpr std::size_t kMaxFiles = 40000;    // descriptors of all processes of a container
constexpr std::size_t kMaxPathBytes = 108;  // of a unix socket
constexpr std::string_view kTcpListen = "0A";
constexpr std::string_view kUdpUnconnected = "07";

struct Endpoint {
  std::string address;
  int port = 0;
};

// "0100007F:1F90": words of 32 bits as the machine holds them, then the port.
std::optional<Endpoint> ParseEndpoint(std::string_view text) {
  constexpr std::size_t kWordDigits = 8;
  const std::size_t colon = text.find(':');
  const bool is_v4 = colon == kWordDigits;
  if (!is_v4 && colon != 4 * kWordDigits) {
    return std::nullopt;
  }
  std::array<std::uint32_t, 4> words{};
  for (std::size_t i = 0; i < (is_v4 ? 1 : 4); ++i) {
    const auto word = Number(text.substr(i * kWordDigits, kWordDigits), 16);
    if (!word) {
      return std::nullopt;
    }
    words.at(i) = static_cast<std::uint32_t>(*word);
  }
  const auto port = Number(text.substr(colon + 1), 16);
  std::array<char, INET6_ADDRSTRLEN> address{};
  if (!port || *port > 0xFFFF ||
      inet_ntop(is_v4 ? AF_INET : AF_INET6, words.data(), address.data(), address.size()) ==
          nullptr) {
    return std::nullopt;
  }
  return Endpoint{address.data(), static_cast<int>(*port)};
}

bool HasRoom(Listeners& listeners) {
  if (listeners.sockets.size() < kMaxListeners) {
    return true;
  }
  listeners.complete = false;
  return false;
}

bool IsKnown(const Listeners& listeners, const Listener& listener) {
  return std::ranges::any_of(listeners.sockets, [&](const Listener& other) {
    return other.protocol == listener.protocol && other.port == listener.port &&
           other.address == listener.address &&
           (listener.port != 0 || other.inode == listener.inode);
  });
}

void Add(Listener listener, Listeners& listeners) {
  // Sockets with SO_REUSEPORT are many of one address, one for each worker of the same service.
  if (!IsKnown(listeners, listener) && HasRoom(listeners)) {
    listeners.sockets.push_back(std::move(listener));
  }
}

// Without the row that the bound cut.
std::string_view WholeLines(const std::string& text, std::size_t bound, Listeners& listeners) {
  if (text.size() < bound) {
    return text;
  }
  listeners.complete = false;
  return std::string_view(text).substr(0, text.rfind('\n') + 1);
}

// The kernel walks all connections of the machine for one list of TCP sockets, milliseconds with
// much memory; that a namespace has none it tells at once: "TCP: inuse 0 …".
bool IsUnused(std::string_view sockstat, std::string_view key) {
  while (!sockstat.empty()) {
    std::string_view line = TakeUntil(sockstat, '\n');
    if (TakeUntil(line, ':') == key) {
      const std::vector<std::string_view> fields = Fields(line);
      return fields.size() >= 2 && fields[0] == "inuse" && fields[1] == "0";
    }
  }
  return false;
}

}  // namespace

void ParseInternet(std::string_view text, std::string_view protocol, Listeners& listeners) {
  const std::string_view wanted = protocol == "tcp" ? kTcpListen : kUdpUnconnected;
  TakeUntil(text, '\n');  // the heading
  while (!text.empty()) {
    // sl local remote st queues timer retransmits uid timeout inode …
    const std::vector<std::string_view> fields = Fields(TakeUntil(text, '\n'));
    if (fields.size() < 10 || fields[3] != wanted) {
      continue;
    }
    const auto local = ParseEndpoint(fields[1]);
    const auto remote = ParseEndpoint(fields[2]);
    const auto uid = Number(fields[7]);
    const auto inode = Number(fields[9]);
    if (!local || !remote || !uid || !inode || local->port == 0 || remote->port != 0) {
      continue;
    }
    Add({.protocol = std::string(protocol),
         .address = local->address,
         .port = local->port,
         .uid = static_cast<int>(std::min<std::uint64_t>(*uid, INT32_MAX)),
         .inode = *inode,
         .pids = {}},
        listeners);
  }
}

void ParseUnix(std::string_view text, Listeners& listeners) {
  constexpr std::uint64_t kListens = 0x10000;  // __SO_ACCEPTCON
  TakeUntil(text, '\n');
  while (!text.empty()) {
    // Num: references protocol flags type state inode path
    const std::string_view line = TakeUntil(text, '\n');
    const std::vector<std::string_view> fields = Fields(line);
    if (fields.size() < 8) {
      continue;
    }
    const auto flags = Number(fields[3], 16);
    const auto inode = Number(fields[6]);
    if (!flags || (*flags & kListens) == 0 || !inode) {
      continue;
    }
    const std::string_view path =
        line.substr(static_cast<std::size_t>(fields[7].data() - line.data()));  // may hold spaces
    Add({.protocol = "unix",
         .address = Shown(path, kMaxPathBytes),
         .port = 0,
         .uid = -1,
         .inode = *inode,
         .pids = {}},
        listeners);
  }
}

Result<Listeners> ReadListeners(const std::string& proc, int pid) {
  const std::optional<ProcEntry> entry = ProcEntry::Open(proc, pid);
  const std::string in_use = entry ? entry->Read("net/sockstat", kMaxStatBytes).value_or("") +
                                         entry->Read("net/sockstat6", kMaxStatBytes).value_or("")
                                   : "";
  Listeners listeners;
  bool seen = !in_use.empty();
  const auto parse = [&](const char* name, std::string_view protocol, std::string_view key) {
    if (!entry || IsUnused(in_use, key)) {
      return;
    }
    // Kernels without IPv6 have no such files.
    if (const auto text = entry->Read(name, kMaxInternetBytes)) {
      seen = true;
      ParseInternet(WholeLines(*text, kMaxInternetBytes, listeners), protocol, listeners);
    }
  };
  parse("net/tcp", "tcp", "TCP");
  parse("net/tcp6", "tcp", "TCP6");
  parse("net/udp", "udp", "UDP");
  parse("net/udp6", "udp", "UDP6");
  if (!entry || !seen) {
    return Error{ErrorCode::kUnavailable,
                 "the sockets of process " + std::to_string(pid) + " cannot be read from " + proc,
                 {},
                 "look at the published ports instead; the container has ended, or its engine runs "
                 "on another machine",
                 0};
  }
  if (const auto text = entry->Read("net/unix", kMaxUnixBytes)) {
    ParseUnix(WholeLines(*text, kMaxUnixBytes, listeners), listeners);
  }
  return listeners;
}

bool FindHolders(const std::string& proc, std::span<const int> pids, Listeners& listeners) {
  std::unordered_map<std::uint64_t, Listener*> by_inode;
  for (Listener& listener : listeners.sockets) {
    by_inode.emplace(listener.inode, &listener);
  }
  bool all_seen = true;
  std::size_t files_left = kMaxFiles;
  for (const int pid : pids) {
    const std::optional<ProcEntry> entry = ProcEntry::Open(proc, pid);
    if (!entry) {
      continue;  // it has ended
    }
    const auto sockets = entry->Sockets(files_left);
    if (!sockets) {
      all_seen = false;
      continue;
    }
    for (const std::uint64_t inode : *sockets) {
      const auto found = by_inode.find(inode);
      // A process that duplicated the descriptor is met twice, one after the other.
      if (found != by_inode.end() &&
          (found->second->pids.empty() || found->second->pids.back() != pid)) {
        found->second->pids.push_back(pid);
      }
    }
  }
  for (Listener& listener : listeners.sockets) {
    std::ranges::sort(listener.pids);
  }
  return all_seen && files_left > 0;
}

bool IsLoopback(const Listener& listener) {
  return listener.protocol == "unix" || listener.address.starts_with("127.") ||
         listener.address == "::1" || listener.address.starts_with("::ffff:127.");
}

}  // namespace casemate::container
