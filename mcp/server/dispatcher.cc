#include "mcp/server/dispatcher.h"

#include "mcp/protocol/wire.h"
#include "mcp/server/connection.h"

namespace casemate::mcp {

using jsonrpc::RpcError;
using nlohmann::json;

namespace {

RpcError InvalidParams(const std::string& field, const std::string& what) {
  return {jsonrpc::kInvalidParams, "Invalid params: " + field + ": " + what, {{"field", field}}};
}

RpcError NotFound(const std::string& method) {
  return {jsonrpc::kMethodNotFound, "Method not found: " + method, nullptr};
}

// params._meta when it is an object; null otherwise.
const json* MetaOf(const json& params) {
  const auto meta = params.find("_meta");
  return meta != params.end() && meta->is_object() ? &*meta : nullptr;
}

}  // namespace

Dispatcher::Dispatcher(tools::ToolExecutor& executor, Transport& transport,
                       policies::Principal principal, ServerOptions options)
    : connection_(std::make_unique<Connection>(executor, transport, std::move(principal),
                                               std::move(options))) {}
Dispatcher::~Dispatcher() { Shutdown(); }
void Dispatcher::HandleMessage(std::string_view text) { connection_->Handle(text); }
void Dispatcher::HandleOversized(std::size_t limit_bytes) {
  connection_->HandleOversized(limit_bytes);
}
void Dispatcher::Shutdown() { connection_->Shutdown(); }

Dispatcher::Connection::Connection(tools::ToolExecutor& executor, Transport& transport,
                                   policies::Principal principal, ServerOptions options)
    : executor_(executor),
      transport_(transport),
      principal_(std::move(principal)),
      options_(std::move(options)),
      pool_(options_.max_concurrent_calls, options_.max_queued_calls) {}

void Dispatcher::Connection::Handle(std::string_view text) {
  auto parsed = jsonrpc::Parse(text, options_.json);
  if (const auto* failure = std::get_if<jsonrpc::ParseFailure>(&parsed)) {
    transport_.Send(jsonrpc::SerializeError(failure->id, failure->error), SendClass::kReply);
    return;
  }
  auto& message = std::get<jsonrpc::Message>(parsed);
  if (auto* request = std::get_if<jsonrpc::Request>(&message)) {
    OnRequest(std::move(*request));
  } else if (const auto* notification = std::get_if<jsonrpc::Notification>(&message)) {
    OnNotification(*notification);
  }
  // Responses: this server asks its clients nothing, so there is nothing that they could answer.
}

void Dispatcher::Connection::HandleOversized(std::size_t limit_bytes) {
  const RpcError error{jsonrpc::kParseError,
                       "Parse error: expected a line of at most " + std::to_string(limit_bytes) +
                           " bytes, got a longer one",
                       nullptr};
  transport_.Send(jsonrpc::SerializeError(std::nullopt, error), SendClass::kReply);
}

void Dispatcher::Connection::Shutdown() {
  calls_.CancelAll();
  pool_.Join();
}

void Dispatcher::Connection::OnNotification(const jsonrpc::Notification& notification) {
  if (notification.method != "notifications/cancelled") {
    return;  // unknown notifications are ignored, as JSON-RPC demands
  }
  const auto id = notification.params.find("requestId");
  if (id == notification.params.end()) {
    return;
  }
  if (id->is_string()) {
    calls_.Cancel(id->get<std::string>());
  } else if (id->is_number_integer()) {
    calls_.Cancel(id->get<std::int64_t>());
  }
}

const EditionTraits* Dispatcher::Connection::ModernEdition(const json& meta, ReplyOnce& reply) {
  const std::string version_field = "params._meta." + std::string(kMetaVersion);
  const json& version = meta.at(std::string(kMetaVersion));
  if (!version.is_string()) {
    reply.Fail(InvalidParams(version_field, "expected a string"));
    return nullptr;
  }
  const auto edition = EditionFromVersion(version.get<std::string>());
  if (!edition.has_value() || !TraitsOf(*edition).modern) {
    reply.Fail({kUnsupportedProtocolVersion, "Unsupported protocol version",
                UnsupportedVersionData(version)});
    return nullptr;
  }
  const auto capabilities = meta.find(std::string(kMetaCapabilities));
  if (capabilities == meta.end() || !capabilities->is_object()) {
    reply.Fail(InvalidParams("params._meta." + std::string(kMetaCapabilities),
                             "expected an object"));
    return nullptr;
  }
  return &TraitsOf(*edition);
}

// The body decides, message by message: a request that carries the modern metadata is served
// without state; all others belong to the edition that initialize settled.
const EditionTraits* Dispatcher::Connection::EditionOf(const jsonrpc::Request& request,
                                                       ReplyOnce& reply) {
  const json* meta = MetaOf(request.params);
  if (meta != nullptr && meta->contains(std::string(kMetaVersion))) {
    return ModernEdition(*meta, reply);
  }
  if (request.method == "server/discover") {
    reply.Fail(InvalidParams("params._meta." + std::string(kMetaVersion),
                             "expected the protocol version, got nothing"));
    return nullptr;
  }
  if (request.method == "ping" || request.method == "initialize") {
    return &TraitsOf(legacy_edition_.value_or(LatestLegacyEdition()));
  }
  if (!legacy_edition_.has_value()) {
    reply.Fail({jsonrpc::kInvalidRequest,
                "Invalid Request: send initialize first, or put " + std::string(kMetaVersion) +
                    " into params._meta",
                nullptr});
    return nullptr;
  }
  return &TraitsOf(*legacy_edition_);
}

void Dispatcher::Connection::OnRequest(jsonrpc::Request request) {
  ReplyOnce reply(transport_, request.id);
  if (calls_.Contains(request.id)) {
    reply.Fail({jsonrpc::kInvalidRequest,
                "Invalid Request: id: a request with this id is still in progress", nullptr});
    return;
  }
  const EditionTraits* edition = EditionOf(request, reply);
  if (edition == nullptr) {
    return;
  }
  if (request.method == "tools/call") {
    CallTool(*edition, std::move(request), std::move(reply));
  } else if (request.method == "tools/list") {
    ListTools(*edition, request, std::move(reply));
  } else if (request.method == "server/discover" && edition->modern) {
    reply.Succeed(DiscoverResult());
  } else if (request.method == "ping" && !edition->modern) {
    reply.Succeed(EmptyResult(*edition));
  } else if (request.method == "initialize" && !edition->modern) {
    Initialize(request, std::move(reply));
  } else {
    reply.Fail(NotFound(request.method));
  }
}

void Dispatcher::Connection::Initialize(const jsonrpc::Request& request, ReplyOnce reply) {
  const auto version = request.params.find("protocolVersion");
  if (version == request.params.end() || !version->is_string()) {
    reply.Fail(InvalidParams("params.protocolVersion", "expected a string"));
    return;
  }
  if (!calls_.empty()) {
    reply.Fail({jsonrpc::kInvalidRequest,
                "Invalid Request: initialize while calls are in progress", nullptr});
    return;
  }
  const auto asked = EditionFromVersion(version->get<std::string>());
  const bool usable = asked.has_value() && !TraitsOf(*asked).modern;
  legacy_edition_ = usable ? *asked : LatestLegacyEdition();
  reply.Succeed(InitializeResult(TraitsOf(*legacy_edition_)));
}

void Dispatcher::Connection::ListTools(const EditionTraits& edition,
                                       const jsonrpc::Request& request, ReplyOnce reply) {
  if (request.params.contains("cursor")) {
    reply.Fail(InvalidParams("params.cursor", "not a cursor of this server: all tools are on one page"));
    return;
  }
  json tools = json::array();
  for (const tools::ToolSpec* spec : executor_.List(principal_)) {
    const tools::Annotations& hints = spec->annotations;
    tools.push_back(ToolJson(edition, {spec->name, spec->title, spec->description,
                                       spec->input_schema, spec->output_schema, hints.read_only,
                                       hints.destructive, hints.idempotent, hints.open_world}));
  }
  reply.Succeed(ListToolsResult(edition, std::move(tools)));
}

void Dispatcher::Connection::CallTool(const EditionTraits& edition, jsonrpc::Request request,
                                      ReplyOnce reply) {
  const auto name = request.params.find("name");
  if (name == request.params.end() || !name->is_string()) {
    reply.Fail(InvalidParams("params.name", "expected the name of a tool"));
    return;
  }
  if (const auto args = request.params.find("arguments");
      args != request.params.end() && !args->is_object()) {
    reply.Fail(InvalidParams("params.arguments", "expected an object"));
    return;
  }
  const std::stop_source stop;
  const jsonrpc::RequestId id = request.id;
  calls_.Add(id, stop);
  // Shared, for std::function must be copyable; only one thread ever touches it.
  const auto shared_reply = std::make_shared<ReplyOnce>(std::move(reply));
  const bool queued =
      pool_.Submit([this, &edition, stop, shared_reply, request = std::move(request)] {
        RunCall(edition, request, stop, *shared_reply);
      });
  if (!queued) {
    calls_.Remove(id);
    constexpr int kServerBusy = 1001;  // of our own, outside JSON-RPC's reserved range
    shared_reply->Fail({kServerBusy, "Server busy: too many calls are waiting; try again later",
                        {{"retry", true}}});
  }
}

void Dispatcher::Connection::RunCall(const EditionTraits& edition, const jsonrpc::Request& request,
                                     const std::stop_source& stop, ReplyOnce& reply) {
  std::optional<ProgressRelay> relay;
  if (const json* meta = MetaOf(request.params)) {
    const auto token = meta->find("progressToken");
    if (token != meta->end() && (token->is_string() || token->is_number_integer())) {
      relay.emplace(transport_, edition, *token);
    }
  }
  const auto name = request.params.at("name").get<std::string>();
  const json args = request.params.value("arguments", json::object());
  tools::CallContext context;
  context.principal = principal_;
  context.channel = options_.channel;
  context.stop = stop.get_token();
  context.progress = relay.has_value() ? &*relay : nullptr;
  std::optional<Result<tools::ToolResult>> result;
  try {
    result.emplace(executor_.Call(name, args, context));
  } catch (const std::exception& error) {  // libraries; ours does not throw
    result.emplace(Error{ErrorCode::kInternal, error.what(), {}, {}, 0});
  }
  if (relay.has_value()) {
    relay->Close();
  }
  calls_.Remove(request.id);
  if (stop.stop_requested()) {
    reply.Forget();
  } else if (!*result) {
    const Error& error = result->error();
    const bool unknown = error.code == ErrorCode::kNotFound;
    reply.Fail({unknown ? jsonrpc::kInvalidParams : jsonrpc::kInternalError, Describe(error),
                unknown ? json{{"field", "params.name"}} : json(nullptr)});
  } else {
    const tools::ToolResult& done = **result;
    const json problem = done.structured.value("error", json::object());
    if (done.is_error && !edition.bad_args_are_results &&
        problem.value("kind", "") == "invalid_arguments") {
      reply.Fail({jsonrpc::kInvalidParams, done.text, problem});
    } else {
      reply.Succeed(CallToolResult(edition, done.text, done.structured, done.is_error));
    }
  }
}

}  // namespace casemate::mcp
