#include "mcp/server/dispatcher.h"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "base/log.h"
#include "mcp/protocol/wire.h"
#include "mcp/server/connection.h"
#include "mcp/server/errors.h"

namespace casemate::mcp {

using nlohmann::json;

namespace {

const std::string kVersionField = "params._meta." + std::string(kMetaVersion);

bool IsKnownMethod(std::string_view method) {
  constexpr std::array<std::string_view, 5> kMethods = {"initialize", "ping", "server/discover",
                                                        "tools/list", "tools/call"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

const json* Find(const json& object, std::string_view key) {
  const auto found = object.find(std::string(key));
  return found == object.end() ? nullptr : &*found;
}

// Checks what every modern request carries; null after answering with an error.
const EditionTraits* ModernEdition(const json& meta, ReplyOnce& reply) {
  const json* version = Find(meta, kMetaVersion);
  if (version == nullptr || !version->is_string()) {
    reply.Fail(InvalidParams(kVersionField, "a string", version));
    return nullptr;
  }
  const auto edition = EditionFromVersion(version->get<std::string>());
  if (!edition.has_value() || !TraitsOf(*edition).modern) {
    reply.Fail(UnsupportedVersion(*version));
    return nullptr;
  }
  const json* capabilities = Find(meta, kMetaCapabilities);
  if (capabilities == nullptr || !capabilities->is_object()) {
    reply.Fail(
        InvalidParams("params._meta." + std::string(kMetaCapabilities), "an object", capabilities));
    return nullptr;
  }
  return &TraitsOf(*edition);
}

}  // namespace

Dispatcher::Dispatcher(tools::ToolExecutor& executor, Transport& transport,
                       policies::Principal principal, ServerOptions options)
    : connection_(std::make_unique<Connection>(executor, transport, std::move(principal),
                                               std::move(options))) {}
Dispatcher::~Dispatcher() {
  Shutdown();
}

void Dispatcher::HandleMessage(std::string_view text) {
  try {
    connection_->Handle(text);
  } catch (const std::exception& error) {  // a library's; ReplyOnce has answered the request
    Log(LogLevel::kError, std::string("a message could not be handled: ") + error.what());
  }
}

void Dispatcher::HandleOversized(std::size_t limit_bytes) {
  connection_->HandleOversized(limit_bytes);
}
void Dispatcher::Shutdown() {
  connection_->Shutdown();
}

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
  const jsonrpc::RpcError error{jsonrpc::kParseError,
                                "Parse error: expected a message of at most " +
                                    std::to_string(limit_bytes) + " bytes, got a longer one",
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
  if (const json* given = Find(notification.params, "requestId")) {
    if (const auto id = jsonrpc::IdFromJson(*given)) {
      calls_.Cancel(*id);
    }
  }
}

// The body decides, message by message: a request that carries the modern metadata is served
// without state; all others belong to the edition that initialize settled.
const EditionTraits* Dispatcher::Connection::EditionOf(const jsonrpc::Request& request,
                                                       ReplyOnce& reply) {
  static const json no_meta = json::object();
  const json* given = Find(request.params, "_meta");
  const json& meta = given == nullptr ? no_meta : *given;
  if (!meta.is_object()) {
    reply.Fail(InvalidParams("params._meta", "an object", &meta));
    return nullptr;
  }
  // Clients probe with server/discover before they know anything: silence would hang them.
  if (meta.contains(std::string(kMetaVersion)) || meta.contains(std::string(kMetaCapabilities)) ||
      request.method == "server/discover") {
    return ModernEdition(meta, reply);
  }
  if (!IsKnownMethod(request.method)) {
    reply.Fail(MethodNotFound(request.method));
    return nullptr;
  }
  const bool needs_no_edition = request.method == "ping" || request.method == "initialize";
  if (!legacy_edition_.has_value() && !needs_no_edition) {
    reply.Fail(InvalidRequest("expected initialize first, or " + kVersionField + ", got " +
                              request.method));
    return nullptr;
  }
  return &TraitsOf(legacy_edition_.value_or(LatestLegacyEdition()));
}

void Dispatcher::Connection::OnRequest(jsonrpc::Request request) {
  ReplyOnce reply(transport_, request.id);
  if (calls_.Contains(request.id)) {
    reply.Fail(InvalidRequest("id: expected a new id, got that of a request still in progress"));
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
    reply.Fail(MethodNotFound(request.method));
  }
}

void Dispatcher::Connection::Initialize(const jsonrpc::Request& request, ReplyOnce reply) {
  const json* version = Find(request.params, "protocolVersion");
  if (version == nullptr || !version->is_string()) {
    reply.Fail(InvalidParams("params.protocolVersion", "a string", version));
    return;
  }
  for (const char* name : {"capabilities", "clientInfo"}) {
    if (const json* given = Find(request.params, name); given != nullptr && !given->is_object()) {
      reply.Fail(InvalidParams("params." + std::string(name), "an object", given));
      return;
    }
  }
  // The edition must not change under a call that is to be answered by it.
  if (!calls_.empty()) {
    reply.Fail(InvalidRequest("expected no call in progress at initialize; wait for its answer"));
    return;
  }
  const auto asked = EditionFromVersion(version->get<std::string>());
  const bool usable = asked.has_value() && !TraitsOf(*asked).modern;
  legacy_edition_ = usable ? *asked : LatestLegacyEdition();
  reply.Succeed(InitializeResult(TraitsOf(*legacy_edition_)));
}

void Dispatcher::Connection::ListTools(const EditionTraits& edition,
                                       const jsonrpc::Request& request, ReplyOnce reply) {
  if (const json* cursor = Find(request.params, "cursor")) {
    reply.Fail(InvalidParams("params.cursor", "nothing, for all tools are on one page", cursor));
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

}  // namespace casemate::mcp
