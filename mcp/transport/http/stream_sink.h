// StreamSink: the messages of one HTTP request (or of a session's GET stream) on their way out. A
// reply that comes first is answered as plain JSON; whatever else comes first turns the response
// into an event stream (text/event-stream, WHATWG HTML §9.2). With a ReplayLog, a lost connection
// is no loss: messages are kept, and another connection takes over. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "mcp/http/message.h"
#include "mcp/transport/http/replay_log.h"
#include "mcp/transport/transport.h"

namespace casemate::mcp {

class StreamSink : public MessageSink {
 public:
  struct Options {
    std::shared_ptr<ReplayLog> replay;  // null: a lost connection ends the stream
    std::uint64_t stream = 0;           // its number within the session
    bool primes = false;                // an event stream begins with an empty event that has an id
    http::Headers headers;              // of the response
    // Told once, before the answer goes out; may change `headers`.
    std::function<void(const AnswerFacts& facts)> on_answer;
  };

  // Without a responder, messages wait in the replay log for the first Attach.
  StreamSink(Options options, std::shared_ptr<http::Responder> responder)
      : options_(std::move(options)), responder_(std::move(responder)) {}

  void Send(std::string message, SendClass send_class) override;
  void Answer(std::string message, const AnswerFacts& facts) override;
  void NoAnswer() override;

  // Continues on this connection behind event `after`, and ends the event stream that another has;
  // `headers` go into its response. False: what lies between is gone, or another connection waits
  // for a reply that is no event stream yet.
  bool Attach(std::shared_ptr<http::Responder> responder, std::uint64_t after,
              http::Headers headers = {});
  // That connection (null: whichever) is gone.
  void Detach(const http::Responder* responder);
  // Shows that we are alive: a comment in an event stream, which begins now if it must.
  void KeepAlive();
  // Ends the response without an answer.
  void End();
  // The number of the newest event.
  [[nodiscard]] std::uint64_t last_event() const;
  // Whether the request has had its answer, or never will.
  [[nodiscard]] bool is_done() const;
  // Its number within the session.
  [[nodiscard]] std::uint64_t stream() const { return options_.stream; }
  // Whether a connection is there.
  [[nodiscard]] bool is_attached() const;

  // The response's status for an answer as plain JSON.
  static int StatusOf(const AnswerFacts& facts);

 private:
  // The first of an event stream: with `seen`, the number of the last event before it, which primes
  // the client for resumption. Under mutex_, as all below.
  void Begin(std::optional<std::uint64_t> seen);
  void WriteEvent(const std::string& message, bool droppable);

  mutable std::mutex mutex_;
  Options options_;  // guarded by mutex_ but for `stream`, as are all below
  std::shared_ptr<http::Responder> responder_;  // null: no connection
  bool is_streaming_ = false;                   // on the present connection
  bool is_done_ = false;
  std::uint64_t last_event_ = 0;
};

}  // namespace casemate::mcp
