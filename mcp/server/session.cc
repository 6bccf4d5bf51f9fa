#include "mcp/server/session.h"

#include <atomic>
#include <exception>
#include <utility>
#include <vector>

#include "base/log.h"
#include "mcp/protocol/wire.h"
#include "mcp/server/errors.h"
#include "mcp/server/exchange.h"
#include "mcp/server/server.h"
#include "mcp/server/tasks.h"
#include "tools/job.h"
#include "tools/job_runner.h"

namespace casemate::mcp {

using jsonrpc::RpcError;
using nlohmann::json;

namespace {

std::string NextSerial() {
  static std::atomic<std::uint64_t> last = 0;
  return std::to_string(++last);
}

// Collects the answers to a batch into one array; what is not an answer passes through.
class BatchSink : public MessageSink {
 public:
  BatchSink(MessageSinkPtr out, std::size_t answers) : out_(std::move(out)), missing_(answers) {}

  void Send(std::string message, SendClass send_class) override {
    out_->Send(std::move(message), send_class);
  }
  void Answer(std::string message, const AnswerFacts& /*facts*/) override {
    Arrived(std::move(message));
  }
  void NoAnswer() override { Arrived({}); }

 private:
  void Arrived(std::string message) {
    const std::lock_guard lock(mutex_);
    if (!message.empty()) {
      answers_ += (answers_.empty() ? "[" : ",") + std::move(message);
    }
    if (--missing_ > 0) {
      return;
    }
    if (answers_.empty()) {
      out_->NoAnswer();
    } else {
      out_->Answer(answers_ + "]", {});
    }
  }

  const MessageSinkPtr out_;
  std::mutex mutex_;
  std::size_t missing_;  // guarded by mutex_
  std::string answers_;  // guarded by mutex_
};

bool IsAnswered(const jsonrpc::Parsed& parsed) {
  const auto* message = std::get_if<jsonrpc::Message>(&parsed);
  return message == nullptr || std::holds_alternative<jsonrpc::Request>(*message);
}

// What in it cannot be part of a batch; null: nothing. The edition without
// sessions has no batches, and a listen request would hold back the answers to all the others.
const char* Unbatchable(const jsonrpc::Parsed& parsed) {
  const auto* message = std::get_if<jsonrpc::Message>(&parsed);
  const auto* request = message == nullptr ? nullptr : std::get_if<jsonrpc::Request>(message);
  if (request == nullptr) {
    return nullptr;
  }
  return request->method == "initialize" ? "initialize"
         : IsModern(*request)            ? "request of edition 2026-07-28"
                                         : nullptr;
}

void Refuse(const MessageSinkPtr& sink, const std::optional<jsonrpc::RequestId>& id,
            const RpcError& error) {
  sink->Answer(jsonrpc::SerializeError(id, error),
               {.error_code = error.code, .is_refusal = true, .is_modern = false});
}

// The tool that a tools/call names, if it exists; its schema may bind arguments to headers.
const tools::ToolSpec* ToolNamedBy(const jsonrpc::Request& request, const Server& server) {
  if (request.method != "tools/call") {
    return nullptr;
  }
  const auto name = request.params.find("name");
  if (name == request.params.end() || !name->is_string()) {
    return nullptr;
  }
  return server.backends().executor.Find(name->get_ref<const std::string&>());
}

// Runs the method and answers. The entry goes before the reply, after which the id is free again.
void RunMethod(const Method& method, Exchange& exchange) {
  Outcome outcome = Deferred{};
  try {
    outcome = method.handle(exchange);
  } catch (const std::exception& error) {  // libraries; ours does not throw
    Log(LogLevel::kError, std::string("a request ended unexpectedly: ") + error.what());
    outcome = InternalError("the request ended unexpectedly; the server's log says why");
  }
  if (std::holds_alternative<Deferred>(outcome)) {
    return;
  }
  bool is_cancelled = false;
  if (exchange.entry.has_value()) {
    exchange.entry->Remove();
    is_cancelled = exchange.entry->cancelled();
  }
  if (is_cancelled) {
    exchange.reply.Forget();
  } else if (const auto* error = std::get_if<RpcError>(&outcome)) {
    exchange.reply.Fail(*error);
  } else if (const auto* text = std::get_if<Rendered>(&outcome)) {
    exchange.reply.SucceedWith(**text);
  } else {
    exchange.reply.Succeed(std::get<json>(outcome));
  }
}

}  // namespace

Session::Session(Server& server, policies::Principal principal, std::string channel,
                 MessageSinkPtr general)
    : server_(server),
      principal_(std::move(principal)),
      channel_(std::move(channel)),
      serial_(NextSerial()),
      general_(std::move(general)),
      capabilities_(std::make_shared<const json>(json::object())) {}

void Session::Handle(std::string_view text, const MessageSinkPtr& sink,
                     const RequestHeaders* headers) {
  try {
    Handle(jsonrpc::ParseIncoming(text, server_.options().json), sink, headers);
  } catch (const std::exception& error) {  // a library's; ReplyOnce has answered the request
    Log(LogLevel::kError, std::string("a message could not be handled: ") + error.what());
  }
}

void Session::Handle(jsonrpc::Incoming incoming, const MessageSinkPtr& sink,
                     const RequestHeaders* headers) {
  if (!incoming.is_batch) {
    HandleOne(std::move(incoming.messages.front()), sink, headers);
    return;
  }
  const auto negotiated = edition();
  if (!negotiated || !TraitsOf(*negotiated).batches) {
    Refuse(
        sink, std::nullopt,
        InvalidRequest("expected one message, got a batch: only edition 2025-03-26 has batches"));
    return;
  }
  std::size_t answers = 0;
  for (const jsonrpc::Parsed& parsed : incoming.messages) {
    answers += IsAnswered(parsed) ? 1 : 0;
    if (const char* what = Unbatchable(parsed)) {
      Refuse(sink, std::nullopt,
             InvalidRequest("expected no " + std::string(what) + " within a batch, got one"));
      return;
    }
  }
  const MessageSinkPtr collected = answers == 0 ? sink : std::make_shared<BatchSink>(sink, answers);
  for (jsonrpc::Parsed& parsed : incoming.messages) {
    HandleOne(std::move(parsed), collected, headers);
  }
}

void Session::HandleOne(jsonrpc::Parsed parsed, const MessageSinkPtr& sink,
                        const RequestHeaders* headers) {
  if (const auto* failure = std::get_if<jsonrpc::ParseFailure>(&parsed)) {
    Refuse(sink, failure->id, failure->error);
    return;
  }
  auto& message = std::get<jsonrpc::Message>(parsed);
  if (auto* request = std::get_if<jsonrpc::Request>(&message)) {
    OnRequest(std::move(*request), sink, headers);
  } else if (const auto* notification = std::get_if<jsonrpc::Notification>(&message)) {
    OnNotification(*notification);
  } else {
    questions_.OnResponse(std::get<jsonrpc::Response>(std::move(message)));
  }
}

void Session::HandleOversized(std::size_t limit_bytes, const MessageSinkPtr& sink) {
  Refuse(sink, std::nullopt,
         {jsonrpc::kParseError,
          "Parse error: expected a message of at most " + std::to_string(limit_bytes) +
              " bytes, got a longer one",
          nullptr});
}

void Session::OnNotification(const jsonrpc::Notification& notification) {
  if (notification.method != "notifications/cancelled") {
    return;  // unknown notifications are ignored, as JSON-RPC demands
  }
  const auto given = notification.params.find("requestId");
  if (given == notification.params.end()) {
    return;
  }
  if (const auto id = jsonrpc::IdFromJson(*given)) {
    calls_.Cancel(*id);
    listens_.Cancel(*id);
  }
}

void Session::OnRequest(jsonrpc::Request request, const MessageSinkPtr& sink,
                        const RequestHeaders* headers) {
  ReplyOnce reply(sink, request.id);
  if (calls_.Contains(request.id) || listens_.Contains(request.id)) {
    reply.Refuse(InvalidRequest("id: expected a new id, got that of a request still in progress"));
    return;
  }
  SessionFacts facts;
  {
    const std::lock_guard lock(mutex_);
    facts = {edition_, capabilities_, log_level_};
    if (closed_) {
      reply.Refuse(InvalidRequest("expected a session that is open, got one that has ended"));
      return;
    }
  }
  auto opened = OpenEnvelope(request, facts, headers, ToolNamedBy(request, server_));
  if (const auto* error = std::get_if<RpcError>(&opened)) {
    reply.SetModern(error->code != jsonrpc::kMethodNotFound);  // only there older ones differ
    reply.Refuse(*error);
    return;
  }
  auto& envelope = std::get<Envelope>(opened);
  reply.SetModern(envelope.edition->modern);
  const Method* method = FindMethod(request.method, envelope.edition->modern, server_);
  if (method == nullptr) {
    reply.Refuse(MethodNotFound(request.method));
    return;
  }
  Exchange exchange{
      shared_from_this(), std::move(request), *envelope.edition, std::move(envelope.client), sink,
      std::move(reply),   std::nullopt};
  if (method->where == Method::Where::kReader) {
    RunMethod(*method, exchange);
  } else {
    OnPool(std::make_shared<Exchange>(std::move(exchange)));
  }
}

void Session::OnPool(const std::shared_ptr<Exchange>& exchange) {
  auto added = calls_.Add(exchange->request.id, server_.options().max_calls_per_session);
  if (!added) {
    exchange->reply.Fail(ServerBusy());
    return;
  }
  CallsInFlight::Entry& entry = exchange->entry.emplace(*std::move(added));  // lies in exchange
  const Method* method = FindMethod(exchange->request.method, exchange->edition.modern, server_);
  const tools::ToolSpec* tool = ToolNamedBy(exchange->request, server_);
  const bool is_short =
      method->where == Method::Where::kPool || (tool != nullptr && tool->is_short);
  FairPool& pool = is_short ? server_.reserved() : server_.calls();
  const bool accepted = pool.Submit(tools::OwnerOf(principal_), [exchange, method, &entry] {
    if (entry.cancelled()) {  // while it waited
      entry.Remove();
      exchange->reply.Forget();
    } else {
      RunMethod(*method, *exchange);
    }
  });
  if (!accepted) {
    entry.Remove();
    exchange->reply.Fail(ServerBusy());
  }
}

void Session::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  calls_.CancelAll();
  questions_.Close();
  listens_.Close(server_.options().identity);
}

void Session::OnChange(const tools::Change& change) {
  struct Notice {
    const char* method;
    json params;
  };
  Notice notice{nullptr, json::object()};
  switch (change.kind) {
    case tools::Change::Kind::kToolList:
      notice.method = "notifications/tools/list_changed";
      break;
    case tools::Change::Kind::kPromptList:
      notice.method = "notifications/prompts/list_changed";
      break;
    case tools::Change::Kind::kResourceList:
      if (!change.owner.empty() && change.owner != tools::OwnerOf(principal_)) {
        return;  // that somebody else works here is not theirs to know
      }
      notice.method = "notifications/resources/list_changed";
      break;
    case tools::Change::Kind::kResource:
      notice = {"notifications/resources/updated", {{"uri", change.subject}}};
      break;
    case tools::Change::Kind::kJob:
      NotifyTask(change);
      return;
  }
  listens_.Notify(change, notice.method, notice.params);
  if (general_ == nullptr) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    const bool is_watched =
        change.kind != tools::Change::Kind::kResource || watched_.contains(change.subject);
    if (closed_ || !edition_.has_value() || !is_watched) {
      return;
    }
  }
  general_->Send(jsonrpc::SerializeNotification(notice.method, notice.params),
                 SendClass::kProgress);
}

void Session::NotifyTask(const tools::Change& change) {
  tools::JobRunner* jobs = server_.backends().jobs;
  if (jobs == nullptr || !listens_.Wants(change)) {
    return;
  }
  if (const auto job = jobs->Get(change.subject, principal_)) {
    listens_.Notify(change, "notifications/tasks",
                    DetailedTaskJson(AllEditions().back(), server_.options().identity, *job));
  }
}

std::optional<Edition> Session::edition() const {
  const std::lock_guard lock(mutex_);
  return edition_;
}

void Session::Settle(Edition edition, json capabilities) {
  const std::lock_guard lock(mutex_);
  edition_ = edition;
  capabilities_ = std::make_shared<const json>(std::move(capabilities));
}

tools::Severity Session::log_level() const {
  const std::lock_guard lock(mutex_);
  return log_level_;
}

void Session::SetLogLevel(tools::Severity level) {
  const std::lock_guard lock(mutex_);
  log_level_ = level;
}

bool Session::Watch(const std::string& uri) {
  const std::lock_guard lock(mutex_);
  if (watched_.size() >= server_.options().max_subscriptions && !watched_.contains(uri)) {
    return false;
  }
  watched_.insert(uri);
  return true;
}

void Session::Unwatch(const std::string& uri) {
  const std::lock_guard lock(mutex_);
  watched_.erase(uri);
}

}  // namespace casemate::mcp
