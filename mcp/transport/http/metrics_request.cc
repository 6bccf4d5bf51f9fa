#include "mcp/transport/http/metrics_request.h"

#include <utility>

#include "mcp/server/errors.h"
#include "mcp/transport/http/refusing.h"
#include "tools/job.h"
#include "tools/metrics_reader.h"

namespace casemate::mcp {

namespace {

constexpr const char* kTextFormat = "text/plain; version=0.0.4; charset=utf-8";

void RefuseReading(const std::shared_ptr<http::Responder>& responder, const Error& error,
                   http::Headers headers) {
  const bool is_refused = error.code == ErrorCode::kPermissionDenied;
  const int status = is_refused ? 403 : error.code == ErrorCode::kUnavailable ? 503 : 500;
  Refuse(responder, status,
         error.remedy.empty() ? error.message : error.message + " (" + error.remedy + ")",
         std::move(headers), is_refused ? kRefused : kUnavailable);
}

}  // namespace

void AnswerMetrics(Server& server, const http::Request& request, policies::Principal principal,
                   const std::shared_ptr<http::Responder>& responder, http::Headers headers) {
  if (request.method != "GET" && request.method != "HEAD") {
    headers.emplace_back("Allow", kMetricsMethods);
    Refuse(responder, 405, "expected GET or HEAD, got another method", std::move(headers));
    return;
  }
  tools::CallContext context;
  context.principal = std::move(principal);
  context.channel = "mcp-http";
  const std::string owner = tools::OwnerOf(context.principal);
  const bool accepted =
      server.reserved().Submit(owner, [&metrics = *server.backends().metrics, responder, headers,
                                       context = std::move(context)]() mutable {
        auto text = metrics.Read(context);
        if (!text) {
          RefuseReading(responder, text.error(), std::move(headers));
          return;
        }
        headers.emplace_back("Content-Type", kTextFormat);
        responder->Send({200, std::move(headers), *std::move(text)});
      });
  if (!accepted) {
    Refuse(responder, 503, "the server is busy; try again", std::move(headers), kServerBusy);
  }
}

}  // namespace casemate::mcp
