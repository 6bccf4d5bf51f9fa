// EngineTransport by cpp-httplib: it writes requests and reads answers on streams of ours, which
// bring the time limits and bounds that it lacks (socket_stream.h). Connections are kept in a small
// pool, one exchange each at a time.
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/container/engine/module/attempt.h"
#include "sandbox/container/engine/module/factory.h"

namespace casemate::container {
namespace {

constexpr std::size_t kMaxKept = 8;
constexpr std::int64_t kConnectMs = 30'000;  // of those who give an answer any time

// Readable once the token was stopped.
class StopFd {
 public:
  explicit StopFd(const std::stop_token& stop) {
    if (stop.stop_possible()) {
      fd_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
      is_missing_ = !fd_.valid();
      callback_.emplace(stop, Signal{fd_.get()});
    }
  }
  // There was no descriptor for it: the call could not be taken back.
  [[nodiscard]] bool is_missing() const { return is_missing_; }
  [[nodiscard]] int get() const { return fd_.get(); }

 private:
  struct Signal {
    int fd;
    void operator()() const {
      const std::uint64_t one = 1;
      [[maybe_unused]] const ssize_t written = write(fd, &one, sizeof one);
    }
  };
  UniqueFd fd_;
  bool is_missing_ = false;
  std::optional<std::stop_callback<Signal>> callback_;
};

struct Connection {
  UniqueFd socket;
  std::unique_ptr<TlsSession> tls;  // null: without
};

class HttpTransport final : public EngineTransport {
 public:
  explicit HttpTransport(Peer peer) : peer_(std::move(peer)) {}

  Result<EngineReply> Exchange(const EngineRequest& request,
                               const ExchangeOptions& options) override {
    try {
      return TryExchange(request, options);
    } catch (const std::exception& thrown) {
      return Error{ErrorCode::kInternal, peer_.name + ": " + thrown.what(), {}, {}, 0};
    }
  }

 private:
  Result<EngineReply> TryExchange(const EngineRequest& request, const ExchangeOptions& options) {
    const StopFd stop(options.stop);
    if (stop.is_missing()) {
      return Error{ErrorCode::kResourceExhausted,
                   peer_.name + ": no file descriptor is left",
                   {},
                   "raise the limit of open files, or make fewer calls at once",
                   0};
    }
    const std::int64_t deadline =
        options.total_ms == 0 ? 0 : NowNs() + options.total_ms * 1'000'000;
    if (Connection kept = TakeKept(); kept.socket.valid()) {
      Attempt attempt(request, options, peer_, kept.socket.get(), kept.tls.get(), stop.get(),
                      deadline);
      auto reply = attempt.Run();
      if (reply.ok() || !attempt.is_stale()) {
        KeepIf(attempt.is_reusable(), std::move(kept));
        return reply;
      }
    }
    const std::int64_t patience_ms = Least(options.idle_ms, options.head_ms);
    const std::int64_t patience =
        NowNs() + (patience_ms == 0 ? kConnectMs : patience_ms) * 1'000'000;
    auto connection = Connect(Least(deadline, patience), options.stop);
    if (!connection) {
      return std::move(connection).error();
    }
    Attempt attempt(request, options, peer_, connection->socket.get(), connection->tls.get(),
                    stop.get(), deadline);
    auto reply = attempt.Run();
    KeepIf(attempt.is_reusable(), std::move(connection).value());
    return reply;
  }

  Result<Connection> Connect(std::int64_t deadline, const std::stop_token& stop) {
    Connection made;
    auto socket = peer_.connect(deadline, stop);
    if (!socket) {
      return std::move(socket).error();
    }
    made.socket = std::move(socket).value();
    if (!peer_.tls_name.empty()) {
      auto tls = Session(made.socket.get());
      if (!tls) {
        return std::move(tls).error();
      }
      made.tls = std::move(tls).value();
    }
    return made;
  }

  Result<std::unique_ptr<TlsSession>> Session(int socket) {
    const std::lock_guard lock(mutex_);
    if (context_ == nullptr) {
      auto made = TlsContext::Make(peer_.ca_file);
      if (!made) {
        return std::move(made).error();
      }
      context_ = std::move(made).value();
    }
    return context_->Begin(socket, peer_.tls_name);
  }

  Connection TakeKept() {
    const std::lock_guard lock(mutex_);
    while (!kept_.empty()) {
      Connection taken = std::move(kept_.back());
      kept_.pop_back();
      // What is readable now is its end, or an answer that nobody asked for.
      pollfd state = {taken.socket.get(), POLLIN, 0};
      if (poll(&state, 1, 0) == 0) {
        return taken;
      }
    }
    return {};
  }

  void KeepIf(bool reusable, Connection connection) {
    const std::lock_guard lock(mutex_);
    if (reusable && kept_.size() < kMaxKept) {
      kept_.push_back(std::move(connection));
    }
  }

  const Peer peer_;
  std::mutex mutex_;
  std::unique_ptr<TlsContext> context_;  // outlives the sessions
  std::vector<Connection> kept_;
};

}  // namespace
}  // namespace casemate::container

// NOLINTBEGIN(readability-identifier-naming): a symbol, named as C does
extern "C" __attribute__((visibility("default"))) casemate::container::EngineTransport*
casemate_engine_transport(const char* version, const casemate::container::Peer* peer) {
  if (std::string_view(version) != CASEMATE_VERSION) {
    return nullptr;
  }
  try {
    return new casemate::container::HttpTransport(*peer);
  } catch (const std::exception&) {
    return nullptr;
  }
}
// NOLINTEND(readability-identifier-naming)
