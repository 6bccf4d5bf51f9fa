// OutputQueue: lines on their way to one file descriptor, written by a thread of its own. Bounded:
// progress is dropped early, replies wait for room, and nobody waits any more once the connection
// is ending. Push, Unblock and Close are thread-safe.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/event_fd.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "mcp/transport/transport.h"

namespace casemate::mcp {

class OutputQueue {
 public:
  // `stop` (borrowed) is signalled by us when nobody reads our output any more, and tells us that
  // the connection is ending.
  static Result<std::unique_ptr<OutputQueue>> Create(UniqueFd fd, std::size_t max_bytes,
                                                     const EventFd& stop);
  ~OutputQueue() { Close(0); }
  OutputQueue(const OutputQueue&) = delete;
  OutputQueue& operator=(const OutputQueue&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  // `line` ends in \n. A reply waits for room; see Unblock.
  void Push(std::string line, SendClass send_class);
  // From here on Push never waits: what is still to come is bounded by the calls in flight, and a
  // client that does not read must not keep the server from ending.
  void Unblock();
  // Writes out what is queued, for at most `timeout_ms`, then ends the thread.
  void Close(int timeout_ms);

 private:
  OutputQueue(UniqueFd fd, std::size_t max_bytes, const EventFd& stop, EventFd abandon);
  void Work();
  [[nodiscard]] bool WriteLine(const std::string& line);
  [[nodiscard]] bool WaitWritable();
  void MarkBroken();

  UniqueFd fd_;
  std::size_t max_bytes_;
  const EventFd& stop_;
  EventFd abandon_;  // Close has waited long enough

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> queue_;  // guarded by mutex_, as are all below
  std::size_t queued_bytes_ = 0;
  bool writing_ = false;    // a line has left the queue and is on its way
  bool unblocked_ = false;  // Push does not wait
  bool closed_ = false;     // Push does nothing
  bool broken_ = false;     // nobody reads
  std::jthread writer_;
};

}  // namespace casemate::mcp
