// MCP over standard input and output: newline-delimited UTF-8 JSON, one message a line. Takes a
// private duplicate of fd 1 and points fd 1 at stderr, so that nothing else can write to the
// protocol stream; likewise of fd 0, which then reads /dev/null. One reader (the thread that calls
// Run) and one writer thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/event_fd.h"
#include "base/result.h"
#include "mcp/transport/transport.h"

namespace casemate::mcp {

struct StdioOptions {
  std::size_t max_line_bytes = std::size_t{16} << 20;
  std::size_t max_queued_bytes = std::size_t{64} << 20;  // of unread output
};

class StdioTransport : public MessageSink {
 public:
  // Call before anything can print. `stop` wakes Run; it is borrowed, and signalled by us too when
  // nobody reads our output any more.
  static Result<std::shared_ptr<StdioTransport>> Create(int in_fd, int out_fd, StdioOptions options,
                                                        const EventFd& stop);
  ~StdioTransport() override;

  void Send(std::string message, SendClass send_class) override;

  // Reads until end of file, a broken output pipe, or `stop`. Lines longer than the limit are
  // skipped as a whole and reported by `on_oversized`; empty lines are ignored.
  void Run(const std::function<void(std::string_view line)>& on_line,
           const std::function<void(std::size_t limit)>& on_oversized);
  // Writes out what is queued, for at most `timeout_ms`, then stops the writer.
  void Close(int timeout_ms);

 private:
  struct State;
  explicit StdioTransport(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace casemate::mcp
