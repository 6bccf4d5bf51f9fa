#include "mcp/http/answer_queue.h"

#include <utility>

#include "base/log.h"

namespace casemate::http {

AnswerQueue::AnswerQueue(std::shared_ptr<Shared> shared, ResponseForm form,
                         std::weak_ptr<Wakeable> reader)
    : shared_(std::move(shared)), reader_(std::move(reader)), form_(form) {}

AnswerQueue::~AnswerQueue() {
  shared_->unread_bytes -= pending_.size();
  if (is_stream_) {
    --shared_->streams;
  }
}

ResponseForm AnswerQueue::FormNow() const {
  ResponseForm form = form_;
  form.keep_alive = form.keep_alive && !shared_->draining;
  return form;
}

void AnswerQueue::Append(std::string_view bytes) {
  pending_ += bytes;
  shared_->unread_bytes += bytes.size();
}

std::function<void()> AnswerQueue::Complete() {
  state_ = State::kComplete;
  if (std::exchange(is_stream_, false)) {
    --shared_->streams;
  }
  return std::exchange(on_gone_, nullptr);
}

bool AnswerQueue::MustWake() {
  return !std::exchange(woken_, true);
}

void AnswerQueue::Wake() {
  shared_->Post([reader = reader_] {
    if (const auto alive = reader.lock()) {
      alive->Advance();
    }
  });
}

void AnswerQueue::Notify(const std::function<void()>& gone) {
  if (gone && !shared_->Post(gone)) {
    gone();
  }
}

void AnswerQueue::Send(Response response) {
  if (!AreSafe(response.headers)) {
    Log(LogLevel::kError, "http: a response had a header with control characters; sent 500");
    response = ErrorResponse(500, "internal error");
  }
  const ResponseForm form = FormNow();
  const std::string text = WholeResponse(response, form);
  std::function<void()> void_callback;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kUnanswered || gone_) {
      return;
    }
    // Attack: thousands of peers ask for large answers and read none.
    if (shared_->unread_bytes > shared_->limits.max_unread_bytes_total) {
      cut_off_ = true;
    } else {
      Append(text);
      close_ = !form.keep_alive;
      void_callback = Complete();
    }
    wake = MustWake();
  }
  if (wake) {
    Wake();
  }
}

void AnswerQueue::Begin(Response head) {
  if (!AreSafe(head.headers)) {
    Send(std::move(head));  // a 500
    return;
  }
  ResponseForm form = FormNow();
  form.keep_alive = form.keep_alive && !form.http10;
  std::function<void()> refused;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kUnanswered || gone_) {
      return;
    }
    close_ = !form.keep_alive;
    if (shared_->streams.fetch_add(1) >= shared_->limits.max_streams) {
      --shared_->streams;
      close_ = true;
      Append(Refusal(503, "too many streams are open; close one or try again later"));
      refused = Complete();
      gone_ = true;
    } else {
      is_stream_ = true;
      state_ = State::kStreaming;
      Append(StreamHead(head, form));
      if (!head.body.empty() && !form.is_head) {
        Append(form.http10 ? head.body : Chunk(head.body));
      }
    }
    wake = MustWake();
  }
  if (wake) {
    Wake();
  }
  Notify(refused);
}

bool AnswerQueue::IsTooMuch() const {
  const Limits& limits = shared_->limits;
  const std::size_t queued = pending_.size() + backlog_;
  const bool is_looking = woken_ || writing_;
  // While the connection has not yet offered all that is queued, the peer is not to blame.
  if (queued > limits.max_unread_bytes && (!is_looking || queued > 4 * limits.max_unread_bytes)) {
    return true;
  }
  return shared_->unread_bytes > limits.max_unread_bytes_total &&
         queued > limits.max_unread_bytes / 16;
}

bool AnswerQueue::Write(std::string_view bytes, bool droppable) {
  std::string chunk;
  if (!form_.http10 && !bytes.empty()) {
    chunk = Chunk(bytes);
    bytes = chunk;
  }
  bool wake = false;
  bool taken = false;
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kStreaming || gone_ || cut_off_) {
      return false;
    }
    if (bytes.empty() || form_.is_head) {
      return true;
    }
    if (droppable && pending_.size() + backlog_ > shared_->limits.max_unread_bytes / 4) {
      return false;
    }
    if (IsTooMuch()) {
      cut_off_ = true;
    } else {
      Append(bytes);
      taken = true;
    }
    wake = MustWake();
  }
  if (wake) {
    Wake();
  }
  return taken;
}

void AnswerQueue::End() {
  std::function<void()> void_callback;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kStreaming || gone_ || cut_off_) {
      return;
    }
    if (!form_.http10 && !form_.is_head) {
      Append(kLastChunk);
    }
    void_callback = Complete();
    wake = MustWake();
  }
  if (wake) {
    Wake();
  }
}

void AnswerQueue::OnGone(std::function<void()> gone) {
  {
    const std::lock_guard lock(mutex_);
    if (!gone_) {
      if (state_ != State::kComplete) {
        on_gone_.swap(gone);
      }
      return;  // `gone` is now void, and outlives the lock
    }
  }
  Notify(gone);
}

void AnswerQueue::Abandon() {
  bool unanswered = false;
  {
    const std::lock_guard lock(mutex_);
    unanswered = state_ == State::kUnanswered && !gone_;
  }
  if (unanswered) {
    Send(ErrorResponse(500, "internal error: the request was left unanswered"));
  } else {
    End();
  }
}

AnswerQueue::Taken AnswerQueue::Take() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  writing_ = true;
  Taken taken;
  taken.bytes.swap(pending_);
  backlog_ += taken.bytes.size();
  taken.complete = state_ == State::kComplete;
  taken.close = close_;
  taken.cut_off = cut_off_;
  return taken;
}

void AnswerQueue::Settle(std::size_t backlog) {
  const std::lock_guard lock(mutex_);
  backlog_ = backlog;
  writing_ = false;
}

void AnswerQueue::Gone() {
  std::function<void()> gone;
  {
    const std::lock_guard lock(mutex_);
    shared_->unread_bytes -= pending_.size();
    pending_.clear();
    pending_.shrink_to_fit();
    if (state_ == State::kComplete) {
      return;
    }
    gone_ = true;
    gone = Complete();
  }
  if (gone) {
    gone();
  }
}

}  // namespace casemate::http
