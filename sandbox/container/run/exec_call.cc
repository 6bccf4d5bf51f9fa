#include "sandbox/container/run/exec_call.h"

#include <optional>
#include <utility>

#include "base/clock.h"
#include "sandbox/container/run/exec_killer.h"

namespace casemate::container {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kGraceNs = 500 * kNsPerMs;
constexpr std::int64_t kKillNs = 5'000 * kNsPerMs;

}  // namespace

Result<ExecEnd> PerformExec(const Engine& engine, const std::string& container,
                            const ExecRequest& request, std::string_view input, const EventFd& stop,
                            std::int64_t deadline_ns, const StreamPump::Take& take) {
  auto exec = engine.CreateExec(container, request);
  if (!exec) {
    return std::move(exec).error();
  }
  auto stream = engine.StartExec(*exec, false);
  if (!stream) {
    return std::move(stream).error();
  }
  ExecEnd end;
  end.exec = *std::move(exec);
  StreamPump pump(*std::move(stream), stop);
  pump.Feed(input);
  pump.CloseInput();
  const auto escalate = [&](int step) -> std::optional<std::int64_t> {
    if (step > 1) {
      return std::nullopt;
    }
    const auto told = SignalExec(engine, container, end.exec, step == 0 ? "TERM" : "KILL");
    if (!told && told.error().code == ErrorCode::kUnavailable) {
      return std::nullopt;  // an engine that hangs does not bring its end either
    }
    end.ran_on = !told || !*told;
    return MonotonicNs() + (step == 0 ? kGraceNs : kKillNs);
  };
  end.pumped = pump.Run(deadline_ns, take, escalate);
  end.reason = pump.stop_reason();
  return end;
}

}  // namespace casemate::container
