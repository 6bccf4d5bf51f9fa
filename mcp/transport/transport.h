// Transport: carries whole messages between one client and the server. The dispatcher sees only
// this. Send is thread-safe; Run is called by one thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace casemate::mcp {

// kReply messages are never dropped; kProgress may be when the client does not read.
enum class SendClass { kReply, kProgress };

class Transport {
 public:
  virtual ~Transport() = default;
  // Queues one serialised message, without line end. Blocks only while the queue is full of
  // replies.
  virtual void Send(std::string message, SendClass send_class) = 0;
};

}  // namespace casemate::mcp
