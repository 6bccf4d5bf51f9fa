// Network and IPC: addresses outside, the host's loopback, sockets of other families, shared
// memory.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "sandbox/selftest/probe/attack.h"

namespace casemate::escape {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Address Parse(const std::string& host, std::uint16_t port) {
  Address address;
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof *v6;
  } else {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    inet_pton(AF_INET, host.c_str(), &v4->sin_addr);
    address.size = sizeof *v4;
  }
  return address;
}

// Non-blocking with a bound, so that a dropped packet reads as "dropped" and not as a hang.
Outcome Connect(int domain, const Address& address) {
  const int fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return Blocked("socket:" + ErrnoName(errno));
  }
  if (connect(fd, address.get(), address.size) == 0) {
    return Succeeded();
  }
  if (errno != EINPROGRESS) {
    return Blocked(ErrnoName(errno));
  }
  pollfd wait = {.fd = fd, .events = POLLOUT, .revents = 0};
  if (poll(&wait, 1, 3000) != 1) {
    return Blocked("dropped");
  }
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? Succeeded() : Blocked(ErrnoName(error));
}

Outcome ConnectTcp(Args args) {
  const Address address =
      Parse(TextArg(args, 0, "127.0.0.1"), static_cast<std::uint16_t>(NumberArg(args, 1, 80)));
  return Connect(address.storage.ss_family, address);
}

Outcome SendUdp(Args args) {
  const Address address =
      Parse(TextArg(args, 0, "127.0.0.1"), static_cast<std::uint16_t>(NumberArg(args, 1, 53)));
  const int fd = socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return Blocked("socket:" + ErrnoName(errno));
  }
  // A DNS question for "x." with the secret that would leak as its label.
  const char question[] =
      "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01x\x00\x00\x01\x00\x01";
  return OfCall(sendto(fd, question, sizeof question - 1, 0, address.get(), address.size));
}

// The same without connect(2): TCP fast open sends with the first message.
Outcome FastOpen(Args args) {
  const Address address =
      Parse(TextArg(args, 0, "127.0.0.1"), static_cast<std::uint16_t>(NumberArg(args, 1, 80)));
  const int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return Blocked("socket:" + ErrnoName(errno));
  }
  return OfCall(sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, address.get(), address.size));
}

// For the control, in a network namespace of its own: loopback up, pings allowed for group 0.
bool PreparePing() {
  const int setting = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY | O_CLOEXEC);
  const bool allowed = setting >= 0 && write(setting, "0 0", 3) == 3;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return allowed && fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

Outcome Ping(Args args) {
  if (TextArg(args, 1, "") == "prepare" && !PreparePing()) {
    return CannotTry(ErrnoName(errno));
  }
  const Address address = Parse(TextArg(args, 0, "127.0.0.1"), 0);
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);
  if (fd < 0) {
    return Blocked("socket:" + ErrnoName(errno));
  }
  icmphdr echo{};
  echo.type = ICMP_ECHO;
  return OfCall(sendto(fd, &echo, sizeof echo, 0, address.get(), address.size));
}

Outcome AnySocket(int domain, int type, int protocol) {
  return OfCall(socket(domain, type | SOCK_CLOEXEC, protocol));
}
Outcome AfAlg(Args /*args*/) {
  return AnySocket(AF_ALG, SOCK_SEQPACKET, 0);
}
Outcome AfVsock(Args /*args*/) {
  return AnySocket(AF_VSOCK, SOCK_STREAM, 0);
}
Outcome AfPacket(Args /*args*/) {
  return AnySocket(AF_PACKET, SOCK_RAW, 0);
}
Outcome RawSocket(Args /*args*/) {
  return AnySocket(AF_INET, SOCK_RAW, IPPROTO_TCP);
}
Outcome NetlinkNetfilter(Args /*args*/) {
  return AnySocket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
}
Outcome NetlinkXfrm(Args /*args*/) {
  return AnySocket(AF_NETLINK, SOCK_RAW, NETLINK_XFRM);
}
Outcome NetlinkAudit(Args /*args*/) {
  return AnySocket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);
}
Outcome AfXdp(Args /*args*/) {
  return AnySocket(44, SOCK_RAW, 0);
}

Outcome ConnectUnix(const std::string& name, bool abstract) {
  Address address;
  auto* local = reinterpret_cast<sockaddr_un*>(&address.storage);
  local->sun_family = AF_UNIX;
  const std::size_t skip = abstract ? 1 : 0;
  std::memcpy(local->sun_path + skip, name.data(), name.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + skip + name.size() +
                                        (abstract ? 0 : 1));
  return Connect(AF_UNIX, address);
}
Outcome AbstractSocket(Args args) {
  return ConnectUnix(TextArg(args, 0, "x"), true);
}
Outcome PathSocket(Args args) {
  return ConnectUnix(TextArg(args, 0, "/run/docker.sock"), false);
}

Outcome SysvShm(Args args) {
  return OfCall(shmget(static_cast<key_t>(NumberArg(args, 0, 0)), 0, 0));
}
Outcome PosixMq(Args args) {
  return OfCall(
      syscall(SYS_mq_open, TextArg(args, 0, "x").c_str(), O_RDWR | O_CLOEXEC, 0, nullptr));
}
Outcome OpenFile(Args args) {
  return OfCall(open(TextArg(args, 0, "/etc/shadow").c_str(), O_RDONLY | O_CLOEXEC));
}

int BindAbstract(const std::string& name) {
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path + 1, name.data(), name.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&local), size) == 0 ? listen(fd, 4) : -1;
}

int ListenTcp(std::uint16_t port) {
  const Address address = Parse("127.0.0.1", port);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  return fd >= 0 && bind(fd, address.get(), address.size) == 0 ? listen(fd, 4) : -1;
}

// One side of two sandboxes that try to meet: offers everything under one name, says so by a file
// in the workspace that both share, and waits to be ended.
Outcome HoldMeeting(Args args) {
  const std::string name = TextArg(args, 0, "x");
  const auto key = static_cast<key_t>(NumberArg(args, 1, 1));
  const auto port = static_cast<std::uint16_t>(NumberArg(args, 2, 1));
  const std::string ready = TextArg(args, 3, "ready");
  BindAbstract(name);
  ListenTcp(port);
  shmget(key, 4096, IPC_CREAT | 0666);
  for (const char* place : {"/tmp/", "/dev/shm/", "/run/casemate/"}) {
    close(open((place + name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  }
  syscall(SYS_mq_open, name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666, nullptr);
  if (open(ready.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666) < 0) {
    return CannotTry(ErrnoName(errno));
  }
  while (true) {
    pause();
  }
}

// Takes away what an unconfined holder, the control, left on the host.
Outcome EndMeeting(Args args) {
  const std::string name = TextArg(args, 0, "x");
  const int id = shmget(static_cast<key_t>(NumberArg(args, 1, 1)), 0, 0);
  unlink(("/tmp/" + name).c_str());
  unlink(("/dev/shm/" + name).c_str());
  syscall(SYS_mq_unlink, name.c_str());
  return OfCall(shmctl(id, IPC_RMID, nullptr));
}

Outcome JoinMeeting(Args args) {
  const std::string name = TextArg(args, 0, "x");
  std::string met;
  const auto note = [&met](const char* what, const Outcome& outcome) {
    if (outcome.verdict == Verdict::kSucceeded) {
      met += (met.empty() ? "" : ",") + std::string(what);
    }
  };
  const std::string port = TextArg(args, 2, "1");
  const std::string key = TextArg(args, 1, "1");
  const std::string tcp[] = {"127.0.0.1", port};
  const std::string file[] = {"/tmp/" + name};
  const std::string shm[] = {"/dev/shm/" + name};
  note("abstract", ConnectUnix(name, true));
  note("tcp", ConnectTcp(tcp));
  note("sysv", SysvShm({&key, 1}));
  note("mq", PosixMq({&name, 1}));
  note("tmp", OpenFile(file));
  note("shm", OpenFile(shm));
  return met.empty() ? Blocked("no-contact") : Succeeded(met);
}

constexpr Attack kAttacks[] = {
    {"af_alg", 34, AfAlg},
    {"af_vsock", 34, AfVsock},
    {"af_packet", 34, AfPacket},
    {"af_xdp", 34, AfXdp},
    {"raw_socket", 34, RawSocket},
    {"netlink_netfilter", 34, NetlinkNetfilter},
    {"netlink_xfrm", 34, NetlinkXfrm},
    {"netlink_audit", 34, NetlinkAudit},
    {"connect_tcp", 55, ConnectTcp},
    {"fast_open", 55, FastOpen},
    {"send_udp", 55, SendUdp},
    {"ping", 55, Ping},
    {"abstract_socket", 63, AbstractSocket},
    {"path_socket", 63, PathSocket},
    {"sysv_shm", 64, SysvShm},
    {"posix_mq", 64, PosixMq},
    {"hold_meeting", 64, HoldMeeting},
    {"join_meeting", 64, JoinMeeting},
    {"end_meeting", 64, EndMeeting},
};

}  // namespace

std::span<const Attack> NetworkAttacks() {
  return kAttacks;
}

}  // namespace casemate::escape
