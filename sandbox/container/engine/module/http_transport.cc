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

class HttpTransport final : public EngineTransport {
 public:
  HttpTransport(std::string name, Connector connect)
      : name_(std::move(name)), connect_(std::move(connect)) {}

  Result<EngineReply> Exchange(const EngineRequest& request,
                               const ExchangeOptions& options) override {
    try {
      return TryExchange(request, options);
    } catch (const std::exception& thrown) {
      return Error{ErrorCode::kInternal, name_ + ": " + thrown.what(), {}, {}, 0};
    }
  }

 private:
  Result<EngineReply> TryExchange(const EngineRequest& request, const ExchangeOptions& options) {
    const StopFd stop(options.stop);
    if (stop.is_missing()) {
      return Error{ErrorCode::kResourceExhausted,
                   name_ + ": no file descriptor is left",
                   {},
                   "raise the limit of open files, or make fewer calls at once",
                   0};
    }
    const std::int64_t deadline =
        options.total_ms == 0 ? 0 : NowNs() + options.total_ms * 1'000'000;
    if (UniqueFd kept = TakeKept(); kept.valid()) {
      Attempt attempt(request, options, name_, kept.get(), stop.get(), deadline);
      auto reply = attempt.Run();
      if (reply.ok() || !attempt.is_stale()) {
        KeepIf(attempt.is_reusable(), std::move(kept));
        return reply;
      }
    }
    const std::int64_t patience_ms = Least(options.idle_ms, options.head_ms);
    const std::int64_t patience =
        NowNs() + (patience_ms == 0 ? kConnectMs : patience_ms) * 1'000'000;
    auto connection = connect_(Least(deadline, patience), options.stop);
    if (!connection) {
      return std::move(connection).error();
    }
    Attempt attempt(request, options, name_, connection->get(), stop.get(), deadline);
    auto reply = attempt.Run();
    KeepIf(attempt.is_reusable(), std::move(connection).value());
    return reply;
  }

  UniqueFd TakeKept() {
    const std::lock_guard lock(mutex_);
    while (!kept_.empty()) {
      UniqueFd taken = std::move(kept_.back());
      kept_.pop_back();
      // What is readable now is its end, or an answer that nobody asked for.
      pollfd state = {taken.get(), POLLIN, 0};
      if (poll(&state, 1, 0) == 0) {
        return taken;
      }
    }
    return {};
  }

  void KeepIf(bool reusable, UniqueFd connection) {
    const std::lock_guard lock(mutex_);
    if (reusable && kept_.size() < kMaxKept) {
      kept_.push_back(std::move(connection));
    }
  }

  const std::string name_;
  const Connector connect_;
  std::mutex mutex_;
  std::vector<UniqueFd> kept_;
};

}  // namespace
}  // namespace casemate::container

// NOLINTBEGIN(readability-identifier-naming): a symbol, named as C does
extern "C" __attribute__((visibility("default"))) casemate::container::EngineTransport*
casemate_engine_transport(const char* version, const char* name,
                          const casemate::container::Connector* connect) {
  if (std::string_view(version) != CASEMATE_VERSION) {
    return nullptr;
  }
  try {
    return new casemate::container::HttpTransport(name, *connect);
  } catch (const std::exception&) {
    return nullptr;
  }
}
// NOLINTEND(readability-identifier-naming)
