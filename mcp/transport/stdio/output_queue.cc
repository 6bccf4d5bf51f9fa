#include "mcp/transport/stdio/output_queue.h"

#include <poll.h>
#include <pthread.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string_view>
#include <utility>

namespace casemate::mcp {
namespace {

// What is writable at all takes this much without blocking, whatever its flags: POSIX's PIPE_BUF.
constexpr std::size_t kWriteChunk = 4096;
// More than this is worth a change of threads: whoever brings it has other things to do.
constexpr std::size_t kDirectBytes = 4 * kWriteChunk;
// Held lines go out when they are this much: the client then works while we do.
constexpr std::size_t kHeldBytes = 131072;
constexpr std::size_t kKeptBytes = std::size_t{1} << 20;  // of a written buffer, for the next
// Progress may fill this part of the queue; the rest is kept for replies.
constexpr std::size_t kProgressShare = 4;

// A broken pipe is an error code to us, not the end of the process.
void BlockSigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

// To what poll calls writable, without ever blocking: as much as fits, where the kernel can say so
// (pipes since Linux 6.4, sockets), or what fits for certain. The description may be shared with
// others, so its flags are left alone.
ssize_t WriteWritable(int fd, std::string_view bytes) {
  const iovec all{const_cast<char*>(bytes.data()), bytes.size()};
  const ssize_t written = pwritev2(fd, &all, 1, -1, RWF_NOWAIT);
  if (written >= 0 || (errno != EOPNOTSUPP && errno != EAGAIN)) {
    return written;
  }
  return write(fd, bytes.data(), std::min(bytes.size(), kWriteChunk));
}

}  // namespace

Result<std::unique_ptr<OutputQueue>> OutputQueue::Create(UniqueFd fd, int in_fd,
                                                         std::size_t max_bytes,
                                                         const EventFd& stop) {
  auto abandon = EventFd::Create();
  if (!abandon) {
    return std::move(abandon).error();
  }
  return std::unique_ptr<OutputQueue>(
      new OutputQueue(std::move(fd), in_fd, max_bytes, stop, *std::move(abandon)));
}

OutputQueue::OutputQueue(UniqueFd fd, int in_fd, std::size_t max_bytes, const EventFd& stop,
                         EventFd abandon)
    : fd_(std::move(fd)),
      in_fd_(in_fd),
      max_bytes_(max_bytes),
      stop_(stop),
      abandon_(std::move(abandon)),
      writer_([this] { Work(); }) {}

void OutputQueue::Push(std::string_view line, SendClass send_class) {
  std::unique_lock lock(mutex_);
  if (send_class == SendClass::kProgress) {
    if (writing_ + queue_.size() + line.size() > max_bytes_ / kProgressShare) {
      return;
    }
  } else {
    const auto has_room = [&] {
      const std::size_t waiting = writing_ + queue_.size();
      return unblocked_ || closed_ || broken_ || waiting == 0 ||
             waiting + line.size() <= max_bytes_;
    };
    if (!has_room()) {
      changed_.notify_all();  // what is held must go, or there never will be room
      changed_.wait(lock, has_room);
    }
  }
  if (closed_ || broken_) {
    return;
  }
  queue_ += line;
  if (!held_ || queue_.size() >= kHeldBytes) {
    Flush(lock);
  }
}

void OutputQueue::Hold() {
  const std::lock_guard lock(mutex_);
  held_ = true;
}

void OutputQueue::Release() {
  std::unique_lock lock(mutex_);
  held_ = false;
  if (!queue_.empty()) {
    Flush(lock);
  }
}

// Writes what fits without blocking, if nobody else is writing; leaves the rest to the thread.
void OutputQueue::Flush(std::unique_lock<std::mutex>& lock) {
  if (writing_ == 0 && !closed_ && queue_.size() <= kDirectBytes) {
    pollfd out{fd_.get(), POLLOUT, 0};
    std::size_t done = 0;
    while (done < queue_.size() && poll(&out, 1, 0) == 1 && out.revents == POLLOUT) {
      const ssize_t written = WriteWritable(fd_.get(), std::string_view(queue_).substr(done));
      if (written <= 0) {
        break;
      }
      done += static_cast<std::size_t>(written);
    }
    queue_.erase(0, done);
  }
  if (!queue_.empty()) {
    lock.unlock();
    changed_.notify_all();
  }
}

void OutputQueue::Unblock() {
  {
    const std::lock_guard lock(mutex_);
    unblocked_ = true;
  }
  changed_.notify_all();
}

void OutputQueue::Close(int timeout_ms) {
  {
    std::unique_lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
    const bool written = changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] {
      return broken_ || (queue_.empty() && writing_ == 0);
    });
    if (!written) {
      queue_.clear();
      abandon_.Signal();
    }
  }
  changed_.notify_all();
  if (writer_.joinable()) {
    writer_.join();
  }
}

void OutputQueue::Work() {
  BlockSigpipe();
  std::string bytes;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !queue_.empty() || closed_; });
    if (queue_.empty()) {
      return;
    }
    bytes.swap(queue_);
    writing_ = bytes.size();
    lock.unlock();
    changed_.notify_all();
    if (!WriteAll(bytes)) {
      MarkBroken();
      return;
    }
    bytes.clear();
    if (bytes.capacity() > kKeptBytes) {
      bytes = std::string();  // one huge reply must not keep its memory
    }
    lock.lock();
    writing_ = 0;
    changed_.notify_all();
  }
}

bool OutputQueue::WriteAll(std::string_view left) {
  while (!left.empty()) {
    if (!WaitWritable()) {
      return false;
    }
    const ssize_t written = WriteWritable(fd_.get(), left);
    if (written < 0 && errno != EAGAIN && errno != EINTR) {
      return false;
    }
    left.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
  }
  return true;
}

// False when there is no sense in writing on. Watches for the end of the connection, for those who
// wait in Push while the client does not read.
bool OutputQueue::WaitWritable() {
  bool ending = false;
  while (true) {
    std::array<pollfd, 4> fds = {pollfd{fd_.get(), POLLOUT, 0}, pollfd{abandon_.fd(), POLLIN, 0},
                                 pollfd{ending ? -1 : stop_.fd(), POLLIN, 0},
                                 pollfd{ending ? -1 : in_fd_, POLLRDHUP, 0}};
    if (poll(fds.data(), fds.size(), -1) < 0) {
      if (errno == EINTR) {
        continue;
      }
      return false;
    }
    if (fds[1].revents != 0) {
      return false;
    }
    if (fds[0].revents != 0) {
      return (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) == 0;
    }
    ending = true;
    Unblock();
  }
}

void OutputQueue::MarkBroken() {
  {
    const std::lock_guard lock(mutex_);
    broken_ = true;
    writing_ = 0;
    queue_.clear();
  }
  changed_.notify_all();
  stop_.Signal();  // the reader must not wait for a client that is gone
}

}  // namespace casemate::mcp
