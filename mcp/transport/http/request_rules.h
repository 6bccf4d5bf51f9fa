// What an HTTP request must look like before its message is read. Pure functions; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "mcp/http/message.h"
#include "mcp/server/envelope.h"
#include "mcp/transport/http/origin.h"

namespace casemate::mcp {

// What TypeScript clients know as "begin anew"; of our own otherwise.
inline constexpr int kSessionNotFound = -32001;

struct Refusal {
  int status = 400;
  std::string why;
};

// Host and Origin; the headers that let a page of an allowed origin read the answer (Fetch, CORS).
std::variant<http::Headers, Refusal> CheckOrigin(const OriginRules& rules,
                                                 const http::Request& request);
// `methods`: that the path has, as in Allow.
http::Headers PreflightHeaders(const http::Request& request, const char* methods,
                               http::Headers cors);
// Content-Type and Accept of a POST.
std::optional<Refusal> CheckPost(const http::Request& request);
// That MCP-Protocol-Version, if it is there, names an edition; for requests whose body does not say
// more.
std::optional<Refusal> CheckVersion(const http::Request& request);
bool Accepts(const http::Request& request, std::string_view type);
// Whether MCP-Protocol-Version names an edition without sessions.
bool ClaimsModern(const http::Request& request);
RequestHeaders HeadersOf(const http::Request& request);

}  // namespace casemate::mcp
