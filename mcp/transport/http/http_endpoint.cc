#include "mcp/transport/http/http_endpoint.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "mcp/protocol/wire.h"
#include "mcp/server/errors.h"
#include "mcp/transport/http/metrics_request.h"
#include "mcp/transport/http/refusing.h"
#include "mcp/transport/http/request_rules.h"
#include "tools/job.h"

namespace casemate::mcp {

using http::FindHeader;

namespace {

constexpr const char* kChannel = "mcp-http";
constexpr const char* kMethods = "POST, GET, DELETE";

bool IsModernRequest(const jsonrpc::Parsed& parsed) {
  const auto* message = std::get_if<jsonrpc::Message>(&parsed);
  const auto* request = message == nullptr ? nullptr : std::get_if<jsonrpc::Request>(message);
  return request != nullptr && IsModern(*request);
}

bool IsRequest(const jsonrpc::Parsed& parsed) {
  const auto* message = std::get_if<jsonrpc::Message>(&parsed);
  return message == nullptr || std::holds_alternative<jsonrpc::Request>(*message);
}

bool IsResponse(const jsonrpc::Parsed& parsed) {
  const auto* message = std::get_if<jsonrpc::Message>(&parsed);
  return message != nullptr && std::holds_alternative<jsonrpc::Response>(*message);
}

bool IsInitialize(const jsonrpc::Parsed& parsed) {
  const auto* message = std::get_if<jsonrpc::Message>(&parsed);
  const auto* request = message == nullptr ? nullptr : std::get_if<jsonrpc::Request>(message);
  return request != nullptr && request->method == "initialize";
}

// The id of the one request in it; nullopt: there is none, or there are several.
std::optional<jsonrpc::RequestId> IdIn(const jsonrpc::Incoming& incoming) {
  if (incoming.is_batch) {
    return std::nullopt;
  }
  const auto& parsed = incoming.messages.front();
  if (const auto* failure = std::get_if<jsonrpc::ParseFailure>(&parsed)) {
    return failure->id;
  }
  const auto* request = std::get_if<jsonrpc::Request>(&std::get<jsonrpc::Message>(parsed));
  return request == nullptr ? std::nullopt : std::optional(request->id);
}

}  // namespace

struct HttpEndpoint::Post {
  http::Request request;
  std::shared_ptr<http::Responder> responder;
  policies::Principal principal;
  http::Headers answer_headers;  // of the response, whatever it is

  void Refuse(int status, const std::string& why, const std::optional<jsonrpc::RequestId>& id,
              int code = jsonrpc::kInvalidRequest) {
    mcp::Refuse(responder, status, why, std::move(answer_headers), code, id);
  }
};

HttpEndpoint::HttpEndpoint(Server& server, Authenticator& authenticator,
                           HttpEndpointOptions options)
    : server_(server),
      authenticator_(authenticator),
      options_(std::move(options)),
      sessions_(server, options_.sessions),
      readers_(options_.readers) {}

void HttpEndpoint::Handle(http::Request request,
                          const std::shared_ptr<http::Responder>& responder) {
  const std::string_view path =
      std::string_view(request.target).substr(0, request.target.find('?'));
  const bool is_metrics = path == kMetricsPath && server_.backends().metrics != nullptr;
  if (path != options_.path && !is_metrics) {
    Refuse(responder, 404, "expected the path " + options_.path, {}, jsonrpc::kInvalidRequest);
    return;
  }
  const auto origin = CheckOrigin(options_.origins, request);
  if (const auto* refusal = std::get_if<Refusal>(&origin)) {
    Refuse(responder, refusal->status, refusal->why);
    return;
  }
  auto cors = std::get<http::Headers>(origin);
  if (request.method == "OPTIONS" && !cors.empty()) {
    responder->Send(
        {204, PreflightHeaders(request, is_metrics ? kMetricsMethods : kMethods, std::move(cors)),
         ""});
    return;
  }
  auto principal = authenticator_.Authenticate(request.headers, request.peer);
  if (!principal) {
    RefuseCaller(request, responder, principal.error(), std::move(cors));
    return;
  }
  if (is_metrics) {
    AnswerMetrics(server_, request, *std::move(principal), responder, std::move(cors));
    return;
  }
  if (request.method != "POST") {
    if (const auto refusal = CheckVersion(request)) {
      Refuse(responder, refusal->status, refusal->why, std::move(cors));
      return;
    }
  }
  if (request.method == "POST") {
    HandlePost(std::make_shared<Post>(
        Post{std::move(request), responder, *std::move(principal), std::move(cors)}));
  } else if (request.method == "GET" && !ClaimsModern(request)) {
    HandleGet(request, *principal, responder, std::move(cors));
  } else if (request.method == "DELETE" && !ClaimsModern(request)) {
    HandleDelete(request, *principal, responder, std::move(cors));
  } else {
    cors.emplace_back("Allow", kMethods);
    Refuse(responder, 405, "expected POST, or GET or DELETE of a session", std::move(cors));
  }
}

void HttpEndpoint::RefuseCaller(const http::Request& request,
                                const std::shared_ptr<http::Responder>& responder,
                                const Error& error, http::Headers headers) {
  int status = error.code == ErrorCode::kResourceExhausted ? 429 : 503;
  if (error.code == ErrorCode::kPermissionDenied || error.code == ErrorCode::kInvalidArgument) {
    const std::string challenge = authenticator_.Challenge(request.headers);
    status = error.code == ErrorCode::kInvalidArgument ? 400 : challenge.empty() ? 403 : 401;
    if (!challenge.empty()) {
      headers.emplace_back("WWW-Authenticate", challenge);
    }
  }
  Refuse(responder, status, error.message, std::move(headers));
}

void HttpEndpoint::HandlePost(const std::shared_ptr<Post>& post) {
  const bool is_short = post->request.body.size() <= options_.max_inline_bytes;
  if (const auto refusal = CheckPost(post->request)) {
    post->Refuse(refusal->status, refusal->why,
                 is_short ? IdIn(jsonrpc::ParseIncoming(post->request.body, server_.options().json))
                          : std::nullopt);
    return;
  }
  if (is_short) {
    Dispatch(post);
    return;
  }
  if (!readers_.Submit(tools::OwnerOf(post->principal), [this, post] { Dispatch(post); })) {
    post->Refuse(503, "the server is busy reading other long messages; try again", std::nullopt);
  }
}

void HttpEndpoint::Dispatch(const std::shared_ptr<Post>& post) {
  try {
    auto incoming = jsonrpc::ParseIncoming(post->request.body, server_.options().json);
    const bool is_modern = std::ranges::any_of(incoming.messages, IsModernRequest);
    if (incoming.is_batch && (is_modern || ClaimsModern(post->request))) {
      post->Refuse(400, "expected one message, got a batch", std::nullopt);
    } else if (is_modern || ClaimsModern(post->request)) {
      DispatchModern(post, std::move(incoming));
    } else {
      DispatchLegacy(post, std::move(incoming));
    }
  } catch (const std::exception& error) {  // a library's
    Log(LogLevel::kError, std::string("a message could not be handled: ") + error.what());
  }
}

void HttpEndpoint::DispatchModern(const std::shared_ptr<Post>& post, jsonrpc::Incoming incoming) {
  if (IsResponse(incoming.messages.front())) {
    post->Refuse(400, "expected a request or a notification, got a response", std::nullopt);
    return;
  }
  if (!IsRequest(incoming.messages.front())) {
    post->responder->Send({202, std::move(post->answer_headers), ""});
    return;
  }
  auto session = server_.Open(post->principal, kChannel, nullptr);
  StreamSink::Options options;
  options.headers = std::move(post->answer_headers);
  auto sink = std::make_shared<StreamSink>(std::move(options), post->responder);
  // The client takes a request back by closing its stream. The sink is held here, for a listen
  // request is held by the session, and the session by nothing else.
  post->responder->OnGone([session, sink] {
    sink->Detach(nullptr);
    session->Close();
  });
  const RequestHeaders headers = HeadersOf(post->request);
  session->Handle(std::move(incoming), sink, &headers);
  if (!sink->is_done()) {  // most are: what is remembered costs memory until the next tick
    KeepAlive(sink);
    const std::lock_guard lock(mutex_);
    modern_.push_back(session);
  }
}

void HttpEndpoint::DispatchLegacy(const std::shared_ptr<Post>& post, jsonrpc::Incoming incoming) {
  if (!incoming.is_batch && IsInitialize(incoming.messages.front())) {
    BeginSession(post, std::move(incoming));
    return;
  }
  const auto id = FindHeader(post->request.headers, "Mcp-Session-Id");
  if (!id.value.has_value()) {
    // What cannot be read is said to be so, whoever sent it.
    if (!incoming.is_batch &&
        std::holds_alternative<jsonrpc::ParseFailure>(incoming.messages.front())) {
      const auto& failure = std::get<jsonrpc::ParseFailure>(incoming.messages.front());
      StreamSink({}, post->responder)
          .Answer(jsonrpc::SerializeError(failure.id, failure.error),
                  {.error_code = failure.error.code, .is_refusal = true, .is_modern = false});
      return;
    }
    post->Refuse(400, "expected the header Mcp-Session-Id, or initialize first, got neither",
                 IdIn(incoming));
    return;
  }
  const auto session = sessions_.Find(std::string(*id.value), post->principal);
  if (session == nullptr) {
    post->Refuse(404, "there is no such session; begin a new one with initialize", IdIn(incoming),
                 kSessionNotFound);
    return;
  }
  const RequestHeaders headers = HeadersOf(post->request);
  if (!std::ranges::any_of(incoming.messages, IsRequest)) {
    if (const auto refusal = CheckVersion(post->request)) {
      post->Refuse(refusal->status, refusal->why, std::nullopt);
      return;
    }
    session->session->Handle(std::move(incoming), session->general, &headers);
    post->responder->Send({202, std::move(post->answer_headers), ""});
    return;
  }
  StreamSink::Options options;
  options.headers = std::move(post->answer_headers);
  const auto edition = session->session->edition();
  options.primes = edition.has_value() && TraitsOf(*edition).primes_streams;
  const auto sink = sessions_.OpenStream(*session, std::move(options), post->responder);
  post->responder->OnGone([sink, raw = post->responder.get()] { sink->Detach(raw); });
  session->session->Handle(std::move(incoming), sink, &headers);
  if (sink->is_done()) {
    sessions_.CloseStream(*session, sink->stream());
  } else {
    KeepAlive(sink);
  }
}

void HttpEndpoint::BeginSession(const std::shared_ptr<Post>& post, jsonrpc::Incoming incoming) {
  const auto session = sessions_.Begin(post->principal);
  if (session == nullptr) {
    post->Refuse(503, "there are too many sessions; try again later", IdIn(incoming));
    return;
  }
  StreamSink::Options options;
  options.headers = std::move(post->answer_headers);
  options.headers.emplace_back("Mcp-Session-Id", session->id);
  bool has_failed = false;  // initialize is answered at once, on this thread
  options.on_answer = [&has_failed](const AnswerFacts& facts) {
    has_failed = facts.error_code != 0;
  };
  const auto sink = std::make_shared<StreamSink>(std::move(options), post->responder);
  const RequestHeaders headers = HeadersOf(post->request);
  session->session->Handle(std::move(incoming), sink, &headers);
  if (has_failed) {
    sessions_.End(session->id);
  }
}

void HttpEndpoint::HandleGet(const http::Request& request, const policies::Principal& principal,
                             const std::shared_ptr<http::Responder>& responder,
                             http::Headers cors) {
  if (!Accepts(request, "text/event-stream")) {
    Refuse(responder, 406, "expected Accept to include text/event-stream", std::move(cors));
    return;
  }
  const auto id = FindHeader(request.headers, "Mcp-Session-Id");
  if (!id.value.has_value()) {
    Refuse(responder, 400, "expected the header Mcp-Session-Id, got none", std::move(cors));
    return;
  }
  const auto session = sessions_.Find(std::string(*id.value), principal);
  if (session == nullptr) {
    Refuse(responder, 404, "there is no such session; begin a new one with initialize",
           std::move(cors), kSessionNotFound);
    return;
  }
  EventId after;
  if (const auto last = FindHeader(request.headers, "Last-Event-ID"); last.value.has_value()) {
    const auto read = EventId::FromText(*last.value);
    if (!read.has_value()) {
      Refuse(responder, 400, "expected Last-Event-ID to be the id of one of our events",
             std::move(cors));
      return;
    }
    after = *read;
  } else {
    after.number = session->general->last_event();  // from now on
  }
  auto sink = sessions_.StreamOf(*session, after.stream);
  if (sink == nullptr) {  // answered while nobody was there: what is kept is all there will be
    StreamSink::Options options;
    options.replay = session->replay;
    options.stream = after.stream;
    sink = std::make_shared<StreamSink>(std::move(options), nullptr);
    sink->End();
  }
  // Whoever names an event has lost the connection before, though we may not have seen it yet.
  const bool resumes = FindHeader(request.headers, "Last-Event-ID").value.has_value();
  if (sink->is_attached() && !resumes) {
    Refuse(responder, 409, "this stream has a connection already", std::move(cors));
    return;
  }
  if (!sink->Attach(responder, after.number, cors)) {
    if (sink->is_attached()) {
      Refuse(responder, 409, "the request of this stream is still waiting for its answer elsewhere",
             std::move(cors));
      return;
    }
    Refuse(responder, 404, "the events after this Last-Event-ID are not kept any more",
           std::move(cors));
    return;
  }
  responder->OnGone([sink, raw = responder.get()] { sink->Detach(raw); });
  KeepAlive(sink);
}

void HttpEndpoint::HandleDelete(const http::Request& request, const policies::Principal& principal,
                                const std::shared_ptr<http::Responder>& responder,
                                http::Headers cors) {
  const auto id = FindHeader(request.headers, "Mcp-Session-Id");
  if (!id.value.has_value()) {
    Refuse(responder, 400, "expected the header Mcp-Session-Id, got none", std::move(cors));
    return;
  }
  const std::string text(*id.value);
  if (sessions_.Find(text, principal) == nullptr) {
    Refuse(responder, 404, "there is no such session", std::move(cors), kSessionNotFound);
    return;
  }
  sessions_.End(text);
  responder->Send({204, std::move(cors), ""});
}

void HttpEndpoint::KeepAlive(const std::shared_ptr<StreamSink>& sink) {
  const std::lock_guard lock(mutex_);
  open_.push_back(sink);
}

void HttpEndpoint::Tick() {
  std::vector<std::shared_ptr<StreamSink>> open;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(open_, [](const auto& sink) { return sink.expired(); });
    std::erase_if(modern_, [](const auto& session) { return session.expired(); });
    for (const auto& sink : open_) {
      if (auto live = sink.lock()) {
        open.push_back(std::move(live));
      }
    }
  }
  for (const auto& sink : open) {
    sink->KeepAlive();
  }
  sessions_.Expire();
  EndUnwelcome();
}

void HttpEndpoint::EndUnwelcome() {
  std::map<std::string, bool> known;  // by token: one look each
  const auto is_unwelcome = [&](const policies::Principal& principal) {
    const auto [entry, is_new] = known.try_emplace(principal.token, false);
    if (is_new) {
      entry->second = !authenticator_.IsStillWelcome(principal);
    }
    return entry->second;
  };
  std::vector<std::shared_ptr<Session>> ended;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& live : modern_) {
      if (auto session = live.lock(); session != nullptr && is_unwelcome(session->principal())) {
        ended.push_back(std::move(session));
      }
    }
  }
  for (const auto& session : ended) {
    session->Close();
  }
  sessions_.EndThoseOf(is_unwelcome);
}

void HttpEndpoint::EndStreams() {
  std::vector<std::weak_ptr<Session>> modern;
  {
    const std::lock_guard lock(mutex_);
    modern.swap(modern_);
  }
  for (const auto& known : modern) {
    if (const auto session = known.lock()) {
      session->listens().Close(server_.options().identity);
    }
  }
  sessions_.EndStreams();
}

}  // namespace casemate::mcp
