#include "mcp/transport/http/stream_sink.h"

#include <utility>

#include "mcp/jsonrpc/message.h"
#include "mcp/protocol/wire.h"

namespace casemate::mcp {
namespace {

// A message is one line of JSON, so it needs no splitting into several data fields.
std::string EventText(const std::string& id, const std::string& message) {
  return (id.empty() ? "" : "id: " + id + "\n") + "data: " + message + "\n\n";
}

}  // namespace

int StreamSink::StatusOf(const AnswerFacts& facts) {
  if (facts.error_code == 0) {
    return 200;
  }
  if (facts.error_code == kMissingCapability) {
    return 400;
  }
  if (!facts.is_refusal) {
    return 200;
  }
  if (facts.error_code == jsonrpc::kMethodNotFound) {
    return facts.is_modern ? 404 : 200;
  }
  return 400;
}

void StreamSink::Send(std::string message, SendClass send_class) {
  const std::lock_guard lock(mutex_);
  if (!is_done_) {
    WriteEvent(message, send_class == SendClass::kProgress);
  }
}

void StreamSink::Answer(std::string message, const AnswerFacts& facts) {
  const std::lock_guard lock(mutex_);
  if (is_done_) {
    return;
  }
  if (options_.on_answer) {
    std::exchange(options_.on_answer, nullptr)(facts);
  }
  if (!is_streaming_ && responder_ != nullptr) {
    is_done_ = true;
    http::Response response{StatusOf(facts), std::move(options_.headers), std::move(message)};
    response.headers.emplace_back("Content-Type", "application/json");
    std::exchange(responder_, nullptr)->Send(std::move(response));
    return;
  }
  WriteEvent(message, false);
  is_done_ = true;
  if (const auto responder = std::exchange(responder_, nullptr)) {
    responder->End();
  }
}

void StreamSink::NoAnswer() {
  End();
}

void StreamSink::End() {
  const std::lock_guard lock(mutex_);
  if (is_done_) {
    return;
  }
  is_done_ = true;
  if (responder_ == nullptr) {
    return;
  }
  if (!is_streaming_) {
    Begin(std::nullopt);
  }
  std::exchange(responder_, nullptr)->End();
}

bool StreamSink::Attach(std::shared_ptr<http::Responder> responder, std::uint64_t after,
                        http::Headers headers) {
  const std::lock_guard lock(mutex_);
  if (options_.replay == nullptr || after > last_event_ ||
      (responder_ != nullptr && !is_streaming_)) {
    return false;
  }
  const auto missed = options_.replay->After({options_.stream, after});
  if (!missed.has_value()) {
    return false;
  }
  // Who resumes has lost the connection, even if nobody has told us yet.
  if (const auto lost = std::exchange(responder_, std::move(responder))) {
    lost->End();
  }
  options_.headers = std::move(headers);
  Begin(after);
  for (const ReplayLog::Event& event : *missed) {
    responder_->Write(EventText(event.id.ToText(), event.message), false);
  }
  if (is_done_) {
    std::exchange(responder_, nullptr)->End();
  }
  return true;
}

void StreamSink::Detach(const http::Responder* responder) {
  const std::lock_guard lock(mutex_);
  if (responder == nullptr || responder_.get() == responder) {
    responder_ = nullptr;
    is_streaming_ = false;
  }
}

void StreamSink::KeepAlive() {
  const std::lock_guard lock(mutex_);
  if (is_done_ || responder_ == nullptr) {
    return;
  }
  if (!is_streaming_) {
    Begin(last_event_);
  }
  responder_->Write(": still here\n\n", true);
}

std::uint64_t StreamSink::last_event() const {
  const std::lock_guard lock(mutex_);
  return last_event_;
}

bool StreamSink::is_attached() const {
  const std::lock_guard lock(mutex_);
  return responder_ != nullptr;
}

bool StreamSink::is_done() const {
  const std::lock_guard lock(mutex_);
  return is_done_;
}

void StreamSink::Begin(std::optional<std::uint64_t> seen) {
  is_streaming_ = true;
  http::Response head{200, options_.headers, ""};
  head.headers.emplace_back("Content-Type", "text/event-stream");
  head.headers.emplace_back("Cache-Control", "no-cache, no-transform");
  head.headers.emplace_back("X-Accel-Buffering", "no");
  if (seen.has_value() && options_.primes && options_.replay != nullptr) {
    head.body = EventText(EventId{options_.stream, *seen}.ToText(), "");
  }
  responder_->Begin(std::move(head));
}

void StreamSink::WriteEvent(const std::string& message, bool droppable) {
  if (responder_ != nullptr && !is_streaming_) {
    Begin(last_event_);
  }
  std::string id;
  if (options_.replay != nullptr) {
    const EventId event{options_.stream, ++last_event_};
    options_.replay->Append(event, message);
    id = event.ToText();
    droppable = false;  // a gap would look like a loss; the peer is cut off and may resume
  }
  if (responder_ != nullptr) {
    responder_->Write(EventText(id, message), droppable);
  }
}

}  // namespace casemate::mcp
