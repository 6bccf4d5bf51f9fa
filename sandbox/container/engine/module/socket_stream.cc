#include "sandbox/container/engine/module/socket_stream.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace casemate::container {
namespace {

// Of the head of an answer as a whole, and of each line between the chunks of its body: the library
// reads lines byte by byte and without bound.
constexpr std::size_t kMaxLineBytes = std::size_t{64} << 10;
constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kLongestMs = std::int64_t{1} << 30;  // that one poll(2) is asked to wait

}  // namespace

std::int64_t NowNs() {
  timespec now{};
  static_cast<void>(clock_gettime(CLOCK_MONOTONIC, &now));  // it cannot fail
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

ssize_t SocketStream::Fail(Failure failure, int error) {
  if (failure_ == Failure::kNone) {
    failure_ = failure;
    errno_ = error;
  }
  return -1;
}

std::int64_t SocketStream::PatienceAfter(std::int64_t waited_ms) {
  if (patience_ms_ != idle_ms_ && waited_ms > patience_ms_) {
    pollfd state = {socket_, POLLIN, 0};
    if (poll(&state, 1, 0) > 0 && (state.revents & POLLIN) != 0) {
      patience_ms_ = idle_ms_;  // it has begun to answer and takes its time with the request
    }
  }
  return patience_ms_ == 0 ? kLongestMs : patience_ms_ - waited_ms;
}

bool SocketStream::Wait(short events) {
  const std::int64_t begun = NowNs();
  while (true) {
    const std::int64_t now = NowNs();
    std::int64_t left = kLongestMs;
    if (deadline_ns_ != 0) {
      left = std::min(left, (deadline_ns_ - now) / kMillisecond);
      if (now >= deadline_ns_) {
        Fail(Failure::kDeadline);
        return false;
      }
    }
    const std::int64_t patience = PatienceAfter((now - begun) / kMillisecond);
    if (patience < 0) {
      Fail(Failure::kIdle);
      return false;
    }
    left = std::min(left, patience);
    std::array<pollfd, 2> fds = {{{socket_, events, 0}, {stop_fd_, POLLIN, 0}}};
    const bool forever = deadline_ns_ == 0 && patience_ms_ == 0;
    const int timeout = forever ? -1 : static_cast<int>(left) + 1;
    const int ready = poll(fds.data(), fds.size(), timeout);
    if (ready < 0 && errno != EINTR) {
      Fail(Failure::kSystem, errno);
      return false;
    }
    if (ready > 0 && fds[1].revents != 0) {
      Fail(Failure::kStopped);
      return false;
    }
    if (ready > 0 && fds[0].revents != 0) {
      return true;
    }
  }
}

bool SocketStream::IsStopped() {
  pollfd stopped = {stop_fd_, POLLIN, 0};
  if (stop_fd_ >= 0 && poll(&stopped, 1, 0) > 0) {
    Fail(Failure::kStopped);
  }
  return failure_ == Failure::kStopped;
}

ssize_t SocketStream::After(TlsSession::Step step, short& wait) {
  switch (step) {
    case TlsSession::Step::kWantRead:
      wait = POLLIN;
      return -1;
    case TlsSession::Step::kWantWrite:
      wait = POLLOUT;
      return -1;
    case TlsSession::Step::kEnd:
    case TlsSession::Step::kClosed:
      return Fail(Failure::kClosed, ECONNRESET);
    default:
      return Fail(Failure::kTls);
  }
}

bool SocketStream::Handshake() {
  while (tls_ != nullptr && !tls_->is_ready() && failure_ == Failure::kNone) {
    short wait = 0;
    if (const auto step = tls_->Handshake(); step != TlsSession::Step::kDone) {
      After(step, wait);
      if (wait != 0) {
        Wait(wait);
      }
    }
  }
  return failure_ == Failure::kNone;
}

ssize_t SocketStream::Receive(short& wait) {
  if (tls_ != nullptr) {
    std::size_t got = 0;
    const auto step = tls_->Read(buffer_.data(), buffer_.size(), got);
    if (step == TlsSession::Step::kDone || step == TlsSession::Step::kEnd) {
      return static_cast<ssize_t>(got);
    }
    return After(step, wait);
  }
  const ssize_t got = recv(socket_, buffer_.data(), buffer_.size(), 0);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
    wait = POLLIN;
  } else if (got < 0) {
    Fail(errno == ECONNRESET || errno == EPIPE ? Failure::kClosed : Failure::kSystem, errno);
  }
  return got;
}

ssize_t SocketStream::Fill() {
  short wait = POLLIN;
  if (tls_ != nullptr && tls_->HasPending()) {
    wait = 0;  // what the session holds already makes no socket readable
    if (IsStopped()) {
      return -1;
    }
  }
  while (true) {
    if (wait != 0 && !Wait(wait)) {
      return -1;
    }
    wait = 0;
    const ssize_t got = Receive(wait);
    if (got > 0) {
      has_received_ = true;
      begin_ = 0;
      end_ = static_cast<std::size_t>(got);
      return got;
    }
    if (got == 0) {
      at_end_ = true;
      return 0;
    }
    if (wait == 0) {
      return -1;
    }
  }
}

ssize_t SocketStream::read(char* into, size_t size) {
  if (failure_ != Failure::kNone) {
    return -1;
  }
  if (at_end_) {
    return 0;
  }
  if (size == 1 && ++line_bytes_ > kMaxLineBytes) {
    return Fail(Failure::kLineTooLong);
  }
  if (begin_ == end_) {
    if (const ssize_t got = Fill(); got <= 0) {
      return got;
    }
  }
  const std::size_t given = std::min(size, end_ - begin_);
  std::memcpy(into, buffer_.data() + begin_, given);
  if (in_head_ && size == 1) {
    head_.push_back(*into);
  }
  begin_ += given;
  return static_cast<ssize_t>(given);
}

ssize_t SocketStream::Send(const char* from, size_t size, short& wait) {
  if (tls_ != nullptr) {
    std::size_t sent = 0;
    const auto step = tls_->Write(from, size, sent);
    return step == TlsSession::Step::kDone ? static_cast<ssize_t>(sent) : After(step, wait);
  }
  const ssize_t sent = send(socket_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) {
    return sent;
  }
  if (errno == EPIPE || errno == ECONNRESET) {
    if (!has_sent_) {
      return Fail(Failure::kClosed, errno);
    }
    write_broken_ = true;
  } else if (errno == EAGAIN || errno == EINTR) {
    wait = POLLOUT;
  } else {
    return Fail(Failure::kSystem, errno);
  }
  return -1;
}

ssize_t SocketStream::write(const char* from, size_t size) {
  if (failure_ != Failure::kNone) {
    return -1;
  }
  while (!write_broken_) {
    // Tried before it is waited for: mostly there is room. But a call that was taken back sends
    // nothing more.
    if (IsStopped()) {
      return -1;
    }
    short wait = 0;
    const ssize_t sent = Send(from, size, wait);
    if (sent >= 0) {
      has_sent_ = true;
      return sent;
    }
    if (failure_ != Failure::kNone || (wait != 0 && !Wait(wait))) {
      return -1;
    }
  }
  return static_cast<ssize_t>(size);
}

}  // namespace casemate::container
