// HTTP/1.1 requests and responses as values, and the right to answer one request. What speaks them
// on the wire is HttpServer. No Boost here: this header is light.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace casemate::http {

// In the order received or to be sent; names are compared without regard to case.
using Headers = std::vector<std::pair<std::string, std::string>>;
// The value without surrounding white space; nullopt: absent. Given more than once: nullopt too,
// with `repeated` set, for no header that we act on may be (attack: two readings of one request).
struct HeaderValue {
  std::optional<std::string_view> value;
  bool repeated = false;
};
HeaderValue FindHeader(const Headers& headers, std::string_view name);

// Who is at the other end of the connection.
struct Peer {
  bool is_unix = false;  // a unix socket; then `uid` is the kernel's word (SO_PEERCRED)
  uid_t uid = 0;
  bool is_loopback = false;  // a TCP address of this machine's loopback
  bool is_tls = false;
  std::string address;  // for logs: "127.0.0.1:4711", "unix"
};

struct Request {
  std::string method;  // "POST"
  std::string target;  // as sent: "/mcp?x=1"
  Headers headers;
  std::string body;
  Peer peer;
};

struct Response {
  int status = 200;
  Headers
      headers;  // without Content-Length, Transfer-Encoding, Connection, Date: set by the server
  std::string body;
};

// Answers one request, either whole (Send) or as a stream (Begin, Write…, End). Thread-safe; never
// blocks. Outlives the connection: then everything is quietly dropped. Destroyed unanswered, it
// answers 500; destroyed in the middle of a stream, it ends the stream.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual void Send(Response response) = 0;
  virtual void Begin(Response head) = 0;  // `body` is the first piece, or empty
  // False: not taken, because it is droppable and the peer has not read what is queued, or because
  // the peer is gone. A peer that leaves more than the limit unread is cut off.
  virtual bool Write(std::string bytes, bool droppable) = 0;
  virtual void End() = 0;
  // Called once, on the server's thread, when the peer goes away (that includes one that only shuts
  // down its sending side), is cut off or is refused for max_streams before the answer is
  // complete; at once if it already has. Never called after the answer is complete.
  virtual void OnGone(std::function<void()> gone) = 0;
};

}  // namespace casemate::http
