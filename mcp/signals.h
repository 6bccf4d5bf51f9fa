// SignalWatch: turns SIGTERM, SIGINT and SIGHUP into a callback on a thread of its own, so that no
// code runs in signal context. Block() must be called before the process starts any thread.
#pragma once

#include <functional>
#include <thread>

#include "base/event_fd.h"
#include "base/result.h"

namespace casemate {

class SignalWatch {
 public:
  // Blocks the three signals in this thread and in all that it will start; ignores SIGPIPE and
  // SIGXFSZ.
  static Result<void> Block();
  // Puts back what Block changed, except that SIGXFSZ stays ignored: for a process that has only
  // output left to write, so that any signal ends it. Call when no SignalWatch is left.
  static void Unblock();
  // Calls `on_signal` once, at the first of them.
  static Result<SignalWatch> Start(std::function<void(int signal)> on_signal);
  SignalWatch(SignalWatch&&) = default;
  SignalWatch& operator=(SignalWatch&&) = default;
  ~SignalWatch();

 private:
  SignalWatch(EventFd quit, std::jthread thread)
      : quit_(std::move(quit)), thread_(std::move(thread)) {}
  EventFd quit_;
  std::jthread thread_;
};

}  // namespace casemate
