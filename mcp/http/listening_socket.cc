#include "mcp/http/listening_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace casemate::http {
namespace {

constexpr int kBacklog = 4096;  // the kernel lowers it to net.core.somaxconn
constexpr int kUnixFlags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

void SetOption(int fd, int level, int name, int value) {
  (void)::setsockopt(fd, level, name, &value, sizeof value);  // none that we need to go on
}

Error BindError(const std::string& name, const char* what, int err) {
  Error error = ErrnoError(std::string(what) + " " + name, err);
  if (err == EADDRINUSE) {
    error.code = ErrorCode::kUnavailable;
    error.remedy = "another program listens there: choose another address, or stop it";
  } else if (err == EACCES) {
    error.remedy = "choose a port from 1024 up, or a path in a directory of yours";
  } else if (err == EADDRNOTAVAIL) {
    error.code = ErrorCode::kInvalidArgument;
    error.remedy = "give an address of this machine, for example 127.0.0.1";
  }
  error.field = name;
  return error;
}

Result<sockaddr_un> UnixAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path ||
      path.find('\0') != std::string::npos) {
    return Error{ErrorCode::kInvalidArgument,
                 "the path of a unix socket has 1 to " +
                     std::to_string(sizeof address.sun_path - 1) + " bytes, this one has " +
                     std::to_string(path.size()),
                 path, "choose a shorter path", 0};
  }
  std::memcpy(static_cast<char*>(address.sun_path), path.data(), path.size());
  return address;
}

// The directory of `path`, locked, so that of two servers that find the same stale file one binds
// and the other finds it alive.
Result<UniqueFd> LockDirectory(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "."
                                : slash == 0               ? "/"
                                                           : path.substr(0, slash);
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) {
    return BindError(directory, "cannot open the directory", errno);
  }
  constexpr int kAttempts = 100;
  for (int i = 0; i < kAttempts; ++i) {
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
      return fd;
    }
    ::usleep(10'000);  // start-up only; another server holds it for microseconds
  }
  return Error{ErrorCode::kUnavailable, "another process holds a lock on the directory", directory,
               "use a directory that only this user can open", EWOULDBLOCK};
}

// Whether nobody accepts on the socket at `address`, so that its file may go.
bool IsStale(const sockaddr_un& address) {
  struct stat info{};
  if (::lstat(static_cast<const char*>(address.sun_path), &info) != 0 || !S_ISSOCK(info.st_mode)) {
    return false;
  }
  const UniqueFd probe(::socket(AF_UNIX, kUnixFlags, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
         errno == ECONNREFUSED;
}

struct AddressFree {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, AddressFree>;

AddressList ParseAddress(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (host.empty() ||
      ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list) != 0) {
    return nullptr;
  }
  return AddressList(list);
}

// "127.0.0.1:80" or "[::1]:80".
std::string AddressText(const sockaddr_storage& address, socklen_t size) {
  std::array<char, 64> host{};
  std::array<char, 8> port{};
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host.data(), host.size(),
                    port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "?";
  }
  const bool is_v6 = address.ss_family == AF_INET6;
  return (is_v6 ? "[" : "") + std::string(host.data()) + (is_v6 ? "]:" : ":") + port.data();
}

bool IsLoopback(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

Peer UnixPeer(int fd) {
  Peer peer;
  peer.is_unix = true;
  peer.address = "unix";
  ucred credentials{};
  socklen_t size = sizeof credentials;
  // Without the kernel's word the peer is nobody, never root.
  const bool known = ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0;
  peer.uid = known ? credentials.uid : static_cast<uid_t>(-1);
  return peer;
}

// Notices peers that are no more: the kernel gives up on what is not acknowledged in 30 seconds,
// and asks a silent peer after a minute.
void TuneTcp(int fd) {
  SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  SetOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
  SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
  SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

}  // namespace

Result<ListeningSocket> ListeningSocket::Open(const Endpoint& endpoint) {
  return endpoint.host == "unix" ? OpenUnix(endpoint) : OpenTcp(endpoint);
}

Result<ListeningSocket> ListeningSocket::OpenUnix(const Endpoint& endpoint) {
  const std::string& path = endpoint.path;
  auto address = UnixAddress(path);
  if (!address) {
    return std::move(address).error();
  }
  if (endpoint.tls) {
    return Error{ErrorCode::kInvalidArgument, "a unix socket has no TLS", path,
                 "leave out the certificate, or listen on an IP address", 0};
  }
  auto lock = LockDirectory(path);
  if (!lock) {
    return std::move(lock).error();
  }
  ListeningSocket socket;
  socket.fd_.Reset(::socket(AF_UNIX, kUnixFlags, 0));
  // Linux makes the file with the mode of the socket: no moment in which others may connect.
  if (!socket.fd_.valid() || ::fchmod(socket.fd_.get(), S_IRUSR | S_IWUSR) != 0) {
    return BindError(path, "cannot make a socket for", errno);
  }
  const auto bind_it = [&] {
    return ::bind(socket.fd_.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address);
  };
  int result = bind_it();
  if (result != 0 && errno == EADDRINUSE) {
    if (IsStale(*address)) {
      (void)::unlink(path.c_str());
    }
    result = bind_it();
  }
  if (result != 0) {
    return BindError(path, "cannot bind the unix socket", errno);
  }
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0) {
    socket.path_ = path;
    socket.device_ = info.st_dev;
    socket.inode_ = info.st_ino;
  }
  if (::listen(socket.fd_.get(), kBacklog) != 0) {
    return BindError(path, "cannot listen on", errno);
  }
  socket.address_ = "unix:" + path;
  return socket;
}

Result<ListeningSocket> ListeningSocket::OpenTcp(const Endpoint& endpoint) {
  const std::string name = endpoint.host + " port " + std::to_string(endpoint.port);
  const AddressList list = ParseAddress(endpoint.host, endpoint.port);
  if (!list) {
    return Error{ErrorCode::kInvalidArgument, "expected an IP address, got no such thing",
                 endpoint.host, "give an address like 127.0.0.1 or ::1", 0};
  }
  ListeningSocket socket;
  socket.fd_.Reset(
      ::socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!socket.fd_.valid()) {
    return BindError(name, "cannot make a socket for", errno);
  }
  SetOption(socket.fd_.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (list->ai_family == AF_INET6) {
    SetOption(socket.fd_.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);  // else 127.0.0.1 comes as v6
  }
  if (::bind(socket.fd_.get(), list->ai_addr, list->ai_addrlen) != 0) {
    return BindError(name, "cannot bind", errno);
  }
  if (::listen(socket.fd_.get(), kBacklog) != 0) {
    return BindError(name, "cannot listen on", errno);
  }
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(socket.fd_.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return BindError(name, "cannot learn the port of", errno);
  }
  socket.address_ = (endpoint.tls ? "https://" : "http://") + AddressText(bound, size);
  return socket;
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd_(std::move(other.fd_)),
      address_(std::move(other.address_)),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

ListeningSocket::~ListeningSocket() {
  struct stat info{};
  // Not the file that a successor has put there.
  if (!path_.empty() && ::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ &&
      info.st_ino == inode_) {
    (void)::unlink(path_.c_str());
  }
}

ListeningSocket::Accepted ListeningSocket::Accept() const {
  Accepted accepted;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  accepted.fd.Reset(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!accepted.fd.valid()) {
    accepted.error = errno;
  } else if (address.ss_family == AF_INET || address.ss_family == AF_INET6) {
    TuneTcp(accepted.fd.get());
    accepted.peer.is_loopback = IsLoopback(address);
    accepted.peer.address = AddressText(address, size);
  } else {
    accepted.peer = UnixPeer(accepted.fd.get());
  }
  return accepted;
}

std::size_t RaiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return 1024;
  }
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) {
      limit = raised;
    }
  }
  return limit.rlim_cur;
}

}  // namespace casemate::http
