#include "mcp/serve.h"

#include <poll.h>
#include <unistd.h>

#include <iostream>
#include <optional>
#include <thread>

#include "base/event_fd.h"
#include "base/log.h"
#include "mcp/runtime.h"
#include "mcp/server/dispatcher.h"
#include "mcp/signals.h"
#include "mcp/transport/stdio/stdio_transport.h"

namespace casemate {
namespace {

constexpr int kShutdownMs = 1800;  // promised: gone within 2 s
constexpr int kFlushMs = 300;

// Ends the process if an orderly shutdown takes too long (a process stuck in the kernel, say). The
// launcher then sees its socket close and kills what is left; the trail shows the unfinished calls.
class ShutdownDeadline {
 public:
  static Result<ShutdownDeadline> Start() {
    auto done = EventFd::Create();
    if (!done) {
      return std::move(done).error();
    }
    std::jthread thread([fd = done->fd()] {
      pollfd wait{fd, POLLIN, 0};
      if (poll(&wait, 1, kShutdownMs) == 0) {
        Log(LogLevel::kError, "shutdown took too long; leaving the rest to the launcher");
        _exit(0);
      }
    });
    return ShutdownDeadline(*std::move(done), std::move(thread));
  }
  ShutdownDeadline(ShutdownDeadline&&) = default;
  ~ShutdownDeadline() {
    if (thread_.joinable()) {
      done_.Signal();
      thread_.join();
    }
  }

 private:
  ShutdownDeadline(EventFd done, std::jthread thread)
      : done_(std::move(done)), thread_(std::move(thread)) {}
  EventFd done_;
  std::jthread thread_;
};

Result<void> ServeStdio(const Config& config) {
  if (auto blocked = SignalWatch::Block(); !blocked) {
    return std::move(blocked).error();
  }
  auto stop = EventFd::Create();
  if (!stop) {
    return std::move(stop).error();
  }
  // First of all: from here on nothing but the transport can write to the protocol stream.
  auto transport = mcp::StdioTransport::Create(STDIN_FILENO, STDOUT_FILENO,
                                               {.max_line_bytes = config.max_line_bytes}, *stop);
  if (!transport) {
    return std::move(transport).error();
  }
  auto runtime = Runtime::Start(config, "mcp-stdio");
  if (!runtime) {
    return std::move(runtime).error();
  }
  auto signals = SignalWatch::Start([&stop](int) { stop->Signal(); });
  if (!signals) {
    return std::move(signals).error();
  }
  std::optional<ShutdownDeadline> deadline;
  {
    mcp::ServerOptions options;
    options.json.max_bytes = config.max_line_bytes;
    options.max_concurrent_calls = config.max_concurrent_calls;
    mcp::Dispatcher dispatcher((*runtime)->executor(), **transport, policies::Principal{}, options);
    (*transport)
        ->Run([&](std::string_view line) { dispatcher.HandleMessage(line); },
              [&](std::size_t limit) { dispatcher.HandleOversized(limit); });
    if (auto started = ShutdownDeadline::Start(); started) {
      deadline.emplace(*std::move(started));
    }
    dispatcher.Shutdown();
  }
  (*transport)->Close(kFlushMs);
  runtime->reset();
  return {};
}

}  // namespace

int Serve(const Config& config) {
  if (auto served = ServeStdio(config); !served) {
    std::cerr << "casemate: " << Describe(served.error()) << '\n';
    return 1;
  }
  return 0;
}

}  // namespace casemate
