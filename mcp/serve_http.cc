// `casemate serve --http`: MCP over Streamable HTTP until a signal. Ends by draining: streams are
// closed, calls may end, then what is left is cancelled.
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <utility>

#include "base/event_fd.h"
#include "base/log.h"
#include "mcp/auth/authenticator.h"
#include "mcp/auth/token_authenticator.h"
#include "mcp/http/server.h"
#include "mcp/runtime.h"
#include "mcp/serve.h"
#include "mcp/serving.h"
#include "mcp/signals.h"
#include "mcp/transport/http/http_endpoint.h"

namespace casemate {
namespace {

constexpr std::chrono::milliseconds kDrain{8'000};
constexpr int kShutdownMs = 12'000;

mcp::HttpEndpointOptions EndpointOptions(const Config& config) {
  mcp::HttpEndpointOptions options;
  options.origins = {config.http.allowed_origins, config.http.allowed_hosts};
  options.sessions.max_sessions = config.http.max_sessions;
  options.sessions.idle = config.http.session_idle;
  options.readers.working_each = ShareOfOne(config, options.readers.working);
  options.readers.queued_each = ShareOfOne(config, options.readers.queued);
  return options;
}

// Waits for the first signal.
void AwaitStop(const EventFd& stop) {
  pollfd wait{stop.fd(), POLLIN, 0};
  while (poll(&wait, 1, -1) <= 0) {
  }
}

Result<void> Run(const Config& config, Runtime& runtime, mcp::Authenticator& authenticator,
                 ServiceUser& user, const EventFd& stop) {
  if (config.http.metrics) {
    runtime.OfferMetrics();
  }
  const auto server = MakeServer(config, runtime);
  mcp::HttpEndpoint endpoint(*server, authenticator, EndpointOptions(config));
  std::unique_ptr<http::HttpServer> listening;
  // A port below 1024, a socket in a directory of root's, the key of a certificate.
  auto listens = user.AsRoot([&]() -> Result<void> {
    auto made = http::HttpServer::Listen(
        config.http.endpoints, config.http.limits,
        [&endpoint](http::Request request, const std::shared_ptr<http::Responder>& responder) {
          endpoint.Handle(std::move(request), responder);
        });
    if (!made) {
      return std::move(made).error();
    }
    listening = *std::move(made);
    return {};
  });
  if (listens) {
    listens = user.Become();
  }
  if (listens) {
    listens = runtime.FollowPolicy();
  }
  if (!listens) {
    return listens;
  }
  runtime.ReapContainers();
  http::HttpServer& http = *listening;
  http.Every(mcp::HttpEndpoint::kTick, [&endpoint] { endpoint.Tick(); });
  if (auto started = http.Start(); !started) {
    return started;
  }
  for (const std::string& address : http.Addresses()) {
    Announce("serving MCP on " + address +
             (address.starts_with("unix:") ? " (path /mcp)" : "/mcp"));
  }
  AwaitStop(stop);
  const auto deadline = ShutdownDeadline::Start(kShutdownMs);
  endpoint.EndStreams();
  http.Drain(kDrain);
  if (runtime.jobs() != nullptr) {
    runtime.jobs()->Shutdown();
  }
  server->Shutdown();
  return {};
}

}  // namespace

Result<void> ServeHttp(const Config& config, ServiceUser& user) {
  const uid_t own_uid = getuid();  // who may come over a unix socket
  if (auto blocked = SignalWatch::Block(); !blocked) {
    return blocked;
  }
  auto stop = EventFd::Create();
  if (!stop) {
    return std::move(stop).error();
  }
  auto runtime = Runtime::Start(config, "mcp-http", user);
  if (!runtime) {
    return std::move(runtime).error();
  }
  std::atomic<int> signals_seen = 0;
  auto signals = SignalWatch::Start([&stop, &signals_seen](int) {
    if (signals_seen.fetch_add(1) > 0) {
      Log(LogLevel::kWarning, "a second signal: leaving at once");
      _exit(0);  // the launcher ends what runs; the trail shows it as unfinished
    }
    stop->Signal();
  });
  if (!signals) {
    return std::move(signals).error();
  }
  if (config.auth_mode == AuthMode::kSimple) {
    mcp::SimpleAuthenticator authenticator(own_uid);
    return Run(config, **runtime, authenticator, user, *stop);
  }
  auto authenticator = mcp::TokenAuthenticator::Open(
      (*runtime)->state_dir() + "/casemate.db",
      {.own_uid = own_uid, .behind_proxy = config.http.trusted_proxy, .limits = {}});
  if (!authenticator) {
    return std::move(authenticator).error();
  }
  return Run(config, **runtime, **authenticator, user, *stop);
}

}  // namespace casemate
