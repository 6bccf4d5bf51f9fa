#include "sandbox/container/run/exec_call.h"

#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/hash.h"
#include "sandbox/container/guard/protocol.h"
#include "sandbox/container/run/exec_killer.h"

namespace casemate::container {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kGraceNs = 500 * kNsPerMs;
constexpr std::int64_t kKillNs = 5'000 * kNsPerMs;
constexpr std::size_t kTokenBytes = 16;
constexpr std::size_t kErrnoDigits = 5;

// The one line by which the guard says that it could not start the program. It is all that stderr
// then holds, and it has a secret in it that no command sees; what else is written passes.
class CannotRun {
 public:
  explicit CannotRun(const std::string& secret)
      : begins_(secret.empty() ? std::string() : guard::kCannotRun + secret + " ") {}

  // What may be handed on by now.
  std::string Take(std::string_view bytes) {
    held_ += bytes;
    const std::string_view begin = std::string_view(held_).substr(0, begins_.size());
    const bool may_be = !passes_ && held_.size() <= begins_.size() + kErrnoDigits &&
                        std::string_view(begins_).starts_with(begin);
    passes_ = passes_ || begins_.empty() || !may_be;
    return passes_ ? std::exchange(held_, {}) : std::string();
  }
  // The errno that was told; 0: none, and `held` passes.
  [[nodiscard]] int Errno() const {
    int number = 0;
    if (held_.size() > begins_.size() && held_.ends_with('\n')) {
      std::from_chars(held_.data() + begins_.size(), held_.data() + held_.size(), number);
    }
    return number;
  }
  [[nodiscard]] const std::string& held() const { return held_; }

 private:
  const std::string begins_;
  std::string held_;
  bool passes_ = false;
};

}  // namespace

Result<ExecEnd> PerformExec(const ExecPlace& place, ExecRequest request, std::string_view input,
                            const EventFd& stop, std::int64_t deadline_ns,
                            const StreamPump::Take& take) {
  const std::string token = place.has_guard ? RandomHex(kTokenBytes) : std::string();
  const std::string secret = place.has_guard ? RandomHex(kTokenBytes) : std::string();
  if (place.has_guard) {
    const std::vector<std::string> guarded = {guard::kProgram, "exec", token, secret, "--"};
    request.argv.insert(request.argv.begin(), guarded.begin(), guarded.end());
  }
  auto exec = place.engine.CreateExec(place.container, request);
  if (!exec) {
    return std::move(exec).error();
  }
  auto stream = place.engine.StartExec(*exec, false);
  if (!stream) {
    return std::move(stream).error();
  }
  ExecEnd end;
  end.exec = *std::move(exec);
  StreamPump pump(*std::move(stream), stop);
  pump.Feed(input);
  pump.CloseInput();
  CannotRun cannot_run(secret);
  const auto sift = [&](StdStream from, std::string_view bytes) -> Result<void> {
    if (from == StdStream::kStdout) {
      return take(from, bytes);
    }
    const std::string passed = cannot_run.Take(bytes);
    return passed.empty() ? Result<void>() : take(from, passed);
  };
  ExecKiller killer(place, end.exec, token);
  bool is_hung = false;
  const auto escalate = [&](int step) -> std::optional<std::int64_t> {
    if (step > 1) {
      return std::nullopt;
    }
    const auto told =
        killer.Signal(step == 0 ? ExecKiller::Force::kTerm : ExecKiller::Force::kKill);
    is_hung = !told && told.error().code == ErrorCode::kUnavailable;
    if (is_hung) {
      return std::nullopt;  // an engine that hangs does not bring its end either
    }
    end.ran_on = !told || !*told;
    return MonotonicNs() + (step == 0 ? kGraceNs : kKillNs);
  };
  end.pumped = pump.Run(deadline_ns, sift, escalate);
  end.reason = pump.stop_reason();
  if (end.reason != sandbox::StopReason::kNone && !is_hung) {
    end.ran_on = !killer.EndTheRest();
  }
  end.cannot_run_errno = cannot_run.Errno();
  if (end.cannot_run_errno == 0 && !cannot_run.held().empty() && end.pumped) {
    end.pumped = take(StdStream::kStderr, cannot_run.held());
  }
  return end;
}

}  // namespace casemate::container
