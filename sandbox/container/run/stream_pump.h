// StreamPump: the wait of one command in a container: feeds its stdin, hands on what it writes, and
// gets it ended on cancellation or at the deadline. Owned by one call, used on its thread; only the
// EventFd is signalled from elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/event_fd.h"
#include "base/result.h"
#include "sandbox/container/engine/stream.h"
#include "sandbox/native/outcome.h"

namespace casemate::container {

class StreamPump {
 public:
  // An error ends the pumping, and is its result.
  using Take = std::function<Result<void>(StdStream stream, std::string_view bytes)>;
  // Makes the end happen, harder with each `step` (from 0); until when to wait for it, as
  // MonotonicNs. nullopt: there is no harder step.
  using Escalate = std::function<std::optional<std::int64_t>(int step)>;

  // `stop` is signalled to cancel.
  StreamPump(EngineStream stream, const EventFd& stop) : stream_(std::move(stream)), stop_(stop) {}

  // Sent once the command takes it; lent until Run returns. After the last, once CloseInput was
  // called, the command reads the end.
  void Feed(std::string_view bytes) { input_.push_back(bytes); }
  void CloseInput() { closes_ = true; }

  // Until the engine ends the stream. Errors: what `take` returned; kUnavailable when the command
  // does not end whatever was tried, or the connection is of no more use.
  Result<void> Run(std::int64_t deadline_ns, const Take& take, const Escalate& escalate);
  [[nodiscard]] sandbox::StopReason stop_reason() const { return reason_; }

 private:
  Result<void> Decode(std::string_view bytes, const Take& take);
  // Waits for one of stream, cancellation and deadline, and serves the stream.
  struct Turn {
    bool has_ended = false;
    bool is_cancelled = false;
  };
  Result<Turn> Wait(std::int64_t deadline_ns, const Take& take);
  // One read. true: the stream has ended.
  Result<bool> Drain(const Take& take);
  void SendInput();

  EngineStream stream_;
  const EventFd& stop_;
  std::vector<std::string_view> input_;
  std::size_t next_input_ = 0;
  bool closes_ = false;
  bool is_closed_ = false;
  sandbox::StopReason reason_ = sandbox::StopReason::kNone;
};

}  // namespace casemate::container
