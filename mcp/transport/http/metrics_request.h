// GET and HEAD of /metrics, from a caller whom the rules of the endpoint have let in. Never blocks:
// policy and trail are asked on the server's threads for what is short.
#pragma once

#include <memory>
#include <string_view>

#include "mcp/http/message.h"
#include "mcp/server/server.h"
#include "policies/identity/principal.h"

namespace casemate::mcp {

inline constexpr std::string_view kMetricsPath = "/metrics";
inline constexpr const char* kMetricsMethods = "GET, HEAD";

// Precondition: the server's backends have metrics. `headers`: of the answer, whatever it is.
// 200; 403 when policy refuses; 405; 503 when it cannot be recorded, or too much waits already.
void AnswerMetrics(Server& server, const http::Request& request, policies::Principal principal,
                   const std::shared_ptr<http::Responder>& responder, http::Headers headers);

}  // namespace casemate::mcp
