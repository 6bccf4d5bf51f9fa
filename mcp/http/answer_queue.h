// AnswerQueue: the answer to one request on its way from any thread to the connection on the I/O
// thread. QueueResponder is the producer's end. Lives as long as either side needs it; all of it is
// thread-safe, and callbacks run without the lock.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "mcp/http/message.h"
#include "mcp/http/response_text.h"
#include "mcp/http/shared.h"

namespace casemate::http {

// The connection, as its answers see it.
class Wakeable {
 public:
  virtual ~Wakeable() = default;
  virtual void Advance() = 0;  // on the I/O thread: there is something to take
};

class AnswerQueue {
 public:
  AnswerQueue(std::shared_ptr<Shared> shared, ResponseForm form, std::weak_ptr<Wakeable> reader);
  AnswerQueue(const AnswerQueue&) = delete;
  AnswerQueue& operator=(const AnswerQueue&) = delete;
  ~AnswerQueue();

  // The producer's side; see Responder.
  void Send(Response response);
  void Begin(Response head);
  bool Write(std::string_view bytes, bool droppable);
  void End();
  void OnGone(std::function<void()> gone);
  void Abandon();  // the Responder is destroyed

  // The connection's side, on the I/O thread.
  struct Taken {
    std::string bytes;      // counted in Shared::unread_bytes until the connection wrote them
    bool complete = false;  // these were the last
    bool close = false;     // and the connection ends after them
    bool cut_off = false;   // the peer leaves too much unread
  };
  Taken Take();
  // What the connection still has of the bytes taken.
  void Settle(std::size_t backlog);
  // The connection is over.
  void Gone();

 private:
  enum class State { kUnanswered, kStreaming, kComplete };

  void Append(std::string_view bytes);  // these three with the lock held
  std::function<void()> Complete();     // the callback that is now void; destroy it unlocked
  [[nodiscard]] bool MustWake();
  [[nodiscard]] bool IsTooMuch() const;
  void Wake();                                     // without the lock
  void Notify(const std::function<void()>& gone);  // on the I/O thread, or here if that has ended
  [[nodiscard]] ResponseForm FormNow() const;

  const std::shared_ptr<Shared> shared_;
  const std::weak_ptr<Wakeable> reader_;
  const ResponseForm form_;
  std::mutex mutex_;
  State state_ = State::kUnanswered;
  bool gone_ = false;
  bool cut_off_ = false;
  bool close_ = false;
  bool is_stream_ = false;   // counted in Shared::streams
  bool woken_ = true;        // the connection is about to Take(); true while the handler runs
  bool writing_ = false;     // between Take() and Settle()
  std::size_t backlog_ = 0;  // taken, but not yet written
  std::string pending_;
  std::function<void()> on_gone_;
};

class QueueResponder final : public Responder {
 public:
  explicit QueueResponder(std::shared_ptr<AnswerQueue> queue) : queue_(std::move(queue)) {}
  QueueResponder(const QueueResponder&) = delete;
  QueueResponder& operator=(const QueueResponder&) = delete;
  ~QueueResponder() override { queue_->Abandon(); }
  void Send(Response response) override { queue_->Send(std::move(response)); }
  void Begin(Response head) override { queue_->Begin(std::move(head)); }
  bool Write(std::string bytes, bool droppable) override { return queue_->Write(bytes, droppable); }
  void End() override { queue_->End(); }
  void OnGone(std::function<void()> gone) override { queue_->OnGone(std::move(gone)); }

 private:
  const std::shared_ptr<AnswerQueue> queue_;
};

}  // namespace casemate::http
