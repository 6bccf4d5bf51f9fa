// What every way of serving shares: the protocol server over the runtime, and the deadline of an
// orderly end.
#pragma once

#include <memory>
#include <thread>

#include "base/event_fd.h"
#include "base/result.h"
#include "mcp/config.h"
#include "mcp/runtime.h"
#include "mcp/server/server.h"

namespace casemate {

std::unique_ptr<mcp::Server> MakeServer(const Config& config, Runtime& runtime);

// Ends the process if an orderly shutdown takes too long (a process stuck in the kernel, say). The
// launcher then sees its socket close and kills what is left; the trail shows the unfinished calls.
class ShutdownDeadline {
 public:
  static Result<ShutdownDeadline> Start(int limit_ms);
  ShutdownDeadline(ShutdownDeadline&&) = default;
  ShutdownDeadline& operator=(ShutdownDeadline&&) = delete;
  ~ShutdownDeadline();

 private:
  ShutdownDeadline(EventFd done, std::jthread thread)
      : done_(std::move(done)), thread_(std::move(thread)) {}
  EventFd done_;
  std::jthread thread_;
};

}  // namespace casemate
