// Responses as bytes on the wire (RFC 9112). Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "mcp/http/message.h"

namespace casemate::http {

// What of a request decides the form of its response.
struct ResponseForm {
  bool http10 = false;     // no chunks: a stream ends with the connection
  bool is_head = false;    // HEAD: no body
  bool keep_alive = true;  // the peer wants to send more
};

// No control characters, and names are tokens (attack: a value with CR LF that adds a response).
bool AreSafe(const Headers& headers);
std::string WholeResponse(const Response& response, const ResponseForm& form);
// Status line and headers of a stream.
std::string StreamHead(const Response& head, const ResponseForm& form);
// One chunk; `bytes` must not be empty, for an empty chunk ends the stream.
std::string Chunk(std::string_view bytes);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
// A response of our own about a request that no handler saw: {"error": text}, and close.
std::string Refusal(int status, std::string_view text);
// {"error": text} for plain ASCII without quotes.
Response ErrorResponse(int status, std::string_view text);

}  // namespace casemate::http
