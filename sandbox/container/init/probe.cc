#include "sandbox/container/init/probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "sandbox/container/init/child.h"

namespace casemate::container::init {
namespace {

constexpr int kStatusFrom = 200;
constexpr int kStatusTo = 399;

// Loopback, by IPv4 and then by IPv6: some servers listen on the one only, some on the other.
int Dial(int family, int port) {
  const bool is_v4 = family == 0;
  const int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return -1;
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(static_cast<std::uint16_t>(port));
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = v4.sin_port;
  v6.sin6_addr = in6addr_loopback;
  const auto* const address =
      is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  if (connect(fd, address, is_v4 ? sizeof v4 : sizeof v6) == 0 || errno == EINPROGRESS) {
    return fd;
  }
  const int err = errno;
  close(fd);
  errno = err;
  return -1;
}

// Where nobody listens on a port of the ephemeral range, TCP may connect us to ourselves.
bool IsOurselves(int fd) {
  sockaddr_in6 mine{};
  sockaddr_in6 theirs{};
  socklen_t my_size = sizeof mine;
  socklen_t their_size = sizeof theirs;
  return getsockname(fd, reinterpret_cast<sockaddr*>(&mine), &my_size) == 0 &&
         getpeername(fd, reinterpret_cast<sockaddr*>(&theirs), &their_size) == 0 &&
         mine.sin6_port == theirs.sin6_port;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

short Probe::events() const {
  return is_connected_ ? POLLIN : POLLOUT;
}

Probe::Verdict Probe::Decide(Verdict verdict, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(why_, sizeof why_, format, arguments);
  va_end(arguments);
  Cancel();
  return verdict;
}

void Probe::Cancel() {
  if (fd_ >= 0) {
    close(fd_);
  }
  if (pid_ > 0) {
    KillGroup(pid_);
  }
  app_ = nullptr;
  fd_ = -1;
  pid_ = -1;
}

Probe::Verdict Probe::Begin(const App& app, std::int64_t now) {
  app_ = &app;
  deadline_ = now + app.check.timeout_ms;
  family_ = 0;
  error_ = 0;
  is_connected_ = false;
  got_ = 0;
  if (app.check.kind != CheckKind::kCommand) {
    return Connect();
  }
  pid_ = StartProgram(app, app.check.command, Streams::kNone);
  if (pid_ < 0) {
    return Decide(Verdict::kBad, "cannot start the check: %s", strerrordesc_np(errno));
  }
  return Verdict::kPending;
}

void Probe::Note(int err) {
  error_ = error_ == 0 ? err : error_;
}

Probe::Verdict Probe::Connect() {
  for (; family_ < kFamilies; ++family_) {
    fd_ = Dial(family_, app_->check.port);
    if (fd_ >= 0) {
      return Verdict::kPending;
    }
    Note(errno);
  }
  return Decide(Verdict::kBad, "port %d: %s", app_->check.port, strerrordesc_np(error_));
}

Probe::Verdict Probe::Connected() {
  int err = 0;
  socklen_t size = sizeof err;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &err, &size) != 0) {
    err = errno;
  }
  if (err == 0 && IsOurselves(fd_)) {
    err = ECONNREFUSED;
  }
  if (err != 0) {
    Note(err);
    close(fd_);
    fd_ = -1;
    ++family_;
    return Connect();
  }
  is_connected_ = true;
  if (app_->check.kind == CheckKind::kHttp) {
    return Ask();
  }
  return Decide(Verdict::kGood, "port %d takes connections", app_->check.port);
}

Probe::Verdict Probe::Ask() {
  char request[kMaxHttpPath + 256];
  const int length = snprintf(request, sizeof request,
                              "GET %s HTTP/1.1\r\nHost: localhost:%d\r\nUser-Agent: "
                              "casemate-init\r\nAccept: */*\r\nConnection: close\r\n\r\n",
                              app_->check.path, app_->check.port);
  // Into an empty buffer of the kernel: all of it fits, or something is wrong.
  if (send(fd_, request, static_cast<std::size_t>(length), MSG_NOSIGNAL | MSG_DONTWAIT) != length) {
    return Decide(Verdict::kBad, "port %d takes no request", app_->check.port);
  }
  return Verdict::kPending;
}

Probe::Verdict Probe::Answered() {
  while (got_ < sizeof answer_) {
    const ssize_t got = recv(fd_, answer_ + got_, sizeof answer_ - got_, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      return Verdict::kPending;
    }
    if (got <= 0) {
      return Decide(Verdict::kBad, "port %d: no HTTP answer", app_->check.port);
    }
    got_ += static_cast<std::size_t>(got);
  }
  const char* const code = answer_ + 9;
  if (std::memcmp(answer_, "HTTP/1.", 7) != 0 || !IsDigit(answer_[7]) || answer_[8] != ' ' ||
      !IsDigit(code[0]) || !IsDigit(code[1]) || !IsDigit(code[2])) {
    return Decide(Verdict::kBad, "port %d: no HTTP answer", app_->check.port);
  }
  // What came already is taken, so that closing does not look like an abort to the server.
  char rest[4096];
  for (int i = 0; i < 16 && recv(fd_, rest, sizeof rest, MSG_DONTWAIT) > 0; ++i) {
  }
  const int status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
  const bool is_good = status >= kStatusFrom && status <= kStatusTo;
  return Decide(is_good ? Verdict::kGood : Verdict::kBad, "HTTP status %d", status);
}

Probe::Verdict Probe::Ready() {
  return is_connected_ ? Answered() : Connected();
}

Probe::Verdict Probe::CommandEnded(int code) {
  // Its group goes with it: Cancel() kills what it left, while its id is still taken.
  return Decide(code == 0 ? Verdict::kGood : Verdict::kBad, "the check ended with code %d", code);
}

Probe::Verdict Probe::TimeOut() {
  return Decide(Verdict::kBad, "no answer within %d ms", app_->check.timeout_ms);
}

}  // namespace casemate::container::init
