#include "mcp/transport/stdio/stdio_transport.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/unique_fd.h"
#include "mcp/transport/stdio/line_splitter.h"
#include "mcp/transport/stdio/output_queue.h"

namespace casemate::mcp {
namespace {

constexpr int kFirstPrivateFd = 10;  // clear of the standard ones, whichever of them are closed
constexpr std::size_t kReadChunk = 65536;

// A duplicate that no child inherits.
Result<UniqueFd> Private(int fd, const char* name) {
  UniqueFd duplicate(fcntl(fd, F_DUPFD_CLOEXEC, kFirstPrivateFd));
  if (!duplicate.valid()) {
    return ErrnoError(std::string("cannot take over standard ") + name, errno);
  }
  return duplicate;
}

// Nothing else may take bytes from the protocol stream: a child that inherits it, say.
Result<void> LeaveEmptyStdin() {
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null.valid() || dup2(null.get(), STDIN_FILENO) < 0) {
    return ErrnoError("cannot point standard input at /dev/null", errno);
  }
  return {};
}

}  // namespace

struct StdioTransport::State {
  UniqueFd in;
  const EventFd& stop;
  std::size_t max_line_bytes;
  std::unique_ptr<OutputQueue> output;

  // False at end of file, on an error, and when there is no sense in reading on.
  [[nodiscard]] bool WaitReadable() const;
};

StdioTransport::StdioTransport(std::unique_ptr<State> state) : state_(std::move(state)) {}
StdioTransport::~StdioTransport() = default;

Result<std::shared_ptr<StdioTransport>> StdioTransport::Create(int in_fd, int out_fd,
                                                               StdioOptions options,
                                                               const EventFd& stop) {
  auto in = Private(in_fd, "input");
  if (!in) {
    return std::move(in).error();
  }
  auto out = Private(out_fd, "output");
  if (!out) {
    return std::move(out).error();
  }
  if (in_fd == STDIN_FILENO) {
    if (auto left = LeaveEmptyStdin(); !left) {
      return std::move(left).error();
    }
  }
  // Whatever a library or a child prints must not end up between two messages.
  if (out_fd == STDOUT_FILENO && dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
    return ErrnoError("cannot point standard output at standard error", errno);
  }
  auto output = OutputQueue::Create(*std::move(out), in->get(), options.max_queued_bytes, stop);
  if (!output) {
    return std::move(output).error();
  }
  return std::shared_ptr<StdioTransport>(new StdioTransport(std::make_unique<State>(
      State{*std::move(in), stop, options.max_line_bytes, *std::move(output)})));
}

void StdioTransport::Send(std::string message, SendClass send_class) {
  message += '\n';
  state_->output->Push(std::move(message), send_class);
}

bool StdioTransport::State::WaitReadable() const {
  while (true) {
    // No events asked of the output: poll still reports that nobody reads it.
    std::array<pollfd, 3> fds = {pollfd{in.get(), POLLIN, 0}, pollfd{stop.fd(), POLLIN, 0},
                                 pollfd{output->fd(), 0, 0}};
    if (poll(fds.data(), fds.size(), -1) < 0) {
      if (errno == EINTR) {
        continue;
      }
      return false;
    }
    if (fds[1].revents != 0 || fds[2].revents != 0) {
      return false;
    }
    if (fds[0].revents != 0) {
      return true;
    }
  }
}

void StdioTransport::Run(const std::function<void(std::string_view line)>& on_line,
                         const std::function<void(std::size_t limit)>& on_oversized) {
  LineSplitter lines(state_->max_line_bytes, on_line, on_oversized);
  std::string buffer(kReadChunk, '\0');
  bool open = true;
  while (open && state_->WaitReadable()) {
    const ssize_t got = read(state_->in.get(), buffer.data(), buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      continue;
    }
    open = got > 0;
    // One write for the answers to all that came at once.
    state_->output->Hold();
    std::string_view left(buffer.data(), open ? static_cast<std::size_t>(got) : 0);
    while (!left.empty() && !state_->stop.is_signalled()) {
      left.remove_prefix(lines.Take(left));
    }
    if (!open) {
      lines.Finish();
    }
    state_->output->Release();
  }
  state_->output->Unblock();
}

void StdioTransport::Close(int timeout_ms) {
  state_->output->Close(timeout_ms);
}

}  // namespace casemate::mcp
