// OutputQueue: lines on their way to one file descriptor. What the descriptor takes at once is
// written by whoever brings it, without a change of threads; the rest by a thread of its own.
// Bounded: progress is dropped early, replies wait for room, and nobody waits any more once the
// connection is ending. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/event_fd.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "mcp/transport/transport.h"

namespace casemate::mcp {

class OutputQueue {
 public:
  // `stop` (borrowed) is signalled by us when nobody reads our output any more, and tells us that
  // the connection is ending; so does the end of the client's side of `in_fd` (borrowed).
  static Result<std::unique_ptr<OutputQueue>> Create(UniqueFd fd, int in_fd, std::size_t max_bytes,
                                                     const EventFd& stop);
  ~OutputQueue() { Close(0); }
  OutputQueue(const OutputQueue&) = delete;
  OutputQueue& operator=(const OutputQueue&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  // `line` ends in \n. A reply waits for room; see Unblock.
  void Push(std::string_view line, SendClass send_class);
  // Between the two, what is pushed is gathered up to a limit. For one thread.
  void Hold();
  void Release();
  // From here on Push never waits: what is still to come is bounded by the calls in flight, and a
  // client that does not read must not keep the server from ending.
  void Unblock();
  // Writes out what is queued, for at most `timeout_ms`, then ends the thread.
  void Close(int timeout_ms);

 private:
  OutputQueue(UniqueFd fd, int in_fd, std::size_t max_bytes, const EventFd& stop, EventFd abandon);
  void Work();
  void Flush(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] bool WriteAll(std::string_view left);
  [[nodiscard]] bool WaitWritable();
  void MarkBroken();

  UniqueFd fd_;
  int in_fd_;
  std::size_t max_bytes_;
  const EventFd& stop_;
  EventFd abandon_;  // Close has waited long enough

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string queue_;        // guarded by mutex_, as are all below; whole lines
  std::size_t writing_ = 0;  // bytes that have left the queue and are on their way
  bool held_ = false;        // see Hold
  bool unblocked_ = false;   // Push does not wait
  bool closed_ = false;      // Push does nothing
  bool broken_ = false;      // nobody reads
  std::jthread writer_;
};

}  // namespace casemate::mcp
