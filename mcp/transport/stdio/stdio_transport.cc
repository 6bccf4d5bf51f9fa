#include "mcp/transport/stdio/stdio_transport.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "base/unique_fd.h"

namespace casemate::mcp {
namespace {

constexpr int kFirstPrivateFd = 10;
constexpr std::size_t kReadChunk = 65536;
constexpr int kWritePollMs = 100;

bool IsRetry(int err) { return err == EAGAIN || err == EINTR; }

}  // namespace

struct StdioTransport::State {
  State(int in, UniqueFd out, StdioOptions stdio_options, const EventFd& stop_event)
      : in_fd(in), out_fd(std::move(out)), options(stdio_options), stop(stop_event) {}

  int in_fd;
  UniqueFd out_fd;
  StdioOptions options;
  const EventFd& stop;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> queue;   // guarded by mutex
  std::size_t queued_bytes = 0;    // guarded by mutex
  bool writing = false;            // guarded by mutex: one message is on its way
  bool closing = false;            // guarded by mutex: no more Send; write what is there
  bool abandoned = false;          // guarded by mutex: write nothing more
  bool broken = false;             // guarded by mutex: the reader of our output is gone
  std::jthread writer;

  void WriterLoop();
  bool WriteMessage(const std::string& message);
  bool WaitWritable();
  bool IsAbandoned();
  void MarkBroken();
};

bool StdioTransport::State::IsAbandoned() {
  const std::lock_guard lock(mutex);
  return abandoned;
}

void StdioTransport::State::MarkBroken() {
  {
    const std::lock_guard lock(mutex);
    broken = true;
    queue.clear();
    queued_bytes = 0;
  }
  changed.notify_all();
  stop.Signal();  // the reader must not wait for a client that is gone
}

// True when a write may go on. A client that never reads must not hold us past Close.
bool StdioTransport::State::WaitWritable() {
  while (!IsAbandoned()) {
    pollfd entry{out_fd.get(), POLLOUT, 0};
    const int ready = poll(&entry, 1, kWritePollMs);
    if (ready > 0) {
      return (entry.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0;
    }
    if (ready < 0 && errno != EINTR) {
      return false;
    }
  }
  return false;
}

bool StdioTransport::State::WriteMessage(const std::string& message) {
  std::string_view left = message;
  while (!left.empty()) {
    if (!WaitWritable()) {
      return false;
    }
    // A pipe that is writable takes PIPE_BUF bytes without blocking, whatever its flags.
    const ssize_t written =
        write(out_fd.get(), left.data(), std::min<std::size_t>(left.size(), 4096));
    if (written < 0 && !IsRetry(errno)) {
      return false;
    }
    left.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
  }
  return true;
}

void StdioTransport::State::WriterLoop() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [this] { return !queue.empty() || closing || broken; });
    if (broken || abandoned || queue.empty()) {
      return;
    }
    const std::string message = std::move(queue.front());
    queue.pop_front();
    queued_bytes -= message.size();
    writing = true;
    lock.unlock();
    changed.notify_all();
    if (!WriteMessage(message)) {
      MarkBroken();
      return;
    }
    lock.lock();
    writing = false;
    changed.notify_all();
  }
}

StdioTransport::StdioTransport(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->writer = std::jthread([s = state_.get()] { s->WriterLoop(); });
}

StdioTransport::~StdioTransport() { Close(0); }

Result<std::unique_ptr<StdioTransport>> StdioTransport::Create(int in_fd, int out_fd,
                                                               StdioOptions options,
                                                               const EventFd& stop) {
  UniqueFd out(fcntl(out_fd, F_DUPFD_CLOEXEC, kFirstPrivateFd));
  if (!out.valid()) {
    return ErrnoError("cannot take over standard output", errno);
  }
  if (out_fd == STDOUT_FILENO && dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
    return ErrnoError("cannot point standard output at standard error", errno);
  }
  return std::unique_ptr<StdioTransport>(
      new StdioTransport(std::make_unique<State>(in_fd, std::move(out), options, stop)));
}

void StdioTransport::Send(std::string message, SendClass send_class) {
  message += '\n';
  State& s = *state_;
  std::unique_lock lock(s.mutex);
  const auto fits = [&] {
    return s.closing || s.broken || s.queue.empty() ||
           s.queued_bytes + message.size() <= s.options.max_queued_bytes;
  };
  if (send_class == SendClass::kProgress && !fits()) {
    return;
  }
  s.changed.wait(lock, fits);
  if (s.closing || s.broken) {
    return;
  }
  s.queued_bytes += message.size();
  s.queue.push_back(std::move(message));
  lock.unlock();
  s.changed.notify_all();
}

namespace {

// Splits a byte stream into lines of bounded length.
class LineSplitter {
 public:
  LineSplitter(std::size_t max_bytes, const std::function<void(std::string_view)>& on_line,
               const std::function<void(std::size_t)>& on_oversized)
      : max_bytes_(max_bytes), on_line_(on_line), on_oversized_(on_oversized) {}

  void Append(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      Take(bytes.substr(0, end));
      if (end == std::string_view::npos) {
        return;
      }
      FinishLine();
      bytes.remove_prefix(end + 1);
    }
  }

  void FinishLine() {
    if (oversized_) {
      on_oversized_(max_bytes_);
    } else {
      std::string_view line = line_;
      if (line.ends_with('\r')) {
        line.remove_suffix(1);
      }
      if (line.find_first_not_of(" \t") != std::string_view::npos) {
        on_line_(line);
      }
    }
    line_.clear();
    oversized_ = false;
  }

 private:
  void Take(std::string_view part) {
    if (oversized_ || line_.size() + part.size() > max_bytes_) {
      oversized_ = true;
      line_.clear();
      line_.shrink_to_fit();
      return;
    }
    line_ += part;
  }

  std::size_t max_bytes_;
  const std::function<void(std::string_view)>& on_line_;
  const std::function<void(std::size_t)>& on_oversized_;
  std::string line_;
  bool oversized_ = false;
};

}  // namespace

void StdioTransport::Run(const std::function<void(std::string_view line)>& on_line,
                         const std::function<void(std::size_t limit)>& on_oversized) {
  LineSplitter splitter(state_->options.max_line_bytes, on_line, on_oversized);
  std::string buffer(kReadChunk, '\0');
  while (true) {
    std::array<pollfd, 3> fds = {pollfd{state_->in_fd, POLLIN, 0},
                                 pollfd{state_->stop.fd(), POLLIN, 0},
                                 pollfd{state_->out_fd.get(), 0, 0}};  // POLLERR: nobody reads
    if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
      return;
    }
    if (fds[1].revents != 0 || fds[2].revents != 0) {
      return;
    }
    if (fds[0].revents == 0) {
      continue;
    }
    const ssize_t got = read(state_->in_fd, buffer.data(), buffer.size());
    if (got < 0 && IsRetry(errno)) {
      continue;
    }
    if (got <= 0) {
      splitter.FinishLine();
      return;
    }
    splitter.Append(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
  }
}

void StdioTransport::Close(int timeout_ms) {
  State& s = *state_;
  {
    std::unique_lock lock(s.mutex);
    s.closing = true;
    s.changed.notify_all();
    s.abandoned = !s.changed.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&s] {
      return s.broken || (s.queue.empty() && !s.writing);
    });
  }
  s.changed.notify_all();
  if (s.writer.joinable()) {
    s.writer.join();
  }
}

}  // namespace casemate::mcp
