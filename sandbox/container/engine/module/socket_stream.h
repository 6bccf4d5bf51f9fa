// SocketStream: a connected socket, with TLS or without, as cpp-httplib's stream, with what the
// library lacks: limits of time that hold whatever the peer does, an end at once when the call is
// taken back, and bounds on lines. Owned by one exchange; borrows the socket and the session.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <httplib.h>

#include "sandbox/container/engine/module/tls_session.h"

namespace casemate::container {

std::int64_t NowNs();  // CLOCK_MONOTONIC
// Of two times, 0 being any time.
constexpr std::int64_t Least(std::int64_t a, std::int64_t b) {
  return a == 0 || b == 0 ? a + b : (a < b ? a : b);
}

class SocketStream final : public httplib::Stream {
 public:
  enum class Failure { kNone, kClosed, kIdle, kDeadline, kStopped, kLineTooLong, kTls, kSystem };

  // `socket` is non-blocking; `tls` null: without. `stop_fd` becomes readable when the call is
  // taken back; -1: never. `idle_ms`, `head_ms` (as of ExchangeOptions) and `deadline_ns`
  // (CLOCK_MONOTONIC): 0 is any time.
  SocketStream(int socket, TlsSession* tls, int stop_fd, std::int64_t idle_ms, std::int64_t head_ms,
               std::int64_t deadline_ns)
      : socket_(socket),
        tls_(tls),
        stop_fd_(stop_fd),
        idle_ms_(idle_ms),
        deadline_ns_(deadline_ns),
        patience_ms_(Least(idle_ms, head_ms)) {}

  // Of TLS, if it has not been yet. False: it failed.
  bool Handshake();
  // The first failure is final: what is asked afterwards fails as well.
  [[nodiscard]] Failure failure() const { return failure_; }
  [[nodiscard]] int error_number() const { return errno_; }
  [[nodiscard]] bool has_sent() const { return has_sent_; }
  [[nodiscard]] bool has_received() const { return has_received_; }
  // The peer takes no more, but may have said why: reading goes on.
  [[nodiscard]] bool is_write_broken() const { return write_broken_; }
  // All that came was read, so that the connection can be used again.
  [[nodiscard]] bool is_drained() const {
    return begin_ == end_ && failure_ == Failure::kNone && (tls_ == nullptr || !tls_->HasPending());
  }
  // A piece of the body was taken: what comes is a new line, or more of it.
  void BeginLine() { line_bytes_ = 0; }
  // The head of the answer was taken.
  void EndHead() {
    BeginLine();
    in_head_ = false;
    patience_ms_ = idle_ms_;
  }
  // The head as it came, for the library decodes what it takes for escapes in headers: a Location
  // would be another one.
  [[nodiscard]] const std::string& head() const { return head_; }
  // Without a byte, just now; 0: any time.
  [[nodiscard]] std::int64_t patience_ms() const { return patience_ms_; }

  [[nodiscard]] bool is_readable() const override { return failure_ == Failure::kNone; }
  [[nodiscard]] bool is_writable() const override { return failure_ == Failure::kNone; }
  ssize_t read(char* into, size_t size) override;
  ssize_t write(const char* from, size_t size) override;
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  [[nodiscard]] socket_t socket() const override { return socket_; }

 private:
  bool Wait(short events);
  // What is left of it, in milliseconds; below 0: it is over.
  std::int64_t PatienceAfter(std::int64_t waited_ms);
  ssize_t Fail(Failure failure, int error = 0);
  ssize_t Fill();
  // Once; -1: failed, or nothing yet, and then `wait` is for what.
  ssize_t Receive(short& wait);
  ssize_t Send(const char* from, size_t size, short& wait);
  // -1, as it failed or has to wait.
  ssize_t After(TlsSession::Step step, short& wait);
  bool IsStopped();

  const int socket_;
  TlsSession* const tls_;
  const int stop_fd_;
  const std::int64_t idle_ms_;
  const std::int64_t deadline_ns_;
  std::int64_t patience_ms_;
  Failure failure_ = Failure::kNone;
  int errno_ = 0;
  bool has_sent_ = false;
  bool has_received_ = false;
  bool write_broken_ = false;
  bool at_end_ = false;
  bool in_head_ = true;
  std::string head_;
  std::size_t line_bytes_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::array<char, std::size_t{16} << 10> buffer_;
};

}  // namespace casemate::container
