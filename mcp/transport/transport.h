// MessageSink: where the messages about one request, or of one stream, go. On stdio all share one;
// over HTTP each POST has its own. The dispatcher sees only this. Thread-safe.
#pragma once

#include <memory>
#include <string>

namespace casemate::mcp {

// kReply messages (answers, requests to the client) are never dropped; kProgress may be when the
// client does not read.
enum class SendClass { kReply, kProgress };

// What a transport may need to know about an answer besides its text; over HTTP it picks the
// status.
struct AnswerFacts {
  int error_code = 0;       // of a JSON-RPC error; 0: a result
  bool is_refusal = false;  // an error found before the method began: the message itself was wrong
  bool is_modern = false;   // under an edition without sessions
};

class MessageSink {
 public:
  virtual ~MessageSink() = default;
  // Queues one serialised message, without line end. May block only while a queue is full of
  // replies.
  virtual void Send(std::string message, SendClass send_class) = 0;
  // The answer to the request that this sink belongs to.
  virtual void Answer(std::string message, const AnswerFacts& /*facts*/) {
    Send(std::move(message), SendClass::kReply);
  }
  // The request was cancelled: it gets no answer (MCP, basic/utilities/cancellation).
  virtual void NoAnswer() {}
};

using MessageSinkPtr = std::shared_ptr<MessageSink>;

}  // namespace casemate::mcp
