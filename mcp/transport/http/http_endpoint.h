// HttpEndpoint: MCP's Streamable HTTP on one path: POST for messages; GET and DELETE for the
// sessions of the initialize-based editions; and, on another path, metrics where they are offered.
// docs/http.md has the table of answers. Handle is called on the HTTP server's thread and never
// blocks; what may take long goes to the pool.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/fair_pool.h"
#include "mcp/auth/authenticator.h"
#include "mcp/http/message.h"
#include "mcp/jsonrpc/message.h"
#include "mcp/server/envelope.h"
#include "mcp/server/server.h"
#include "mcp/transport/http/origin.h"
#include "mcp/transport/http/sessions.h"

namespace casemate::mcp {

struct HttpEndpointOptions {
  std::string path = "/mcp";
  OriginRules origins;
  HttpSessions::Limits sessions;
  std::size_t max_inline_bytes = std::size_t{64} << 10;  // longer messages are read on a thread
  FairPoolLimits readers{.working = 2, .working_each = 2, .queued = 64, .queued_each = 64};
};

class HttpEndpoint {
 public:
  // Borrows both, which must outlive it.
  HttpEndpoint(Server& server, Authenticator& authenticator, HttpEndpointOptions options);

  void Handle(http::Request request, const std::shared_ptr<http::Responder>& responder);
  // Keep-alive comments, the end of idle sessions, and of all that was begun with a token that is
  // no longer in force; call every kTick.
  static constexpr std::chrono::seconds kTick{10};
  void Tick();
  // Ends the endless: GET streams and listen requests; sessions are gone.
  void EndStreams();

 private:
  struct Post;  // one POST on its way
  void RefuseCaller(const http::Request& request, const std::shared_ptr<http::Responder>& responder,
                    const Error& error, http::Headers headers);
  void HandlePost(const std::shared_ptr<Post>& post);
  void Dispatch(const std::shared_ptr<Post>& post);
  void DispatchModern(const std::shared_ptr<Post>& post, jsonrpc::Incoming incoming);
  void DispatchLegacy(const std::shared_ptr<Post>& post, jsonrpc::Incoming incoming);
  void BeginSession(const std::shared_ptr<Post>& post, jsonrpc::Incoming incoming);
  void HandleGet(const http::Request& request, const policies::Principal& principal,
                 const std::shared_ptr<http::Responder>& responder, http::Headers cors);
  void HandleDelete(const http::Request& request, const policies::Principal& principal,
                    const std::shared_ptr<http::Responder>& responder, http::Headers cors);
  void KeepAlive(const std::shared_ptr<StreamSink>& sink);
  void EndUnwelcome();

  Server& server_;
  Authenticator& authenticator_;
  const HttpEndpointOptions options_;
  HttpSessions sessions_;
  std::mutex mutex_;
  std::vector<std::weak_ptr<StreamSink>> open_;  // guarded by mutex_; for keep-alive
  std::vector<std::weak_ptr<Session>> modern_;   // guarded by mutex_; to be closed at the end
  FairPool readers_;                             // last: its threads use all of the above
};

}  // namespace casemate::mcp
