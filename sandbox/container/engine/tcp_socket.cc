#include "sandbox/container/engine/tcp_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/event_fd.h"
#include "base/text.h"
#include "sandbox/container/engine/unix_socket.h"

namespace casemate::container {
namespace {

constexpr std::size_t kMaxHead = std::size_t{16} << 10;  // of a proxy's answer
constexpr std::uint16_t kProxyPort = 3128;

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

// What one look-up found. Shared with its thread, which may outlive the caller: getaddrinfo(3) has
// no end of its own and cannot be taken back.
struct LookUp {
  explicit LookUp(EventFd made) : done(std::move(made)) {}
  const EventFd done;
  std::mutex mutex;
  int error = 0;
  std::vector<Address> found;
};

void Ask(LookUp& lookup, const std::string& host, const std::string& port, int flags) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), port.c_str(), &wanted, &list);
  const std::lock_guard lock(lookup.mutex);
  lookup.error = error;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    Address address;
    if (each->ai_addrlen <= sizeof address.bytes) {
      std::memcpy(&address.bytes, each->ai_addr, each->ai_addrlen);
      address.size = each->ai_addrlen;
      lookup.found.push_back(address);
    }
  }
  if (list != nullptr) {
    freeaddrinfo(list);
  }
}

Result<std::vector<Address>> AddressesOf(const std::string& host, std::uint16_t port,
                                         std::int64_t deadline_ns, const std::stop_token& stop) {
  auto done = EventFd::Create();
  if (!done) {
    return std::move(done).error();
  }
  const auto lookup = std::make_shared<LookUp>(std::move(done).value());
  const std::string service = std::to_string(port);
  Ask(*lookup, host, service, AI_NUMERICHOST);  // which asks nobody
  if (lookup->error != 0) {
    try {
      std::thread([lookup, host, service] {
        Ask(*lookup, host, service, 0);
        lookup->done.Signal();
      }).detach();
    } catch (const std::system_error&) {
      return Error{ErrorCode::kResourceExhausted, "no thread is left to look up a name", {}, {}, 0};
    }
    if (auto waited = WaitFor(lookup->done.fd(), POLLIN, deadline_ns, stop); !waited) {
      Error error = std::move(waited).error();
      if (error.code == ErrorCode::kUnavailable) {
        error.message = "the name " + Quoted(host) + " is not looked up in time";
        error.remedy = "see whether the name service of this machine works";
      }
      return error;
    }
  }
  const std::lock_guard lock(lookup->mutex);
  if (lookup->error != 0 || lookup->found.empty()) {
    const bool is_none = lookup->error == EAI_NONAME || lookup->error == EAI_NODATA;
    return Error{is_none ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
                 "cannot look up the host " + Quoted(host) + ": " + gai_strerror(lookup->error),
                 {},
                 "see that the name is right and that this machine has a network",
                 0};
  }
  return std::move(lookup->found);
}

// Errors: kCancelled, or why this address does not do.
Result<UniqueFd> ConnectToAddress(const Address& address, std::int64_t deadline_ns,
                                  const std::stop_token& stop) {
  UniqueFd fd(
      socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  if (!fd.valid()) {
    return ErrnoError("socket", errno);
  }
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.size) == 0) {
    return fd;
  }
  if (errno != EINPROGRESS && errno != EINTR) {
    return ErrnoError("connect", errno);
  }
  if (auto waited = WaitFor(fd.get(), POLLOUT, deadline_ns, stop); !waited) {
    return waited.error().code == ErrorCode::kCancelled ? std::move(waited).error()
                                                        : ErrnoError("connect", ETIMEDOUT);
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
    return ErrnoError("connect", error != 0 ? error : errno);
  }
  return fd;
}

struct Proxy {
  std::string host;
  std::uint16_t port = kProxyPort;
  std::string authorization;  // of "USER:PASSWORD", in base64; empty: none
};

Error BadProxy(const std::string& why) {
  return Error{ErrorCode::kInvalidArgument, "the proxy: " + why, "proxy",
               "set HTTPS_PROXY to http://HOST:PORT, or name the host in NO_PROXY", 0};
}

int HexOf(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string WithoutEscapes(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexOf(text[i + 1]) >= 0 &&
        HexOf(text[i + 2]) >= 0) {
      plain.push_back(static_cast<char>(HexOf(text[i + 1]) * 16 + HexOf(text[i + 2])));
      i += 2;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

Result<Proxy> ParseProxy(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with(kScheme)) {
    url.remove_prefix(kScheme.size());
  } else if (url.find("://") != std::string_view::npos) {
    return BadProxy("expected http://HOST:PORT, got another scheme");
  }
  url = url.substr(0, url.find('/'));
  Proxy proxy;
  if (const std::size_t at = url.rfind('@'); at != std::string_view::npos) {
    proxy.authorization = EncodeBase64(WithoutEscapes(url.substr(0, at)));
    url.remove_prefix(at + 1);
  }
  const std::size_t bracket = url.starts_with('[') ? url.find(']') : std::string_view::npos;
  const std::size_t colon = url.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    const std::string_view digits = url.substr(colon + 1);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), proxy.port);
    if (read.ec != std::errc() || read.ptr != digits.data() + digits.size() || proxy.port == 0) {
      return BadProxy("expected a port");
    }
    url = url.substr(0, colon);
  }
  if (bracket != std::string_view::npos) {
    url = url.substr(1, bracket - 1);
  }
  proxy.host = url;
  if (proxy.host.empty() || proxy.host.find_first_of(" \t\r\n") != std::string::npos) {
    return BadProxy("expected a host");
  }
  return proxy;
}

Error ProxyError(const Proxy& proxy, const std::string& what) {
  return Error{ErrorCode::kUnavailable,
               "the proxy " + HostAndPort(proxy.host, proxy.port) + ": " + what,
               {},
               "see HTTPS_PROXY and NO_PROXY of this process",
               0};
}

// One byte at a time: what follows the head belongs to the tunnel.
Result<std::string> ReadHead(int fd, const Proxy& proxy, std::int64_t deadline_ns,
                             const std::stop_token& stop) {
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    char byte = 0;
    const ssize_t got = recv(fd, &byte, 1, 0);
    if (got == 1 && head.size() < kMaxHead) {
      head.push_back(byte);
    } else if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (auto waited = WaitFor(fd, POLLIN, deadline_ns, stop); !waited) {
        return waited.error().code == ErrorCode::kCancelled
                   ? std::move(waited).error()
                   : ProxyError(proxy, "it does not answer in time");
      }
    } else {
      return ProxyError(proxy, "expected the answer of an HTTP proxy, got none");
    }
  }
  return head;
}

Result<void> Tunnel(int fd, const Proxy& proxy, const std::string& target, std::int64_t deadline_ns,
                    const std::stop_token& stop) {
  const std::string request =
      "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n" +
      (proxy.authorization.empty() ? ""
                                   : "Proxy-Authorization: Basic " + proxy.authorization + "\r\n") +
      "\r\n";
  // A fresh connection takes this much at once.
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return ProxyError(proxy, "it takes no request");
  }
  auto head = ReadHead(fd, proxy, deadline_ns, stop);
  if (!head) {
    return std::move(head).error();
  }
  if (!head->starts_with("HTTP/1.1 200") && !head->starts_with("HTTP/1.0 200")) {
    return ProxyError(proxy, "it makes no tunnel to " + target + ": " +
                                 Quoted(head->substr(0, head->find("\r\n"))));
  }
  return {};
}

}  // namespace

std::string HostAndPort(const std::string& host, std::uint16_t port) {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<UniqueFd> ConnectToTcp(const std::string& host, std::uint16_t port, std::int64_t deadline_ns,
                              const std::stop_token& stop) {
  auto addresses = AddressesOf(host, port, deadline_ns, stop);
  if (!addresses) {
    return std::move(addresses).error();
  }
  int why = 0;
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    // One that swallows what it is sent must not take the time of those after it.
    const std::int64_t now = MonotonicNs();
    const auto left = static_cast<std::int64_t>(addresses->size() - i);
    const std::int64_t until = deadline_ns == 0 ? 0 : now + (deadline_ns - now) / left;
    auto connected = ConnectToAddress((*addresses)[i], until, stop);
    if (connected || connected.error().code == ErrorCode::kCancelled) {
      return connected;
    }
    why = connected.error().sys_errno;
  }
  return Error{ErrorCode::kUnavailable,
               HostAndPort(host, port) + ": cannot connect: " + std::system_category().message(why),
               {},
               "see that host and port are right and that who should listen there does",
               why};
}

Result<Connector> TcpConnector(const TcpPeer& peer) {
  const std::string target = HostAndPort(peer.host, peer.port);
  if (peer.proxy.empty()) {
    return Connector([host = peer.host, port = peer.port](std::int64_t deadline_ns,
                                                          const std::stop_token& stop) {
      return ConnectToTcp(host, port, deadline_ns, stop);
    });
  }
  auto proxy = ParseProxy(peer.proxy);
  if (!proxy) {
    return std::move(proxy).error();
  }
  return Connector([proxy = std::move(proxy).value(), target](
                       std::int64_t deadline_ns, const std::stop_token& stop) -> Result<UniqueFd> {
    auto fd = ConnectToTcp(proxy.host, proxy.port, deadline_ns, stop);
    if (!fd) {
      return fd;
    }
    if (auto made = Tunnel(fd->get(), proxy, target, deadline_ns, stop); !made) {
      return std::move(made).error();
    }
    return fd;
  });
}

}  // namespace casemate::container
