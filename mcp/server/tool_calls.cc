// tools/call: checked on the reader's thread, run on the pool, answered from there.
#include <exception>
#include <utility>

#include "base/log.h"
#include "mcp/protocol/wire.h"
#include "mcp/server/connection.h"
#include "mcp/server/errors.h"

namespace casemate::mcp {

using jsonrpc::RpcError;
using nlohmann::json;

struct Dispatcher::Connection::Call {
  const EditionTraits& edition;
  jsonrpc::Request request;
  ReplyOnce reply;
  CallsInFlight::Entry entry;  // removed before the reply, after which the client may reuse the id
};

namespace {

const json* Find(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

const json* ProgressToken(const json& params) {
  const json* meta = Find(params, "_meta");
  return meta == nullptr ? nullptr : Find(*meta, "progressToken");
}

// Whether tools/call has params of the right types; the tool itself judges its arguments.
std::optional<RpcError> CheckParams(const json& params) {
  const json* name = Find(params, "name");
  if (name == nullptr || !name->is_string()) {
    return InvalidParams("params.name", "the name of a tool as a string", name);
  }
  const json* args = Find(params, "arguments");
  if (args != nullptr && !args->is_object()) {
    return InvalidParams("params.arguments", "an object", args);
  }
  const json* token = ProgressToken(params);
  if (token != nullptr && !token->is_string() && !token->is_number_integer()) {
    return InvalidParams("params._meta.progressToken", "a string or an integer", token);
  }
  return std::nullopt;
}

RpcError UnknownTool(const Error& error) {
  const std::string remedy = error.remedy.empty() ? "" : "; " + error.remedy;
  return {jsonrpc::kInvalidParams,
          "Invalid params: params.name: " + error.message + remedy,
          {{"field", "params.name"}}};
}

// The structured error if the tool refused its arguments; null otherwise.
const json* BadArguments(const tools::ToolResult& result) {
  if (!result.is_error || !result.structured.is_object()) {
    return nullptr;
  }
  const json* problem = Find(result.structured, "error");
  if (problem == nullptr || !problem->is_object()) {
    return nullptr;
  }
  const json* kind = Find(*problem, "kind");
  return kind != nullptr && *kind == "invalid_arguments" ? problem : nullptr;
}

void Answer(const EditionTraits& edition, const Result<tools::ToolResult>& result,
            ReplyOnce& reply) {
  if (!result) {
    const Error& error = result.error();
    reply.Fail(error.code == ErrorCode::kNotFound ? UnknownTool(error)
                                                  : InternalError(Describe(error)));
    return;
  }
  const json* problem = edition.bad_args_are_results ? nullptr : BadArguments(*result);
  if (problem != nullptr) {
    reply.Fail({jsonrpc::kInvalidParams, "Invalid params: " + result->text, *problem});
    return;
  }
  reply.Succeed(CallToolResult(edition, result->text, result->structured, result->is_error));
}

}  // namespace

void Dispatcher::Connection::CallTool(const EditionTraits& edition, jsonrpc::Request request,
                                      ReplyOnce reply) {
  if (const auto error = CheckParams(request.params)) {
    reply.Fail(*error);
    return;
  }
  auto entry = calls_.Add(request.id);
  // Shared only because std::function must be copyable; one thread at a time uses it.
  const auto call =
      std::make_shared<Call>(Call{edition, std::move(request), std::move(reply), std::move(entry)});
  const bool accepted = pool_.Submit([this, call] {
    try {
      RunCall(*call);
    } catch (const std::exception& error) {  // libraries; ours does not throw
      Log(LogLevel::kError, std::string("a call ended unexpectedly: ") + error.what());
      call->entry.Remove();
      if (call->entry.cancelled()) {
        call->reply.Forget();
      } else {
        call->reply.Fail(InternalError("the call ended unexpectedly; the server's log says why"));
      }
    }
  });
  if (!accepted) {
    call->entry.Remove();
    call->reply.Fail(ServerBusy());
  }
}

Result<tools::ToolResult> Dispatcher::Connection::Execute(Call& call) {
  const json& params = call.request.params;
  std::optional<ProgressRelay> relay;
  if (const json* token = ProgressToken(params)) {
    relay.emplace(transport_, call.edition, *token, call.entry.token());
  }
  tools::CallContext context;
  context.principal = principal_;
  context.channel = options_.channel;
  context.stop = call.entry.token();
  context.progress = relay.has_value() ? &*relay : nullptr;
  const json no_args = json::object();
  const json* args = Find(params, "arguments");
  auto result = executor_.Call(params.at("name").get_ref<const std::string&>(),
                               args == nullptr ? no_args : *args, context);
  if (relay.has_value()) {
    relay->Close();
  }
  return result;
}

void Dispatcher::Connection::RunCall(Call& call) {
  if (call.entry.cancelled()) {  // while it waited
    call.reply.Forget();
    return;
  }
  const auto result = Execute(call);
  call.entry.Remove();
  if (call.entry.cancelled()) {
    call.reply.Forget();
  } else {
    Answer(call.edition, result, call.reply);
  }
}

}  // namespace casemate::mcp
